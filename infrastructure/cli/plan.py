"""The command `plan`: the history of one exit plan and of its position."""

from typing import Annotated

from typer import Argument

from exitbrain.application.queries import lookup
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.options import Json, Store, verbs
from exitbrain.infrastructure.cli.store import READING, reading
from exitbrain.infrastructure.presentation.plan import plan_report, plan_text

verb = verbs()


@verb.command(epilog="Example: exitbrain plan 5d0c2f11")
def plan(
    plan_id: Annotated[
        str, Argument(metavar="PLAN_ID", help="Id of a plan or its position, or the beginning of it.")
    ],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Report the history of one plan and of its position."""
    with reading(store, READING) as store_read:
        history = lookup.plan_history(store_read.ledger, store_read.index(), plan_id)
        report = plan_report(history, store_read.ledger.register())
    output.give(report, plan_text(report), as_json=as_json)
