"""Reports: what a page shows, that it needs nothing from outside, and that its figures are those of the walks."""

import re
from pathlib import Path

import pytest

from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, TpExecution
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.simulation.walker import walk_plan
from exitbrain.domain.values import Side
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.files.written import NotWritten
from exitbrain.infrastructure.lab.reports.figures import distribution, surface
from exitbrain.infrastructure.lab.reports.page import Figure, Page, ReportTable, Section, html_of, write
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
    drawing = distribution("changes", {"tp1": [0.001, 0.002], "sl": [0.0]})
    table = ReportTable(("symbol", "net"), (("<b>BTC & co</b>", "1.5 %"),), frozenset({1}))
    return Page(
        "A <title>", ("The answer.",), (Section("First", ("Say.",), (table, Figure(drawing, "A caption."))),)
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
    assert {"entry", "v3.5 SL", "v3.6 SL", "v3.5 TP1", "v3.6 TP3"} <= texts
    legs = set(drawn.data[1].text)
    assert legs == {"SL (pessimistic)", "TP1 (optimistic)", "TP2 (optimistic)", "TP3 (optimistic)"}


@pytest.mark.parametrize("policy", [V3_5, V3_6], ids=lambda policy: policy.name)
def test_a_surface_holds_what_the_policy_says(policy: Policy) -> None:
    engine = BuiltInFormulas()
    found = surface_of(policy, engine, calm_inputs(policy))
    raw = engine.compute(policy, calm_inputs(policy), ())
    assert found.lsf[VOLATILITIES.index(1.0)][LEVERAGES.index(1.0)] == raw.lsf_adjusted
    assert [len(row) for row in found.stop] == [len(LEVERAGES)] * len(VOLATILITIES)


def test_a_surface_that_is_the_same_everywhere_says_so() -> None:
    drawn = surface("v3.5: stop distance", (1.0, 2.0), (1.0,), ((0.0002, 0.0002),))
    assert drawn.layout.title.text == "v3.5: stop distance: 0.0002 everywhere"
