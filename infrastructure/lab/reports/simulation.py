"""The report of a simulation: the positions of a file under one policy."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.market import MarketData
from exitbrain.application.simulation.positions import Simulated
from exitbrain.application.simulation.totals import BoundSums, Totals
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.levels.guard_rules import GUARDS
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.values import Assumption, plain
from exitbrain.infrastructure.lab.reports.left_out import folded
from exitbrain.infrastructure.lab.reports.page import Card, Folded, Page, ReportTable, Section, Tone, write
from exitbrain.infrastructure.lab.reports.sections import BOUNDS, results_over_time, slippage, surfaces
from exitbrain.infrastructure.lab.reports.surface import calm_inputs, surface_of
from exitbrain.infrastructure.lab.reports.walked import ReportedPosition, path_figure, told
from exitbrain.infrastructure.presentation.result_units import MEANING, between
from exitbrain.infrastructure.presentation.wording import entries, percent, refusal, unplaceable

CHARTS = 3
"""The number of worst, of best and of most uncertain positions to draw."""

ROWS = 500
"""The most positions listed."""


def write_simulation(
    path: Path,
    policy: Policy,
    simulated: Sequence[Simulated],
    totals: Totals,
    market: MarketData,
    engine: LevelEngine,
    include_off_market: bool,
    omitted: tuple[Folded, ...] = (),
) -> None:
    """Write the report of a simulation as one HTML file; `omitted` lists what was left out of the files."""
    page = simulation_page(policy, simulated, totals, market, engine, include_off_market=include_off_market)
    files = (Section("The files", (), omitted),) if omitted else ()
    write(replace(page, sections=(*page.sections, *files)), path)


def simulation_page(
    policy: Policy,
    simulated: Sequence[Simulated],
    totals: Totals,
    market: MarketData,
    engine: LevelEngine,
    *,
    include_off_market: bool,
) -> Page:
    """Return the report of a simulation."""
    walked = [(one, path) for one in simulated if (path := _path(policy, one, market)) is not None]
    counted = [path for one, path in walked if include_off_market or not path.bounds.entry_off_market]
    return Page(
        f"{len(simulated)} positions under {policy.name}",
        _cards(simulated, totals),
        (
            (
                f"Exits total {_bounds(totals.exits)}; parts still open at the end of the data total "
                f"{_bounds(totals.open_rests)}. {totals.ambiguous} of {totals.everything.positions} positions are ambiguous, and "
                f"{percent(totals.everything.optimistic - totals.everything.pessimistic)} depends on the order inside their candles."
            ),
            f"Results are sums of net results, in {MEANING[ResultUnit.FIRST]}.",
        ),
        (
            results_over_time([counted]),
            _totals(totals, include_off_market=include_off_market),
            slippage([counted]),
            _guards(simulated),
            surfaces([surface_of(policy, engine, calm_inputs(policy))]),
            _charts(counted),
            _list(walked),
            _assumptions(simulated),
        ),
    )


def _path(policy: Policy, one: Simulated, market: MarketData) -> ReportedPosition | None:
    if one.bounds is None or one.setup is None:
        return None
    return ReportedPosition(
        _name(one), policy.name, Plan(one.setup), one.bounds, market.market(one.position.market_symbol)
    )


def _cards(simulated: Sequence[Simulated], totals: Totals) -> tuple[Card, ...]:
    exits, rests = totals.exits, totals.open_rests
    tone = Tone.GOOD if exits.pessimistic > 0.0 else Tone.BAD if exits.optimistic < 0.0 else Tone.PLAIN
    counted = totals.everything.positions
    return (
        Card("Exits", between(exits.pessimistic, exits.optimistic), f"{exits.positions} positions", tone),
        Card(
            "Still open at the end",
            between(rests.pessimistic, rests.optimistic),
            f"{rests.positions} positions, at the last close",
        ),
        Card("Ambiguous", str(totals.ambiguous), f"of {counted}: the order inside candles decides"),
        Card("Left out", str(len(simulated) - counted), f"of {len(simulated)} positions"),
    )


def _totals(totals: Totals, *, include_off_market: bool) -> Section:
    rows = (
        ("exits", *_row(totals.exits)),
        ("exits of positions without holes in their data", *_row(totals.without_holes)),
        ("exits of plans without failed guards on the levels", *_row(totals.without_failed_guards)),
        ("exits with entries off market", *_row(totals.with_off_market)),
        ("exits without entries off market", *_row(totals.without_off_market)),
        ("still open, at the last close", *_row(totals.open_rests)),
        ("all together", *_row(totals.everything)),
    )
    headings = ("Total", "Positions", "Pessimistic", "Optimistic")
    table = ReportTable(headings, rows, frozenset({1, 2, 3}))
    return Section("Totals", (BOUNDS, *_unknown(totals)), (table, *_doubtful(totals, include_off_market)))


def _doubtful(totals: Totals, include_off_market: bool) -> tuple[Folded, ...]:
    """Return the positions that were left out, and those entered off market."""
    off_market = [
        (_name(one), "off market", "the entry lies outside its candle") for one in totals.off_market
    ]
    left_out = [
        *(() if include_off_market else off_market),
        *((_name(one), "refused", refusal(one.levels.raw)) for one in totals.refused),
        *((_name(one), "not placeable", unplaceable(one.levels.guards)) for one in totals.not_placeable),
    ]
    headings = ("Position", "Why", "Detail")
    return (
        *folded("Positions left out", headings, left_out),
        *folded("Counted although off market", headings, off_market if include_off_market else ()),
    )


def _unknown(totals: Totals) -> tuple[str, ...]:
    count = totals.off_market_unknown
    return (f"It is unknown whether {entries(count)} off market: the candle is missing.",) if count else ()


def _guards(simulated: Sequence[Simulated]) -> Section:
    rows = []
    for guard in GUARDS:
        reports = [one.levels.guards for one in simulated]
        failed = sum(guard in report.failed for report in reports)
        unknown = sum(guard in report.unknown for report in reports)
        rows.append((guard, str(len(reports) - failed - unknown), str(failed), str(unknown)))
    return Section(
        "Guards",
        (
            (
                "A plan may be executed if every guard passes. A plan with a failed guard is simulated anyway, "
                "unless the guard is slices_placeable: then there is no quantity to simulate."
            ),
        ),
        (ReportTable(("Guard", "Passed", "Failed", "Not checkable"), tuple(rows), frozenset({1, 2, 3})),),
    )


def _charts(paths: Sequence[ReportedPosition]) -> Section:
    by_result = sorted(paths, key=lambda path: path.bounds.pessimistic.net)
    uncertain = sorted(paths, key=lambda path: path.bounds.pessimistic.net - path.bounds.optimistic.net)
    chosen: dict[str, tuple[ReportedPosition, str]] = {}
    for kind, group in (
        ("Worst", by_result[:CHARTS]),
        ("Best", by_result[::-1][:CHARTS]),
        ("Most uncertain", [path for path in uncertain[:CHARTS] if path.bounds.ambiguous]),
    ):
        for path in group:
            chosen.setdefault(path.name, (path, kind))
    figures = tuple(
        path_figure(
            path,
            None,
            f"{kind}. Pessimistic: {told(path, path.bounds.pessimistic)}. Optimistic: {told(path, path.bounds.optimistic)}.",
        )
        for path, kind in chosen.values()
    )
    return Section("Worst, best and most uncertain exits", (), figures)


def _list(walked: Sequence[tuple[Simulated, ReportedPosition]]) -> Section:
    rows = tuple(
        (
            one.position.symbol,
            one.position.side.value,
            plain(one.position.entry_price),
            _opened(one),
            told(path, path.bounds.pessimistic),
            told(path, path.bounds.optimistic) if path.bounds.ambiguous else "the same",
            _remarks(one, path),
        )
        for one, path in walked[:ROWS]
    )
    headings = ("Symbol", "Side", "Entry", "Opened (UTC)", "Pessimistic", "Optimistic", "Remarks")
    text = (f"The first {ROWS} of {len(walked)}.",) if len(walked) > ROWS else ()
    return Section("Positions", text, (ReportTable(headings, rows, frozenset({2})),))


def _assumptions(simulated: Sequence[Simulated]) -> Section:
    counts: dict[Assumption, int] = {}
    for one in simulated:
        for each in one.assumptions:
            counts[each] = counts.get(each, 0) + 1
    rows = tuple((each.field, each.value, each.why, str(count)) for each, count in counts.items())
    return Section(
        "Assumed where no value was given",
        (),
        (ReportTable(("What", "Value", "Why", "Positions"), rows, frozenset({3})),),
    )


def _remarks(one: Simulated, path: ReportedPosition) -> str:
    said = []
    if path.bounds.entry_off_market:
        said.append("off market")
    if path.bounds.holes:
        said.append(f"holes crossed: {path.bounds.holes}")
    if path.bounds.refined_candles:
        said.append(f"candles refined: {path.bounds.refined_candles}")
    if one.failed_guards:
        said.append(f"fails {', '.join(one.failed_guards)}")
    return ", ".join(said)


def _name(one: Simulated) -> str:
    position = one.position
    return f"{position.symbol} {position.side.value} at {plain(position.entry_price)}, {_opened(one)}"


def _opened(one: Simulated) -> str:
    return one.position.opened_at.strftime("%Y-%m-%d %H:%M:%S")


def _bounds(bounds: BoundSums) -> str:
    return f"{percent(bounds.pessimistic)} to {percent(bounds.optimistic)} ({bounds.positions} positions)"


def _row(bounds: BoundSums) -> tuple[str, str, str]:
    return str(bounds.positions), percent(bounds.pessimistic), percent(bounds.optimistic)
