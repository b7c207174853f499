"""The market data of a walk: candles of one interval, trades, funding rates."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from math import isfinite

from msgspec import Struct

from exitbrain.domain.errors import InvalidValue

MINUTE_MS = 60_000
STRETCHES = (8, 64, 512)
"""How many candles a walk may skip at once if nothing can happen in them."""


class PriceKind(StrEnum):
    """The price that candles describe, or that triggers an order."""

    CONTRACT = "contract"
    MARK = "mark"


class Candle(Struct, frozen=True):
    """The open, highest, lowest and last price of an interval that begins at `open_time_ms` (UTC)."""

    open_time_ms: int
    open: float
    high: float
    low: float
    close: float

    def __post_init__(self) -> None:
        if not (
            0.0 < self.low <= self.open <= self.high
            and self.low <= self.close <= self.high
            and isfinite(self.high)
        ):
            prices = (self.open, self.high, self.low, self.close)
            raise InvalidValue(
                f"candle at {self.open_time_ms} (open, high, low, close)",
                prices,
                "finite prices above 0 with low <= open, close <= high",
            )


class Trade(Struct, frozen=True):
    """A traded price with its time (milliseconds, UTC)."""

    at_ms: int
    price: float

    def __post_init__(self) -> None:
        if not (self.price > 0.0 and isfinite(self.price)):
            raise InvalidValue(f"trade at {self.at_ms} price", self.price, "a finite price above 0")


class FundingRate(Struct, frozen=True):
    """A rate that longs paid to shorts, as a fraction of notional; its time may be some milliseconds off."""

    at_ms: int
    rate: float

    def __post_init__(self) -> None:
        if not isfinite(self.rate):
            raise InvalidValue(f"funding rate at {self.at_ms}", self.rate, "a finite number")

    @property
    def minute_ms(self) -> int:
        """Return the time rounded to the nearest full minute; half a minute rounds up."""
        return (self.at_ms + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS


class Due(Struct, frozen=True):
    """A funding payment due: its time in full minutes, its rate, and the price it is paid on."""

    at_ms: int
    rate: float
    mark: float


class Stretch(Struct, frozen=True):
    """A run of candles without a hole: when the first opens, when the last ends, and the extremes."""

    from_ms: int
    until_ms: int
    low: float
    high: float


class CandleSeries(Struct, frozen=True, dict=True):
    """Candles of one interval in ascending order; some may be missing, but none may overlap."""

    interval_ms: int
    candles: Sequence[Candle]
    kind: PriceKind = PriceKind.CONTRACT

    def __post_init__(self) -> None:
        if self.interval_ms <= 0:
            raise InvalidValue("candle interval in ms", self.interval_ms, "above 0")
        if not self.candles:
            raise InvalidValue("candles", "none", "at least one")
        for before, after in pairwise(self.opens_ms):
            if (after - before) % self.interval_ms or after <= before:
                raise InvalidValue(
                    "candle open time",
                    after,
                    f"{before} plus a multiple of the interval of {self.interval_ms} ms",
                )

    @cached_property
    def opens_ms(self) -> Sequence[int]:
        """Return when each candle opens; cached, since every search needs it."""
        return [candle.open_time_ms for candle in self.candles]

    @property
    def end_ms(self) -> int:
        """Return when the last candle ends."""
        return self.opens_ms[-1] + self.interval_ms

    def stretch(self, place: int, length: int) -> Stretch | None:
        """Return the stretch of `length` candles from a place on; None if some are missing."""
        known = self._stretches[length]
        if place not in known:
            known[place] = self._stretch_of(self.candles[place : place + length], length)
        return known[place]

    @cached_property
    def _stretches(self) -> dict[int, dict[int, Stretch | None]]:
        """The stretches requested so far, by length and first candle."""
        return {length: {} for length in STRETCHES}

    def _stretch_of(self, candles: Sequence[Candle], length: int) -> Stretch | None:
        from_ms, until_ms = candles[0].open_time_ms, candles[-1].open_time_ms + self.interval_ms
        if len(candles) < length or until_ms - from_ms != length * self.interval_ms:
            return None
        low, high = min(candle.low for candle in candles), max(candle.high for candle in candles)
        return Stretch(from_ms, until_ms, low, high)

    def index_at(self, at_ms: int) -> int:
        """Return the index of the candle at a time, or of the next; raises InvalidValue outside the data."""
        if not self.opens_ms[0] <= at_ms < self.end_ms:
            raise InvalidValue(
                "opened_at in ms",
                at_ms,
                f"from {self.opens_ms[0]} to below {self.end_ms}, the range of the candles",
            )
        before = bisect_right(self.opens_ms, at_ms) - 1
        return before if at_ms < self.opens_ms[before] + self.interval_ms else before + 1

    def at(self, at_ms: int) -> Candle | None:
        """Return the candle at a time, None in a hole and outside the data."""
        before = bisect_right(self.opens_ms, at_ms) - 1
        if before < 0 or at_ms >= self.opens_ms[before] + self.interval_ms:
            return None
        return self.candles[before]

    def between(self, from_ms: int, to_ms: int) -> Sequence[Candle]:
        """Return the candles that open from `from_ms` to below `to_ms`."""
        return self.candles[bisect_left(self.opens_ms, from_ms) : bisect_left(self.opens_ms, to_ms)]


class TradeSeries(Struct, frozen=True, dict=True):
    """Trades in the order they happened; several may share a millisecond."""

    trades: Sequence[Trade]

    def __post_init__(self) -> None:
        for before, after in pairwise(self.times_ms):
            if after < before:
                raise InvalidValue("trade time", after, f"{before} or later, the time of the trade before it")

    @cached_property
    def times_ms(self) -> Sequence[int]:
        """Return when each trade happened; cached, since every search needs it."""
        return [trade.at_ms for trade in self.trades]

    def between(self, from_ms: int, to_ms: int) -> Sequence[Trade]:
        """Return the trades from `from_ms` to below `to_ms`."""
        return self.trades[bisect_left(self.times_ms, from_ms) : bisect_left(self.times_ms, to_ms)]


class Market(Struct, frozen=True):
    """All market data for a walk; only the candles are required.

    `mark` decides on liquidation and values funding. `lower_timeframe` gives the order and time of events
    inside a candle; if it does not add up to the candle, the first of `lower_timeframe_else` that does is
    used. Funding rates are in time order.
    """

    candles: CandleSeries
    mark: CandleSeries | None = None
    lower_timeframe: CandleSeries | TradeSeries | None = None
    funding: Sequence[FundingRate] = ()
    lower_timeframe_else: Sequence[CandleSeries | TradeSeries] = ()

    def __post_init__(self) -> None:
        for before, after in pairwise(self.funding):
            if after.minute_ms <= before.minute_ms:
                raise InvalidValue(
                    "funding time", after.at_ms, f"a later minute than the one before it, {before.at_ms}"
                )


def due_before(funding: list[FundingRate], until_ms: int, candle: Candle, market: Market) -> list[Due]:
    """Remove the funding due before a time from an ordered list; return it with the prices it is paid on."""
    dues = []
    while funding and funding[0].minute_ms < until_ms:
        rate = funding.pop(0)
        mark = None if market.mark is None else market.mark.at(rate.minute_ms)
        dues.append(Due(rate.minute_ms, rate.rate, candle.open if mark is None else mark.open))
    return dues
