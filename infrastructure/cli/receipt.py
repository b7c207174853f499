"""The command `receipt`: one message, its result and its effects."""

from typing import Annotated

from typer import Argument

from exitbrain.application.queries import lookup
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.options import Json, Store, flag, verbs
from exitbrain.infrastructure.cli.store import READING, reading
from exitbrain.infrastructure.presentation.receipt import receipt_report, receipt_text

verb = verbs()


@verb.command(epilog="Example: exitbrain receipt 1766550734062-1 --stream trade.intent")
def receipt(
    entry_id: Annotated[
        str, Argument(metavar="ENTRY_ID", help="Id of a stream entry or a receipt, or the beginning of it.")
    ],
    stream: Annotated[str | None, flag("NAME", "Only from this stream, like trade.intent.")] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Report a message with its result and effects."""
    with reading(store, READING) as store_read:
        ledger = store_read.ledger
        found = lookup.receipt(ledger, store_read.index(), entry_id, stream=stream)
        report = receipt_report(found, ledger.register())
    output.give(report, receipt_text(report, found.receipt.ignored_exit), as_json=as_json)
