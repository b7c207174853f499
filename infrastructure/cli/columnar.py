"""The columnar lane of the command `replay`."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from exitbrain.application.replay import ReplayReport, Selection
from exitbrain.infrastructure.cli import reports
from exitbrain.infrastructure.cli.errors import CanNotGoOn
from exitbrain.infrastructure.cli.store import Reading, visible_to_workers


@dataclass(frozen=True, slots=True)
class Columnar:
    """The verdicts, and what the mirror was used for."""

    verdicts: ReplayReport
    use: reports.MirrorUse


def replay_in_columns(
    store_read: Reading,
    folder: Path | None,
    selection: Selection,
    *,
    forced: bool,
    trust_mirror: bool,
    cluster: str | None,
) -> Columnar | str:
    """Replay over the mirror in a folder; return why not, where it can not be used and nobody forces it."""
    try:
        from exitbrain.infrastructure.lab.columnar_replay import ColumnarReplay  # noqa: PLC0415 - an extra
        from exitbrain.infrastructure.lab.lane import Choice, judging_mirror, needed_mirror  # noqa: PLC0415
    except ImportError as missing:
        why = f"the mirror needs the extra exitbrain[lab]: {missing}"
        if forced:
            raise CanNotGoOn(why) from missing
        return why
    ledger = store_read.ledger
    if folder is not None and cluster is not None:
        folder = folder.absolute()  # workers may stand in another folder
    if forced or folder is None:
        choice = Choice(needed_mirror(ledger, folder))
    else:
        choice = judging_mirror(ledger, folder)
    if choice.mirror is None:
        return choice.why_not or "there is no mirror"
    replay = ColumnarReplay(ledger, choice.mirror, store_read.container.decision_replay())
    with ExitStack() as stack:
        on = None
        if cluster is not None:
            from exitbrain.infrastructure.lab.cluster import on_cluster  # noqa: PLC0415 - an extra

            on = stack.enter_context(on_cluster(cluster))
        found = replay.run(
            selection,
            trust_mirror=trust_mirror,
            progress=store_read.work.reached,
            on=on,
            store=visible_to_workers(store_read.container.settings().store),
        )
    use = reports.MirrorUse(
        in_columns=found.in_columns, covers=found.covers, trusted=trust_mirror, notes=found.notes
    )
    return Columnar(found.verdicts, use)
