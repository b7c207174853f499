"""The command `export parquet`: write, rebuild or verify the columnar mirror of a store."""

from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Annotated

from typer import Argument, Option

from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import FINE, FOUND, CanNotGoOn, WrongUsage
from exitbrain.infrastructure.cli.options import Json, Store, verbs
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.presentation.mirror import ExportReport, export_text

verb = verbs()


@verb.command("parquet", epilog="Example: exitbrain export parquet --store sqlite:///t.db")
def export_parquet(
    folder: Annotated[
        str | None,
        Argument(
            metavar="DIR",
            help="Folder of the mirror; default EXITBRAIN_MIRROR, else PATH.mirror next to an SQLite store.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool, Option("--verify", help="Write nothing; compare every segment with the store, bit by bit.")
    ] = False,
    rebuild: Annotated[bool, Option("--rebuild", help="Rewrite every segment.")] = False,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Mirror the decisions of a store as Parquet segments, for replays and what-ifs over millions.

    Continues where the last export ended; a damaged segment is named and rebuilt. With --verify, exit code 1 if the
    mirror differs from the store.
    """
    try:
        from exitbrain.infrastructure.lab.mirror import Mirror, needed_mirror  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise CanNotGoOn(f"the laboratory needs the extra exitbrain[lab]: {missing}") from missing

    if verify and rebuild:
        raise WrongUsage("--verify compares and --rebuild writes; choose one")
    with reading(store, "verifying" if verify else "exporting") as store_read:
        ledger, settings = store_read.ledger, store_read.container.settings()
        where = settings.mirror_folder if folder is None else Path(folder)
        if where is None:
            raise WrongUsage("give the folder of the mirror, or set MIRROR: the store is not an SQLite file")

        def progress(position: int, decisions: int) -> None:
            store_read.work.reached(position, count=decisions, unit="decisions")

        began_s = perf_counter()
        if verify:
            found = needed_mirror(ledger, where).verify(ledger, progress=progress)
        else:
            found = Mirror.of(ledger, where).export(ledger, rebuild=rebuild, progress=progress)
        seconds = perf_counter() - began_s
        head = ledger.head()
    report = ExportReport(
        folder=str(where),
        verified=verify,
        covers=found.covers,
        segments=found.segments,
        written=found.written,
        decisions=found.decisions,
        damaged=found.damaged,
        different=found.different,
        seconds=round(seconds, 6),
    )
    output.give(
        report, chain(export_text(report, head), [f"{store_read.name}, {seconds:.2f} s"]), as_json=as_json
    )
    return FOUND if verify and (found.damaged or found.different) else FINE
