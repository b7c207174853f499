"""What ends a plan apart from its levels and rules: a recorded close, or the end of the time it is followed."""

from bisect import bisect_right

from msgspec import Struct

from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.outcome import LegLevel
from exitbrain.domain.simulation.plan import Plan


class PlanEnding(Struct, frozen=True):
    """When and at which price everything still open closes, as a leg of this level with the time `leg_ms`."""

    at_ms: int
    price: float
    level: LegLevel
    leg_ms: int


def ending_of(plan: Plan, series: CandleSeries) -> PlanEnding | None:
    """Return what ends a plan; None if only its levels, its rules and the end of the data do."""
    external = plan.setup.external
    if external is not None:
        return PlanEnding(external.at_ms, external.price, LegLevel.EXTERNAL, external.at_ms)
    if plan.until_ms is None:
        return None
    entered = series.index_at(plan.setup.opened_at_ms)
    ended = bisect_right(series.opens_ms, plan.until_ms - series.interval_ms) - 1
    last = series.candles[max(entered, ended)]
    return PlanEnding(last.open_time_ms + series.interval_ms, last.close, LegLevel.OPEN, last.open_time_ms)
