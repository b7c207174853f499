"""Measures of a policy over all walked positions, for both bounds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from exitbrain.application.whatif.outcomes import PositionOutcome, Walked
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.measures import (
    Excursion,
    cost_to_break_even,
    excursions,
    give_back,
    hourly_results,
    loss_at_stop,
    mean_exit,
    stop_then_reverse,
    targets_hit,
    worst_hour,
)
from exitbrain.domain.evidence.sizes import ResultSizes, ResultUnit
from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.outcome import History, LegLevel
from exitbrain.domain.values import EPOCH


class HistoryMeasures(Struct, frozen=True):
    """The measures of one history, as defined in `domain.evidence.measures`.

    `excursions` has one entry up to each leg; the last covers the whole position. `reversed` is None if no
    stop came before TP1 or the data end too early. `r` is the net result in units of R, `r_own` in units of R with
    the policy's own stops; each is None where that R is 0.
    """

    excursions: tuple[Excursion, ...]
    give_back: Interval | None
    targets_hit: int
    stopped: bool
    reversed: bool | None
    r: float | None
    r_own: float | None


class PositionMeasures(Struct, frozen=True):
    """The measures of one position under one policy; `loss_at_stop` is None without a leverage."""

    pessimistic: HistoryMeasures
    optimistic: HistoryMeasures
    loss_at_stop: float | None
    cost_to_break_even: float


class WorstHour(Struct, frozen=True):
    """The UTC hour in which all open positions together earned least (gross, in the unit judged)."""

    hour: datetime
    result: float


class BoundSummary(Struct, frozen=True):
    """One bound of a policy over all positions; a mean covers positions with the measure, None without any.

    `hit` counts the positions that reached TP1, TP2 and TP3, `stopped` those stopped before TP1. Of the
    stopped, `reversed` reached TP1 soon after; for `unknown` the data end too early to tell.
    """

    hit: tuple[int, ...]
    stopped: int
    reversed: int
    unknown: int
    mfe: Interval | None
    mae: Interval | None
    give_back: Interval | None
    mean_r: float | None
    worst_r: float | None
    mean_r_own: float | None
    worst_hour: WorstHour | None


class PolicySummary(Struct, frozen=True):
    """Both bounds of a policy, with the largest loss at the stop and the mean cost of all positions."""

    pessimistic: BoundSummary
    optimistic: BoundSummary
    loss_at_stop: float | None
    cost_to_break_even: float | None


def measures_of(outcome: PositionOutcome, walked: Walked) -> PositionMeasures:
    """Measure a position under one policy."""
    setup, leverage = walked.plan.setup, outcome.leverage

    def measured(history: History) -> HistoryMeasures:
        return history_measures(setup, history, outcome.market.candles, outcome.sizes, walked.own_risk)

    return PositionMeasures(
        measured(walked.bounds.pessimistic),
        measured(walked.bounds.optimistic),
        None if leverage is None else loss_at_stop(setup, leverage),
        cost_to_break_even(setup.costs, setup.side.direction),
    )


def history_measures(
    setup: ExitSetup, history: History, candles: CandleSeries, sizes: ResultSizes, own_risk: float
) -> HistoryMeasures:
    """Measure one history, which must end within the candles."""
    to_legs = excursions(setup, history, candles)
    hit = targets_hit(history)
    return HistoryMeasures(
        excursions=to_legs,
        give_back=give_back(to_legs[-1].favourable, mean_exit(setup, history)),
        targets_hit=hit,
        stopped=history.legs[-1].level is LegLevel.SL and not hit,
        reversed=stop_then_reverse(setup, history, candles),
        r=sizes.measured(ResultUnit.R, history.net),
        r_own=history.net / own_risk if own_risk > 0.0 else None,
    )


def summary_of(
    outcomes: Sequence[PositionOutcome],
    walked: Sequence[Walked],
    measured: Sequence[PositionMeasures],
    unit: ResultUnit,
) -> PolicySummary:
    """Summarise one policy; `walked` and `measured` hold the same positions in the same order."""
    losses = [each.loss_at_stop for each in measured if each.loss_at_stop is not None]
    hours: list[WorstHour | None] = []
    for bound in ("pessimistic", "optimistic"):
        found = worst_hour(
            [
                _hourly(outcome, one, getattr(one.bounds, bound), unit)
                for outcome, one in zip(outcomes, walked, strict=True)
            ]
        )
        hours.append(None if found is None else WorstHour(EPOCH + timedelta(hours=found[0]), found[1]))
    return PolicySummary(
        _bound([each.pessimistic for each in measured], hours[0]),
        _bound([each.optimistic for each in measured], hours[1]),
        max(losses, default=None),
        _mean([each.cost_to_break_even for each in measured]),
    )


def _hourly(outcome: PositionOutcome, walked: Walked, history: History, unit: ResultUnit) -> dict[int, float]:
    found = {
        hour: outcome.sizes.measured(unit, result)
        for hour, result in hourly_results(walked.plan, history, outcome.market.candles).items()
    }
    return {hour: result for hour, result in found.items() if result is not None}


def _bound(measured: Sequence[HistoryMeasures], worst: WorstHour | None) -> BoundSummary:
    stopped = [each for each in measured if each.stopped]
    rs = [each.r for each in measured if each.r is not None]
    first, second, third = (len([each for each in measured if each.targets_hit >= n]) for n in (1, 2, 3))
    return BoundSummary(
        hit=(first, second, third),
        stopped=len(stopped),
        reversed=len([each for each in stopped if each.reversed]),
        unknown=len([each for each in stopped if each.reversed is None]),
        mfe=_mean_interval([each.excursions[-1].favourable for each in measured]),
        mae=_mean_interval([each.excursions[-1].adverse for each in measured]),
        give_back=_mean_interval([each.give_back for each in measured if each.give_back is not None]),
        mean_r=_mean(rs),
        worst_r=min(rs, default=None),
        mean_r_own=_mean([each.r_own for each in measured if each.r_own is not None]),
        worst_hour=worst,
    )


def _mean_interval(intervals: Sequence[Interval]) -> Interval | None:
    lower = _mean([each.lower for each in intervals])
    upper = _mean([each.upper for each in intervals])
    return None if lower is None or upper is None else Interval(lower, upper)


def _mean(values: Sequence[float]) -> float | None:
    if not values:
        return None
    total = 0.0
    for value in values:
        total = total + value
    return total / len(values)
