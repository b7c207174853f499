"""What a walk sees of the market: candles of one interval, trades, funding rates."""

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
"""How many candles a walk passes over at once where nothing can happen in them."""


class PriceKind(StrEnum):
    """Which price candles tell of, and which price triggers an order."""

    CONTRACT = "contract"
    MARK = "mark"


class Candle(Struct, frozen=True):
    """Open, highest, lowest and last price of one interval that begins at `open_time_ms` (UTC)."""

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
    """One traded price at a time (milliseconds, UTC)."""

    at_ms: int
    price: float

    def __post_init__(self) -> None:
        if not (self.price > 0.0 and isfinite(self.price)):
            raise InvalidValue(f"trade at {self.at_ms} price", self.price, "a finite price above 0")


class FundingRate(Struct, frozen=True):
    """A rate as a fraction of notional that longs paid to shorts; the stamp may lie some milliseconds off."""

    at_ms: int
    rate: float

    def __post_init__(self) -> None:
        if not isfinite(self.rate):
            raise InvalidValue(f"funding rate at {self.at_ms}", self.rate, "a finite number")

    @property
    def minute_ms(self) -> int:
        """Return the full minute nearest to the stamp; half a minute goes up."""
        return (self.at_ms + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS


class Due(Struct, frozen=True):
    """A funding that is due: its time in full minutes, its rate and the price that it is paid on."""

    at_ms: int
    rate: float
    mark: float


class Stretch(Struct, frozen=True):
    """Some candles without a hole among them: when the first opens, when the last ends, and the extremes."""

    from_ms: int
    until_ms: int
    low: float
    high: float


class CandleSeries(Struct, frozen=True, dict=True):
    """Candles of one interval in ascending order; intervals may be missing, none overlaps another."""

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
        """Return when each candle opens; kept, since every search asks for it."""
        return [candle.open_time_ms for candle in self.candles]

    @property
    def end_ms(self) -> int:
        """Return where the last candle ends."""
        return self.opens_ms[-1] + self.interval_ms

    def stretch(self, place: int, length: int) -> Stretch | None:
        """Return so many candles from a place on; None where there are fewer, or a hole among them."""
        known = self._stretches[length]
        if place not in known:
            known[place] = self._stretch_of(self.candles[place : place + length], length)
        return known[place]

    @cached_property
    def _stretches(self) -> dict[int, dict[int, Stretch | None]]:
        """Keep the stretches of each length that were asked for, by their first candle."""
        return {length: {} for length in STRETCHES}

    def _stretch_of(self, candles: Sequence[Candle], length: int) -> Stretch | None:
        from_ms, until_ms = candles[0].open_time_ms, candles[-1].open_time_ms + self.interval_ms
        if len(candles) < length or until_ms - from_ms != length * self.interval_ms:
            return None
        low, high = min(candle.low for candle in candles), max(candle.high for candle in candles)
        return Stretch(from_ms, until_ms, low, high)

    def index_at(self, at_ms: int) -> int:
        """Return which candle holds a moment, else the next one; raises InvalidValue before and after the data."""
        if not self.opens_ms[0] <= at_ms < self.end_ms:
            raise InvalidValue(
                "opened_at in ms", at_ms, f"from {self.opens_ms[0]} to below {self.end_ms}, where candles are"
            )
        before = bisect_right(self.opens_ms, at_ms) - 1
        return before if at_ms < self.opens_ms[before] + self.interval_ms else before + 1

    def at(self, at_ms: int) -> Candle | None:
        """Return the candle that holds a moment, None in a hole and outside the data."""
        before = bisect_right(self.opens_ms, at_ms) - 1
        if before < 0 or at_ms >= self.opens_ms[before] + self.interval_ms:
            return None
        return self.candles[before]

    def between(self, from_ms: int, to_ms: int) -> Sequence[Candle]:
        """Return the candles that open from `from_ms` to below `to_ms`."""
        return self.candles[bisect_left(self.opens_ms, from_ms) : bisect_left(self.opens_ms, to_ms)]


class TradeSeries(Struct, frozen=True, dict=True):
    """Trades in the order in which they happened; several may share a millisecond."""

    trades: Sequence[Trade]

    def __post_init__(self) -> None:
        for before, after in pairwise(self.times_ms):
            if after < before:
                raise InvalidValue("trade time", after, f"{before} or later, as the trade before it")

    @cached_property
    def times_ms(self) -> Sequence[int]:
        """Return when each trade happened; kept, since every search asks for it."""
        return [trade.at_ms for trade in self.trades]

    def between(self, from_ms: int, to_ms: int) -> Sequence[Trade]:
        """Return the trades from `from_ms` to below `to_ms`."""
        return self.trades[bisect_left(self.times_ms, from_ms) : bisect_left(self.times_ms, to_ms)]


class Market(Struct, frozen=True):
    """Everything a walk may look at; only the candles are needed.

    `mark` decides on liquidation and values funding, `lower_timeframe` tells order and time inside a candle; where it does not
    add up to one, the first of `lower_timeframe_else` that does. Funding rates stand in the order of time.
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
                    "funding time", after.at_ms, f"a later minute than {before.at_ms}, before it"
                )


def due_before(funding: list[FundingRate], until_ms: int, candle: Candle, market: Market) -> list[Due]:
    """Take the funding due before a time off a list in the order of time; return it with the price it is paid on."""
    dues = []
    while funding and funding[0].minute_ms < until_ms:
        rate = funding.pop(0)
        mark = None if market.mark is None else market.mark.at(rate.minute_ms)
        dues.append(Due(rate.minute_ms, rate.rate, candle.open if mark is None else mark.open))
    return dues
