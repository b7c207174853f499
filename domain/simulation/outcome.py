"""The result of a walk: the legs of a history, its costs, and the two histories that bound all others."""

from enum import StrEnum

from msgspec import Struct


class LegLevel(StrEnum):
    """What closed a part of a position; OPEN is no exit but what is left at the end of the data."""

    TP1 = "TP1"
    TP2 = "TP2"
    TP3 = "TP3"
    SL = "SL"
    BREAK_EVEN = "BREAK_EVEN"
    TRAIL = "TRAIL"
    TIME = "TIME"
    LIQUIDATION = "LIQUIDATION"
    EXTERNAL = "EXTERNAL"
    OPEN = "OPEN"


TARGET_LEVELS = (LegLevel.TP1, LegLevel.TP2, LegLevel.TP3)


class ExitLeg(Struct, frozen=True):
    """A part of the position that closed: `fraction` of the original quantity at `price`.

    `at_ms` is the open time of the candle or, if `refined`, of the lower-timeframe candle or trade. `traded`
    is the first lower-timeframe price at or beyond the level, None if unknown. `overshoot = fraction*d*(price
    - traded)/E` is how much better the level was than the market; the bounds do not include it.
    """

    level: LegLevel
    fraction: float
    price: float
    at_ms: int
    refined: bool = False
    traded: float | None = None
    overshoot: float | None = None


class History(Struct, frozen=True):
    """One possible course from entry to end; all numbers are fractions of the entry notional.

    `net = gross - entry_fee - exit_fees - slippage - funding`, in this order. `holes` counts the runs of missing
    candles while it was open.
    """

    legs: tuple[ExitLeg, ...]
    gross: float
    entry_fee: float
    exit_fees: float
    slippage: float
    funding: float
    net: float
    holes: int

    @property
    def is_open(self) -> bool:
        """Return whether a part is still open at the end of the data."""
        return self.legs[-1].level is LegLevel.OPEN


class ExitBounds(Struct, frozen=True):
    """The lowest and the highest of all final histories, net of costs.

    `ambiguous` says that there is more than one final history. `ambiguous_candles` counts the candles that by
    themselves leave the order of touches open, `refined_candles` those walked through lower-timeframe data,
    `unrefined_candles` those whose lower-timeframe data were incomplete or did not add up. `first_candle_ms`
    is the open time of the first candle, `last_end_ms` the time of the last leg of the history that ends last.
    `entry_off_market` says that the entry lies outside low..high of its
    candle; None if that candle is missing. `mark_assumed` says that the contract price was used instead of
    the mark price to decide on liquidation. `wrong_kind` names the orders ("stop", "targets") that candles of
    this price kind cannot trigger.
    """

    pessimistic: History
    optimistic: History
    ambiguous: bool
    ambiguous_candles: int
    refined_candles: int
    unrefined_candles: int
    first_candle_ms: int
    last_end_ms: int
    entry_off_market: bool | None
    mark_assumed: bool = False
    wrong_kind: tuple[str, ...] = ()

    @property
    def holes(self) -> int:
        """Return the holes while open, the larger number of the two bounds."""
        return max(self.pessimistic.holes, self.optimistic.holes)


class PolicyDifference(Struct, frozen=True):
    """Two policies on the same prices: the pairs of histories with the lowest and highest difference.

    Each pair is (baseline, candidate); the difference is candidate minus baseline, net. `last_end_ms` is when the
    last of all possible histories ended.
    """

    lowest: tuple[History, History]
    highest: tuple[History, History]
    ambiguous: bool
    last_end_ms: int

    @property
    def lower(self) -> float:
        """Return the lowest difference, as a fraction of the entry notional."""
        return self.lowest[1].net - self.lowest[0].net

    @property
    def upper(self) -> float:
        """Return the highest difference, as a fraction of the entry notional."""
        return self.highest[1].net - self.highest[0].net
