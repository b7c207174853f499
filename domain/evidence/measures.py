"""Measures of one walked position: how far the price moved, how much was given back, what a stop costs.

Distances and results are fractions of the entry price or of the entry notional; excursions are measured from
the entry, in the direction of the position. If the candle of the entry or exit does not show what came before
the exit, a measure is an interval: the lower end uses only whole candles between, the upper end includes both
in full.
"""

from collections.abc import Sequence

from msgspec import Struct

from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.simulation.candle import Candle, CandleSeries
from exitbrain.domain.simulation.entry import Entry, entry_in
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup
from exitbrain.domain.simulation.ladder import ladder_of
from exitbrain.domain.simulation.outcome import TARGET_LEVELS, ExitLeg, History, LegLevel
from exitbrain.domain.simulation.plan import Increased, Plan

HOUR_MS = 3_600_000
REVERSAL_MS = 24 * HOUR_MS

_AT_CLOSE = (LegLevel.TRAIL, LegLevel.TIME, LegLevel.OPEN)
"""Legs at the close of their candle, so the whole candle came before them."""


class Excursion(Struct, frozen=True):
    """How far the price moved for the position (`favourable`) and against it (`adverse`); never below 0."""

    favourable: Interval
    adverse: Interval


def excursions(setup: ExitSetup, history: History, candles: CandleSeries) -> tuple[Excursion, ...]:
    """Return the excursions (MFE and MAE) from the entry to each leg, in leg order."""
    return tuple([_excursion(setup, leg, candles) for leg in history.legs])


def give_back(reached: Interval, realised: float) -> Interval | None:
    """Return (MFE - realised) / MFE: 0 if the whole gain was kept, 1 if none of it, above 1 for a loss.

    `reached` is the MFE to the last leg, `realised` the mean exit. None if a gain is not certain.
    """
    if reached.lower <= 0.0:
        return None
    ends = [(reach - realised) / reach for reach in (reached.lower, reached.upper)]
    return Interval(min(ends), max(ends))


def mean_exit(setup: ExitSetup, history: History) -> float:
    """Return the mean distance of the exits from the first entry, weighted by the fraction each closed.

    For a position that never grew, this is its gross result.
    """
    d, entry = setup.side.direction, setup.entry
    total = closed = 0.0
    for leg in history.legs:
        total = total + leg.fraction * d * (leg.price - entry) / entry
        closed = closed + leg.fraction
    return total / closed


def targets_hit(history: History) -> int:
    """Return how many of the three targets were reached, which is the number of the farthest."""
    return max(
        (TARGET_LEVELS.index(leg.level) + 1 for leg in history.legs if leg.level in TARGET_LEVELS), default=0
    )


def stop_then_reverse(setup: ExitSetup, history: History, candles: CandleSeries) -> bool | None:
    """Return whether the price reached the first target within min(hold, 24 h) after the stop closed all.

    The hold lasts from the entry to the end of the stop's candle, where the window begins; every candle that
    opens in the window counts. None without a stop before the first target, or if the data end first without
    a reversal.
    """
    leg = history.legs[-1]
    if leg.level is not LegLevel.SL or targets_hit(history):
        return None
    begin = _candle_end(leg, candles)
    end = begin + min(begin - setup.opened_at_ms, REVERSAL_MS)
    d, target = setup.side.direction, ladder_of(setup).targets[0].price
    for candle in candles.between(begin, end):
        if d * ((candle.high if d > 0 else candle.low) - target) >= 0:
            return True
    return False if end <= candles.end_ms else None


def stop_distance(setup: ExitSetup) -> float:
    """Return the distance of the first stop from the entry, as a fraction of the entry price."""
    return setup.side.direction * (setup.entry - setup.stop) / setup.entry


def loss_at_stop(setup: ExitSetup, leverage: float) -> float:
    """Return the loss if all closes at the first stop, with fees and slippage, as a fraction of margin."""
    costs = setup.costs
    exit_costs = (costs.fee_rate + costs.slippage_rate) * setup.stop / setup.entry
    return (stop_distance(setup) + costs.fee_rate + exit_costs) * leverage


def cost_to_break_even(costs: Costs, direction: int) -> float:
    """Return how far the price must move for a full market exit to net 0, as a fraction of the entry.

    It pays the entry fee, and the exit fee and slippage on the exit price: x = fee + (fee + slippage)(1 + d
    x).
    """
    of_exit = costs.fee_rate + costs.slippage_rate
    return (costs.fee_rate + of_exit) / (1 - direction * of_exit)


def hourly_results(plan: Plan, history: History, candles: CandleSeries) -> dict[int, float]:
    """Return the gross result of each UTC hour (counted from 1970) of a position, marked at candle closes.

    The result at a close is that of the legs so far plus the open part at that close. The result of an hour
    is the one at its last close minus the one at the close before it. A longer candle counts for the hour it
    opens in.
    """
    setup = plan.setup
    d, entry = setup.side.direction, setup.entry
    legs, increases = list(history.legs), [each for each in plan.changes if isinstance(each, Increased)]
    brought: dict[int, float] = {}
    realised, still_open, before = 0.0, 1.0, 0.0
    for candle in candles.between(_first_open(setup, candles), history.legs[-1].at_ms + 1):
        while increases and increases[0].at_ms <= candle.open_time_ms:
            increase = increases.pop(0)
            realised = realised + increase.added * d * (entry - increase.price) / entry
            still_open = still_open + increase.added
        while legs and legs[0].at_ms < candle.open_time_ms + candles.interval_ms:
            leg = legs.pop(0)
            realised = realised + leg.fraction * d * (leg.price - entry) / entry
            still_open = still_open - leg.fraction
        result = realised + still_open * d * (candle.close - entry) / entry if legs else realised
        hour = candle.open_time_ms // HOUR_MS
        brought[hour] = brought.get(hour, 0.0) + (result - before)
        before = result
    return brought


def worst_hour(positions: Sequence[dict[int, float]]) -> tuple[int, float] | None:
    """Return the hour with the lowest total result of all positions, and that result; None without hours."""
    total: dict[int, float] = {}
    for hours in positions:
        for hour, result in hours.items():
            total[hour] = total.get(hour, 0.0) + result
    return min(total.items(), key=lambda hour: (hour[1], hour[0]), default=None)


def _excursion(setup: ExitSetup, leg: ExitLeg, candles: CandleSeries) -> Excursion:
    d, entry = setup.side.direction, setup.entry
    first, last = candles.index_at(setup.opened_at_ms), candles.index_at(leg.at_ms)
    walked = candles.candles[first : last + 1]
    whole = walked
    if entry_in(setup, candles, first) is not Entry.BEFORE:
        whole = whole[1:]
    seen = [entry, leg.price]
    if whole and leg.level not in _AT_CLOSE:
        seen.append(whole[-1].open)
        whole = whole[:-1]
    high, low = max(seen), min(seen)
    return Excursion(
        *(
            Interval(_farthest(high, low, whole, way, entry), _farthest(high, low, walked, way, entry))
            for way in (d, -d)
        )
    )


def _farthest(high: float, low: float, candles: Sequence[Candle], direction: int, entry: float) -> float:
    if direction > 0:
        farthest = max(high, max((candle.high for candle in candles), default=high))
    else:
        farthest = min(low, min((candle.low for candle in candles), default=low))
    return direction * (farthest - entry) / entry


def _first_open(setup: ExitSetup, candles: CandleSeries) -> int:
    return candles.opens_ms[candles.index_at(setup.opened_at_ms)]


def _candle_end(leg: ExitLeg, candles: CandleSeries) -> int:
    return candles.opens_ms[candles.index_at(leg.at_ms)] + candles.interval_ms
