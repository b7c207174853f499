"""Simulated positions in a report: their price charts, their sums over time, and the effect of slippage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from exitbrain.domain.levels.levels import TARGETS
from exitbrain.domain.simulation.candle import CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import TpExecution
from exitbrain.domain.simulation.outcome import TARGET_LEVELS, ExitBounds, History, LegLevel
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.simulation.walker import walk_plan
from exitbrain.domain.values import changed
from exitbrain.infrastructure.lab.reports.figures import Bars, Curve, Marker, PriceLevels, price_chart
from exitbrain.infrastructure.lab.reports.page import Figure, ReportTable
from exitbrain.infrastructure.presentation.wording import percent

SLIPPAGES_BPS = (0.0, 5.0, 20.0)
RANGE_SHARE = 0.1
"""The share of the exit candle's range that a market exit loses in the last row of the slippage table."""

_SHOWN_BEFORE, _SHOWN_AFTER = 20, 20
"""Candles shown before the entry and after the last leg."""

_SHOWN_MAX = 600
"""The most candles drawn; a longer life is cut at its end."""


@dataclass(frozen=True, slots=True)
class ReportedPosition:
    """A position simulated under one policy; `name` identifies the position."""

    name: str
    policy: str
    plan: Plan
    bounds: ExitBounds
    market: Market


@dataclass(frozen=True, slots=True)
class NetBounds:
    """The sum of net results, as fractions of each position's entry notional."""

    lower: float
    upper: float

    @property
    def text(self) -> str:
        """Return both bounds as percents."""
        return f"{percent(self.lower)} to {percent(self.upper)}"


def sums_of(paths: Iterable[ReportedPosition]) -> NetBounds:
    """Add up the bounds of positions in order, with open parts at their last close."""
    lower = upper = 0.0
    for path in paths:
        lower += path.bounds.pessimistic.net
        upper += path.bounds.optimistic.net
    return NetBounds(lower, upper)


def slippage_table(policies: Sequence[Sequence[ReportedPosition]]) -> ReportTable:
    """Return the sums of each policy with different slippage on market exits and unchanged levels."""
    headings = ("Slippage of market exits", *(paths[0].policy for paths in policies if paths))
    rows = [
        (f"{bps:g} bps", *(sums_of(with_slippage(path, bps) for path in paths).text for paths in policies))
        for bps in SLIPPAGES_BPS
    ]
    rows.append(
        (
            f"{RANGE_SHARE:.0%} of the range of the exit candle",
            *(_sums_by_range(paths).text for paths in policies),
        )
    )
    return ReportTable(headings, tuple(rows), frozenset(range(1, len(headings))))


def with_slippage(path: ReportedPosition, slippage_bps: float) -> ReportedPosition:
    """Return a position simulated again with other slippage on market exits."""
    if path.plan.setup.costs.slippage_bps == slippage_bps:
        return path
    costs = changed(path.plan.setup.costs, slippage_bps=slippage_bps)
    plan = changed(path.plan, setup=changed(path.plan.setup, costs=costs))
    return replace(path, plan=plan, bounds=walk_plan(plan, path.market))


def equity_curve(paths: Sequence[ReportedPosition]) -> Curve:
    """Return the sums of net results by the time of the last leg, both bounds on one time axis."""
    lows, highs = (
        sorted((history.legs[-1].at_ms, history.net) for history in histories)
        for histories in (
            [path.bounds.pessimistic for path in paths],
            [path.bounds.optimistic for path in paths],
        )
    )
    times = sorted({at for at, _ in (*lows, *highs)})
    return Curve(paths[0].policy, times, _summed(lows, times), _summed(highs, times))


def path_figure(before: ReportedPosition, after: ReportedPosition | None, caption: str) -> Figure:
    """Return a price chart with the first levels of one or two policies and the legs of the last one."""
    shown = after or before
    both = [before] if after is None else [before, after]
    last_ms = max(h.legs[-1].at_ms for p in both for h in (p.bounds.pessimistic, p.bounds.optimistic))
    drawing = price_chart(
        f"{before.name}",
        _bars(before.market.candles, before.plan.setup.opened_at_ms, last_ms),
        before.plan.setup.entry,
        [_ladder(path) for path in both],
        [*_markers(shown, shown.bounds.pessimistic, "pessimistic"), *_optimistic(shown)],
    )
    return Figure(drawing, caption)


def told(history: History) -> str:
    """Return the legs and the net result of a history as text."""
    return f"{' '.join(leg.level.value for leg in history.legs)}, net {percent(history.net)}"


def _sums_by_range(paths: Sequence[ReportedPosition]) -> NetBounds:
    lower = upper = 0.0
    for path in (with_slippage(path, 0.0) for path in paths):
        lower += path.bounds.pessimistic.net - _lost_by_range(path, path.bounds.pessimistic)
        upper += path.bounds.optimistic.net - _lost_by_range(path, path.bounds.optimistic)
    return NetBounds(lower, upper)


def _lost_by_range(path: ReportedPosition, history: History) -> float:
    setup, lost = path.plan.setup, 0.0
    resting = TARGET_LEVELS if setup.tp_execution is TpExecution.LIMIT else ()
    for leg in history.legs:
        if leg.level in (LegLevel.LIQUIDATION, LegLevel.EXTERNAL) or leg.level in resting:
            continue
        candle = path.market.candles.at(leg.at_ms)
        if candle is not None:
            lost += RANGE_SHARE * (candle.high - candle.low) * leg.fraction / setup.entry
    return lost


def _summed(results: Sequence[tuple[int, float]], times: Sequence[int]) -> list[float]:
    gained = dict.fromkeys(times, 0.0)
    for at, net in results:
        gained[at] += net
    return list(accumulate(gained[at] for at in times))


def _bars(candles: CandleSeries, from_ms: int, to_ms: int) -> Bars:
    step = candles.interval_ms
    shown = candles.between(from_ms - _SHOWN_BEFORE * step, to_ms + _SHOWN_AFTER * step)[:_SHOWN_MAX]
    return Bars(
        [candle.open_time_ms for candle in shown],
        [candle.open for candle in shown],
        [candle.high for candle in shown],
        [candle.low for candle in shown],
        [candle.close for candle in shown],
    )


def _ladder(path: ReportedPosition) -> PriceLevels:
    setup = path.plan.setup
    targets = zip(TARGETS, setup.targets, setup.shares, strict=True)
    placed = {target: price for target, price, share in targets if share > 0.0}
    return PriceLevels(path.policy, {**placed, "sl": setup.stop})


def _optimistic(path: ReportedPosition) -> list[Marker]:
    return _markers(path, path.bounds.optimistic, "optimistic") if path.bounds.ambiguous else []


def _markers(path: ReportedPosition, history: History, bound: str) -> list[Marker]:
    suffix = f" ({bound})" if path.bounds.ambiguous else ""
    return [Marker(leg.at_ms, leg.price, f"{leg.level.value}{suffix}") for leg in history.legs]
