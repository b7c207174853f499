"""The columnar lane of the command `replay`."""

from contextlib import ExitStack
from dataclasses import dataclass

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
    store_read: Reading, selection: Selection, *, trust_mirror: bool, cluster: str | None
) -> Columnar:
    """Replay over the mirror of a store; raises CanNotGoOn, NoMirror and AnotherStore where it can not be used."""
    try:
        from exitbrain.infrastructure.lab.columnar_replay import ColumnarReplay  # noqa: PLC0415 - an extra
        from exitbrain.infrastructure.lab.lane import needed_mirror  # noqa: PLC0415
    except ImportError as missing:
        raise CanNotGoOn(f"the mirror needs the extra exitbrain[lab]: {missing}") from missing
    container, ledger = store_read.container, store_read.ledger
    folder = container.settings().mirror_folder
    if folder is not None and cluster is not None:
        folder = folder.absolute()  # workers may stand in another folder
    replay = ColumnarReplay(ledger, needed_mirror(ledger, folder), container.decision_replay())
    with ExitStack() as stack:
        on = None
        if cluster is not None:
            from exitbrain.infrastructure.cli.cluster import on_named_cluster  # noqa: PLC0415 - an extra

            on = stack.enter_context(on_named_cluster(cluster))
        found = replay.run(
            selection,
            trust_mirror=trust_mirror,
            progress=store_read.work.reached,
            on=on,
            store=visible_to_workers(container.settings().store),
        )
    use = reports.MirrorUse(
        in_columns=found.in_columns,
        covers=found.covers,
        trusted=True,
        stored_bytes_hashed=not trust_mirror,
        notes=found.notes,
    )
    return Columnar(found.verdicts, use)
