"""The sizes of a recorded position, from its recorded entry, adds and reductions."""

from decimal import Decimal

from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.domain.evidence.sizes import ResultSizes
from exitbrain.domain.names import quote_currency
from exitbrain.domain.positions.events import PositionIncreased, PositionReduced
from exitbrain.domain.values import DECIMAL


def sizes_of(position: RecordedPosition, risk: float) -> ResultSizes:
    """Return the sizes of a position; `risk` is R with the stops of the baseline, a fraction of the first notional."""
    currency = quote_currency(position.symbol)
    quantity, price = position.quantity, position.entry_price
    if quantity is None or price is None:
        return ResultSizes(currency, None, None, 1.0, risk)
    first = DECIMAL.multiply(quantity, price)
    committed = _highest_basis(position, first)
    return ResultSizes(currency, first, committed, float(DECIMAL.divide(first, committed)), risk)


def _highest_basis(position: RecordedPosition, first: Decimal) -> Decimal:
    """Return the highest cost basis; a change of unknown amount or price changes nothing, as in the walk."""
    basis = highest = first
    for _, step in position.steps:
        match step:
            case PositionIncreased(added_price=price, added_quantity=added) if (
                price is not None and added is not None
            ):
                basis = DECIMAL.add(basis, DECIMAL.multiply(added, price))
            case PositionReduced(by=by, quantity=rest) if by is not None and rest is not None:
                basis = DECIMAL.multiply(basis, DECIMAL.divide(rest, DECIMAL.add(rest, by)))
        highest = max(highest, basis)
    return highest
