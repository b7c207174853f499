"""Checks that each recorded price lies in the candle of its time."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.domain.positions.events import PositionIncreased, PositionReduced
from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.fit import off_market
from exitbrain.domain.values import ms_of


class PriceOf(StrEnum):
    """What happened at a recorded price."""

    ENTRY = "entry"
    INCREASE = "increase"
    REDUCTION = "reduction"
    CLOSE = "close"


class RecordedPrice(Struct, frozen=True):
    """A recorded price; `off_market` is None if there is no candle at its time."""

    what: PriceOf
    at: datetime
    price: Decimal
    off_market: bool | None


def prices_of(position: RecordedPosition, candles: CandleSeries) -> tuple[RecordedPrice, ...]:
    """Return every recorded price of a position, in log order."""
    return tuple(
        [
            RecordedPrice(what, at, price, off_market(float(price), ms_of(at), candles))
            for what, at, price in _recorded(position)
            if price is not None
        ]
    )


def _recorded(position: RecordedPosition) -> Iterator[tuple[PriceOf, datetime, Decimal | None]]:
    yield PriceOf.ENTRY, position.opened_at, position.entry_price
    for at, step in position.steps:
        if isinstance(step, PositionIncreased):
            yield PriceOf.INCREASE, at, step.added_price
        elif isinstance(step, PositionReduced):
            yield PriceOf.REDUCTION, at, step.exit_price
    if position.closed is not None:
        yield PriceOf.CLOSE, position.closed.stamp.occurred_at, position.closed.exit_price
