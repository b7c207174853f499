"""The command `index`: bring the index for look-ups up to date, or verify it."""

from time import perf_counter
from typing import Annotated

from typer import Option

from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import FINE, FOUND
from exitbrain.infrastructure.cli.options import Json, Store, verbs
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.presentation.index import IndexReport, index_text

verb = verbs()


@verb.command(epilog="Example: exitbrain index --verify")
def index(
    verify: Annotated[
        bool, Option("--verify", help="Read the whole log again and compare every row of the index.")
    ] = False,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Bring the index for look-ups up to date.

    Look-ups do the same when they find it behind. Changes nothing in the store. With --verify, exit code 1 if a row of
    the index differs from the log.
    """
    began_s = perf_counter()
    with reading(store, "indexing") as store_read:
        found = store_read.container.index()
        events = found.catch_up(store_read.work.reached)
        differences = list(found.differences()) if verify else []
        counts = found.counts()
        report = IndexReport(
            file=None if found.path is None else str(found.path),
            note=found.note,
            events=events,
            covers=found.upto,
            decisions=sum(counts.causes.values()),
            receipts=sum(counts.dispositions.values()),
            verified=verify,
            different=differences,
            seconds=round(perf_counter() - began_s, 6),
        )
    output.give(report, index_text(report), as_json=as_json)
    return FOUND if differences else FINE
