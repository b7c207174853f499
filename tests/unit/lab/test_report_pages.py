"""Reports: what a page shows, that it needs nothing from outside, and that its figures are those of the walks."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import plotly.graph_objects as go
import pytest

from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, TpExecution
from exitbrain.domain.simulation.plan import Increased, Plan, Reduced, Relevelled
from exitbrain.domain.simulation.walker import walk_plan
from exitbrain.domain.values import Side, changed
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.files.written import NotWritten
from exitbrain.infrastructure.lab.reports.figures import distribution
from exitbrain.infrastructure.lab.reports.label_places import LABEL_PX, label_shifts
from exitbrain.infrastructure.lab.reports.page import (
    Card,
    Figure,
    Folded,
    Page,
    ReportTable,
    Section,
    html_of,
    write,
)
from exitbrain.infrastructure.lab.reports.sections import surfaces
from exitbrain.infrastructure.lab.reports.surface import LEVERAGES, VOLATILITIES, calm_inputs, surface_of
from exitbrain.infrastructure.lab.reports.walked import (
    NetBounds,
    ReportedPosition,
    equity_curve,
    path_figure,
    slippage_table,
    sums_of,
    with_slippage,
)

MINUTE = 60_000
T0 = 1_760_130_000_000

TOUCHES_ALL = [(100.0, 100.1, 99.95, 100.0), (100.0, 103.0, 97.0, 100.0), (100.0, 100.0, 100.0, 100.0)]
RISES = [(100.0, 100.1, 99.95, 100.0), (100.0, 102.0, 100.0, 102.0), (102.0, 104.0, 102.0, 104.0)]


def path(
    rows: list[tuple[float, float, float, float]], policy: str = "v3.6", **given: object
) -> ReportedPosition:
    candles = [Candle(T0 + n * MINUTE, *row) for n, row in enumerate(rows)]
    market = Market(CandleSeries(MINUTE, candles))
    setup = ExitSetup(
        Side.LONG,
        100.0,
        T0,
        (101.0, 102.0, 103.0),
        99.0,
        (0.4, 0.4, 0.2),
        **given,  # type: ignore[arg-type]
    )
    plan = Plan(setup)
    return ReportedPosition("BTCUSDT LONG", policy, plan, walk_plan(plan, market), market)


def scripts_aside(html: str) -> str:
    return re.sub(r"<script\b.*?</script>", "", html, flags=re.DOTALL)


@pytest.fixture
def page() -> Page:
    drawing = distribution({"tp1": [0.001, 0.002], "sl": [0.0]})
    table = ReportTable(("symbol", "net"), (("<b>BTC & co</b>", "1.5 %"),), frozenset({1}))
    return Page(
        "A <title>",
        (Card("Sum", "<1 %", "of 2"),),
        ("The answer.",),
        (Section("First", ("Say.",), (table, Folded("Left out: 1", table), Figure("Changes", drawing))),),
    )


def test_a_page_asks_nothing_of_the_network(page: Page) -> None:
    html = html_of(page)
    outside = re.findall(r'(?:src|href)="([^"#][^"]*)"', scripts_aside(html))
    assert not outside
    assert "<script src" not in html
    assert "Plotly.newPlot" in html


def test_what_data_say_is_text_and_never_markup(page: Page) -> None:
    shown = scripts_aside(html_of(page))
    assert "&lt;b&gt;BTC &amp; co&lt;/b&gt;" in shown
    assert "A &lt;title&gt;" in shown
    assert "<b>BTC" not in shown


def test_a_page_without_pictures_carries_no_script_and_allows_none() -> None:
    html = html_of(Page("Text alone", (Card("Sum", "1 %"),), (), (Section("First", ("Say.",)),)))
    assert "<script" not in html
    assert "script-src 'none'" in html
    assert len(html) < 20_000


def test_the_answer_in_cards_comes_first_and_details_are_folded(page: Page) -> None:
    shown = scripts_aside(html_of(page))
    assert shown.index("<strong>&lt;1 %</strong>") < shown.index("The answer.") < shown.index("<h2>")
    assert "<details><summary>Left out: 1</summary>" in shown


def test_labels_keep_their_order_and_their_distance() -> None:
    values = [1.0, 99.99, 100.0, 100.0, 300.0]
    shifts = label_shifts(values, units_per_px=1.0)
    places = [value + shift for value, shift in zip(values, shifts, strict=True)]
    assert all(later - before >= LABEL_PX - 1e-9 for before, later in pairwise(places))
    assert (shifts[0], shifts[-1]) == (0.0, 0.0)


def test_the_same_content_gives_the_same_bytes(page: Page, tmp_path: Path) -> None:
    write(page, tmp_path / "one.html")
    write(page, tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.html", "two.html"]


def test_a_page_that_can_not_be_written_leaves_nothing_behind(page: Page, tmp_path: Path) -> None:
    (tmp_path / "taken.html").mkdir()
    with pytest.raises(NotWritten, match="it is a folder"):
        write(page, tmp_path / "taken.html")
    assert [file.name for file in tmp_path.iterdir()] == ["taken.html"]


def test_sums_are_those_of_the_walks() -> None:
    paths = [path(TOUCHES_ALL), path(RISES)]
    nets = [(one.bounds.pessimistic.net, one.bounds.optimistic.net) for one in paths]
    assert sums_of(paths) == NetBounds(nets[0][0] + nets[1][0], nets[0][1] + nets[1][1])
    assert nets[0][0] < 0 < nets[0][1]


def test_slippage_is_walked_again_and_costs_what_it_says() -> None:
    before = path(RISES)
    slipped = with_slippage(before, 20.0)
    lost = before.bounds.pessimistic.net - slipped.bounds.pessimistic.net
    exits = sum(leg.fraction * leg.price for leg in before.bounds.pessimistic.legs) / 100.0
    assert lost == pytest.approx(0.002 * exits, rel=1e-12)
    assert slipped.plan.setup.targets == before.plan.setup.targets
    assert with_slippage(before, 0.0) is before


def test_the_slippage_table_has_each_policy_and_ends_with_the_range_of_the_exit_candle() -> None:
    one = path(RISES)
    table = slippage_table([[one], [path(RISES, "v3.5", costs=Costs(fee_bps=0.0))]])
    assert table.headings == ("Slippage of market exits", "v3.6", "v3.5")
    assert [row[0] for row in table.rows] == [
        "0 bps",
        "5 bps",
        "20 bps",
        "10% of the range of the exit candle",
    ]
    # TP1 and TP2 close in a candle of 2, TP3 in another: a tenth of 2 at 100 is 0.2 %.
    lower = one.bounds.pessimistic.net - 0.002
    assert table.rows[3][1] == NetBounds(lower, lower).text


def test_a_resting_limit_target_loses_nothing_to_the_range() -> None:
    one = path(RISES, tp_execution=TpExecution.LIMIT)
    assert slippage_table([[one]]).rows[3][1] == sums_of([one]).text


def test_the_curve_of_results_ends_at_their_sum() -> None:
    paths = [path(TOUCHES_ALL), path(RISES), path(TOUCHES_ALL[2:])]
    curve, total = equity_curve(paths), sums_of(paths)
    assert (curve.lower[-1], curve.upper[-1]) == pytest.approx((total.lower, total.upper), abs=1e-15)
    assert list(curve.at_ms) == sorted(set(curve.at_ms))


def test_a_position_is_drawn_with_the_ladders_of_both_policies_and_its_legs() -> None:
    drawn = path_figure(path(TOUCHES_ALL, "v3.5"), path(TOUCHES_ALL), "").drawing
    texts = {note.text for note in drawn.layout.annotations}
    assert texts == {"entry", "A SL, B SL", "A TP1, B TP1", "A TP2, B TP2", "A TP3, B TP3"}
    assert {"A: v3.5", "B: v3.6"} <= {trace.name for trace in drawn.data}
    assert marks(drawn) == {
        "entry": ("entry",),
        "exit, lowest result": ("SL, 100 %",),
        "exit, highest result": ("TP1, 40 %", "TP2, 40 %", "TP3, 20 %"),
    }


def test_levels_are_steps_and_additions_and_reductions_are_marked() -> None:
    calm = path([(100.0, 100.1, 99.95, 100.0)] * 4)
    changes = (
        Increased(T0 + MINUTE, 0.5, 100.05),
        Relevelled(T0 + MINUTE, 100.02, (102.0, 103.0, 104.0), 98.0, (0.4, 0.4, 0.2)),
        Reduced(T0 + 2 * MINUTE, 0.25, 100.0),
    )
    plan = changed(calm.plan, changes=changes)
    drawn = path_figure(replace(calm, plan=plan, bounds=walk_plan(plan, calm.market)), None, "").drawing
    steps = {
        trace.hovertemplate: (trace.y, trace.line.shape) for trace in drawn.select_traces({"mode": "lines"})
    }
    assert steps["v3.6, TP1 %{y}<extra></extra>"] == ((101.0, 102.0, 102.0), "hv")
    assert steps["v3.6, SL %{y}<extra></extra>"] == ((99.0, 99.0, 99.0), "hv")  # never loosened
    assert marks(drawn)["addition"] == ("added 50 %",)
    assert marks(drawn)["reduction"] == ("closed 75 % of the rest",)


def marks(drawn: go.Figure) -> dict[str, tuple[str, ...]]:
    return {trace.name: trace.text for trace in drawn.select_traces({"mode": "markers"})}


@pytest.mark.parametrize("policy", [V3_5, V3_6], ids=lambda policy: policy.name)
def test_a_surface_holds_what_the_policy_says(policy: Policy) -> None:
    engine = BuiltInFormulas()
    found = surface_of(policy, engine, calm_inputs(policy))
    raw = engine.compute(policy, calm_inputs(policy), ())
    assert found.lsf[VOLATILITIES.index(1.0)][LEVERAGES.index(1.0)] == raw.lsf_adjusted
    assert [len(row) for row in found.stop] == [len(LEVERAGES)] * len(VOLATILITIES)


def test_a_surface_that_is_the_same_everywhere_is_a_sentence() -> None:
    found = surfaces([surface_of(V3_5, BuiltInFormulas(), calm_inputs(V3_5))])
    assert "v3.5: stop distance, % of the entry price: 0.02 everywhere." in found.text
    titles = [block.title for block in found.blocks if isinstance(block, Figure)]
    assert titles == ["v3.5: adjusted LSF", "v3.5: TP1 distance, % of the entry price"]
