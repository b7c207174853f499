"""The columnar lane of the command `replay`."""

from dataclasses import dataclass
from pathlib import Path

from exitbrain.application.replay import ReplayReport, Selection
from exitbrain.infrastructure.cli import reports
from exitbrain.infrastructure.cli.errors import CanNotGoOn
from exitbrain.infrastructure.cli.store import Reading


@dataclass(frozen=True, slots=True)
class Columnar:
    """The verdicts, and what the mirror was used for."""

    verdicts: ReplayReport
    use: reports.MirrorUse


def replay_in_columns(
    store_read: Reading, folder: Path | None, selection: Selection, *, forced: bool, trust_mirror: bool
) -> Columnar | str:
    """Replay over the mirror in a folder; return why not, where it can not be used and nobody forces it."""
    try:
        from exitbrain.infrastructure.lab.columnar_replay import ColumnarReplay  # noqa: PLC0415 - an extra
        from exitbrain.infrastructure.lab.lane import Choice, fresh_mirror, needed_mirror  # noqa: PLC0415
    except ImportError as missing:
        why = f"the mirror needs the extra exitbrain[lab]: {missing}"
        if forced:
            raise CanNotGoOn(why) from missing
        return why
    ledger = store_read.ledger
    if forced or folder is None:
        choice = Choice(needed_mirror(ledger, folder))
    else:
        choice = fresh_mirror(ledger, folder)
    if choice.mirror is None:
        return choice.why_not or "there is no mirror"
    replay = ColumnarReplay(ledger, choice.mirror, store_read.container.decision_replay())
    found = replay.run(selection, trust_mirror=trust_mirror, progress=store_read.work.reached)
    use = reports.MirrorUse(
        in_columns=found.in_columns, covers=found.covers, trusted=trust_mirror, notes=found.notes
    )
    return Columnar(found.verdicts, use)
