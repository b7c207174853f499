"""The command `positions`: open positions, or all of them, with their latest levels."""

from typing import Annotated

from typer import Option

from exitbrain.application.queries import lookup
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.given import symbol_of
from exitbrain.infrastructure.cli.options import Json, OfSymbol, Store, Wide, verbs
from exitbrain.infrastructure.cli.store import READING, reading
from exitbrain.infrastructure.presentation.positions import positions_report, positions_table

verb = verbs()


@verb.command(epilog="Example: exitbrain positions --all --symbol BTCUSDT")
def positions(
    closed: Annotated[bool, Option("--all", help="Closed positions too.")] = False,
    symbol: OfSymbol = None,
    store: Store = None,
    wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Report the open positions, or all of them."""
    wanted = None if symbol is None else symbol_of(symbol)
    with reading(store, READING) as store_read:
        ledger, work, name = store_read.ledger, store_read.work, store_read.name
        found = lookup.positions(
            ledger, store_read.index(), closed=closed, symbol=wanted, progress=work.reached
        )
        report = positions_report(found, ledger.register())
    none = f"{name}: no {'' if closed else 'open '}positions{f' in {wanted}' if wanted else ''}."
    text = [positions_table(report, f"Positions of {name}") if report.positions else none]
    output.give(report, text, as_json=as_json, wide=wide)
