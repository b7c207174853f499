"""What a walk comes to: the legs of a history, its costs, and the two histories that bound all others."""

from enum import StrEnum

from msgspec import Struct


class LegLevel(StrEnum):
    """What closed a part of a position; OPEN is what is left at the end of the data, no exit."""

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

    `at_ms` is the open time of the candle; of the lower-timeframe candle, or of the trade, where `refined`. `traded` is the
    first lower-timeframe price at or beyond the level, None where that is not known, and
    `overshoot = fraction*d*(price - traded)/E`: what the level was better than the market, outside the bounds.
    """

    level: LegLevel
    fraction: float
    price: float
    at_ms: int
    refined: bool = False
    traded: float | None = None
    overshoot: float | None = None


class History(Struct, frozen=True):
    """One possible way from entry to end; all numbers are fractions of the entry notional.

    `net = gross - entry_fee - exit_fees - slippage - funding`, in this order. `holes` counts the runs of missing
    candles that it crossed while open.
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

    `ambiguous` says that more than one final history exists, `ambiguous_candles` in how many candles the order of
    touches, as far as the candle tells, left a choice; `refined_candles` how many were walked through lower-timeframe data, and
    `unrefined_candles` for how many the lower-timeframe data were not complete or did not add up to the candle. `first_candle_ms` is the
    open time of the first candle. `entry_off_market` says that the entry lies outside low..high of the candle it
    was made in; None where that candle is missing. `mark_assumed`: the contract price stood in for the mark price
    in deciding on liquidation. `wrong_kind` names the orders ("stop", "targets") that the candles, of another
    price kind, cannot trigger.
    """

    pessimistic: History
    optimistic: History
    ambiguous: bool
    ambiguous_candles: int
    refined_candles: int
    unrefined_candles: int
    first_candle_ms: int
    entry_off_market: bool | None
    mark_assumed: bool = False
    wrong_kind: tuple[str, ...] = ()

    @property
    def holes(self) -> int:
        """Return the holes crossed while open, the more of the two bounds."""
        return max(self.pessimistic.holes, self.optimistic.holes)


class PolicyDifference(Struct, frozen=True):
    """Two policies on the same prices: the pairs of histories whose difference is lowest and highest.

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
