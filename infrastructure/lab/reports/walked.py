"""Simulated positions in a report: their price charts, their sums over time, and the effect of slippage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.levels.levels import TARGETS
from exitbrain.domain.simulation.candle import CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import ExitSetup, TpExecution
from exitbrain.domain.simulation.outcome import TARGET_LEVELS, ExitBounds, History, LegLevel
from exitbrain.domain.simulation.plan import Increased, Plan, Reduced, Relevelled, relevelled
from exitbrain.domain.simulation.walker import walk_plan
from exitbrain.domain.values import changed
from exitbrain.infrastructure.lab.reports.figures import Curve
from exitbrain.infrastructure.lab.reports.page import Figure, ReportTable
from exitbrain.infrastructure.lab.reports.price_charts import Bars, Marks, PriceLevels, price_chart
from exitbrain.infrastructure.presentation.result_units import between, result_text

SLIPPAGES_BPS = (0.0, 5.0, 20.0)
RANGE_SHARE = 0.1
"""The share of the exit candle's range that a market exit loses in the last row of the slippage table."""

SIGNS = {
    "triangle-up": "▲",
    "triangle-down": "▼",
    "cross-thin-open": "+",
    "line-ew-open": "–",
    "x-thin-open": "×",
    "circle-open": "○",
}
"""The marks of a price chart as text."""

_SHOWN_BEFORE, _SHOWN_AFTER = 20, 20
"""Candles shown before the entry and after the last leg."""

_SHOWN_MAX = 600
"""The most candles drawn; a longer life is cut at its end."""


@dataclass(frozen=True, slots=True)
class ReportedPosition:
    """A position simulated under one policy; `name` identifies the position.

    Results are shown in `unit`; a fraction of the first notional times `scale` is in it.
    """

    name: str
    policy: str
    plan: Plan
    bounds: ExitBounds
    market: Market
    unit: ResultUnit = ResultUnit.FIRST
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class NetBounds:
    """The sum of net results in a unit."""

    lower: float
    upper: float
    unit: ResultUnit = ResultUnit.FIRST

    @property
    def text(self) -> str:
        """Return both bounds with their unit."""
        return between(self.lower, self.upper, self.unit)


def sums_of(paths: Iterable[ReportedPosition]) -> NetBounds:
    """Add up the bounds of positions in order, with open parts at their last close."""
    lower = upper = 0.0
    unit = ResultUnit.FIRST
    for path in paths:
        lower += path.scale * path.bounds.pessimistic.net
        upper += path.scale * path.bounds.optimistic.net
        unit = path.unit
    return NetBounds(lower, upper, unit)


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
        sorted((history.legs[-1].at_ms, path.scale * history.net) for path, history in histories)
        for histories in (
            [(path, path.bounds.pessimistic) for path in paths],
            [(path, path.bounds.optimistic) for path in paths],
        )
    )
    times = sorted({at for at, _ in (*lows, *highs)})
    return Curve(paths[0].policy, times, _summed(lows, times), _summed(highs, times))


def path_figure(before: ReportedPosition, after: ReportedPosition | None, caption: str) -> Figure:
    """Return a price chart with the levels of one or two policies, and what happened under the last one."""
    shown = after or before
    both = [before] if after is None else [before, after]
    last_ms = max(h.legs[-1].at_ms for p in both for h in (p.bounds.pessimistic, p.bounds.optimistic))
    marks = _marks(shown)
    drawing = price_chart(
        _bars(before.market.candles, before.plan.setup.opened_at_ms, last_ms),
        before.plan.setup.entry,
        [_ladder(path, last_ms) for path in both],
        marks,
    )
    return Figure(before.name, drawing, f"{_key(both, marks)} {caption}")


def _key(both: Sequence[ReportedPosition], marks: Sequence[Marks]) -> str:
    """Return what the lines and the marks of a price chart mean."""
    lines = "" if len(both) == 1 else f"A: {both[0].policy}. B, dashed: {both[1].policy}. "
    return f"{lines}{', '.join(f'{SIGNS[each.symbol]} {each.name}' for each in marks)}."


def told(path: ReportedPosition, history: History) -> str:
    """Return the legs and the net result of a history of a position as text."""
    legs = " ".join(leg.level.value for leg in history.legs)
    return f"{legs}, net {result_text(path.scale * history.net, path.unit)}"


def _sums_by_range(paths: Sequence[ReportedPosition]) -> NetBounds:
    lower = upper = 0.0
    unit = ResultUnit.FIRST
    for path in (with_slippage(path, 0.0) for path in paths):
        low, high = path.bounds.pessimistic, path.bounds.optimistic
        lower += path.scale * (low.net - _lost_by_range(path, low))
        upper += path.scale * (high.net - _lost_by_range(path, high))
        unit = path.unit
    return NetBounds(lower, upper, unit)


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


def _ladder(path: ReportedPosition, until_ms: int) -> PriceLevels:
    """Return the levels in force from the entry to the end; a stop is never loosened."""
    setup = path.plan.setup
    steps: dict[str, list[tuple[int, float]]] = {}
    _step(steps, setup, setup.opened_at_ms)
    for change in path.plan.changes:
        if isinstance(change, Relevelled) and change.at_ms <= until_ms:
            d = setup.side.direction
            stop = d * max(d * setup.stop, d * change.stop)
            setup = relevelled(setup, changed(change, stop=stop))
            _step(steps, setup, change.at_ms)
    for prices in steps.values():
        prices.append((until_ms, prices[-1][1]))
    return PriceLevels(path.policy, steps)


def _step(steps: dict[str, list[tuple[int, float]]], setup: ExitSetup, at_ms: int) -> None:
    for target, price, share in zip(TARGETS, setup.targets, setup.shares, strict=True):
        if share > 0.0:
            steps.setdefault(target, []).append((at_ms, price))
    steps.setdefault("sl", []).append((at_ms, setup.stop))


def _marks(path: ReportedPosition) -> list[Marks]:
    """Return the entry, the additions and the exits; exits at the highest result apart, where they differ."""
    setup, bounds = path.plan.setup, path.bounds
    entry = Marks("entry", "triangle-up" if setup.side.direction > 0 else "triangle-down")
    entry.add(setup.opened_at_ms, setup.entry, "entry")
    added, reduced = Marks("addition", "cross-thin-open"), Marks("reduction", "line-ew-open")
    for change in path.plan.changes:
        if isinstance(change, Increased):
            added.add(change.at_ms, change.price, f"added {100.0 * change.added:.4g} %")
        elif isinstance(change, Reduced) and change.price is not None:
            reduced.add(change.at_ms, change.price, f"closed {100.0 * (1.0 - change.kept):.4g} % of the rest")
    exits = [Marks("exit, lowest result" if bounds.ambiguous else "exit", "x-thin-open")]
    _add_legs(exits[0], bounds.pessimistic)
    if bounds.ambiguous:
        exits.append(Marks("exit, highest result", "circle-open"))
        _add_legs(exits[1], bounds.optimistic)
    return [marks for marks in (entry, added, reduced, *exits) if marks.at_ms]


def _add_legs(marks: Marks, history: History) -> None:
    for leg in history.legs:
        marks.add(leg.at_ms, leg.price, f"{leg.level.value}, {100.0 * leg.fraction:.4g} %")
