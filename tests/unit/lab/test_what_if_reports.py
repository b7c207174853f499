"""The report of a what-if: which changes it keeps, and that its tables and charts are those of the answers."""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import pytest

from exitbrain.application.ports.market import NoMarket
from exitbrain.application.queries.recorded_positions import recorded_positions
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.decisions import Pair, RowCounterfactual
from exitbrain.application.whatif.results import OutcomeResults, Question, find_outcomes
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.levels.levels import LEVELS
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.files.written import NotWritten
from exitbrain.infrastructure.lab.judges import Statistics
from exitbrain.infrastructure.lab.reports.changes import LADDERS, Changes
from exitbrain.infrastructure.lab.reports.page import Figure, Page, ReportTable, Section
from exitbrain.infrastructure.lab.reports.recorded import write_report
from exitbrain.infrastructure.lab.reports.what_if import (
    CHARTS,
    CandidateOutcomes,
    WhatIfRun,
    what_if_page,
    write_what_if,
)
from exitbrain.infrastructure.presentation.result_units import between
from exitbrain.infrastructure.presentation.wording import percent
from tests.world import NOON_MS, World

MINUTE = 60_000
ENGINE = BuiltInFormulas()


class OneMarket:
    """Knows a market that dips under every stop of v3.5 and then rises through every target, for one symbol."""

    def __init__(self) -> None:
        rows = [(100.0, 100.0, 99.9, 99.9), (99.9, 101.2, 99.9, 101.2), (101.2, 104.0, 101.2, 104.0)]
        candles = [Candle(NOON_MS + number * MINUTE, *row) for number, row in enumerate(rows)]
        self._market = Market(CandleSeries(MINUTE, candles))

    def market(self, symbol: str) -> Market:
        if symbol != "BTCUSDT":
            raise NoMarket(f"no candles of {symbol}")
        return self._market


@pytest.fixture
def world() -> World:
    """Eight longs of as many accounts at different leverages, and one of a symbol without candles."""
    world = World()
    for number, leverage in enumerate((1, 2, 3, 5, 8, 13, 21, 34)):
        opened(world, account=f"a{number}", leverage=leverage)
    opened(world, symbol="ETHUSDT")
    return world


def opened(world: World, **fields: Any) -> None:
    said: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "leverage": 10}
    world.intent(**{**said, **fields})


def asked(world: World, policy: Policy) -> tuple[WhatIfRun, Changes, list[Pair]]:
    changes, pairs = Changes(), []

    def take(pair: Pair) -> None:
        changes.take(pair)
        pairs.append(pair)

    decisions = DecodedDecisions(world.ledger)
    (answer,) = (
        RowCounterfactual(Policies(world.ledger), Snapshots(world.ledger), decisions, ENGINE)
        .run([policy], pairs=take)
        .answers
    )
    return WhatIfRun(answer, changes, (V3_5, policy)), changes, pairs


def found(world: World, policy: Policy = V3_6, unit: ResultUnit = ResultUnit.COMMITTED) -> OutcomeResults:
    question = Question(None, [policy], Terms(policy), unit=unit)
    return find_outcomes(
        Policies(world.ledger),
        Snapshots(world.ledger),
        ENGINE,
        OneMarket(),
        question,
        recorded_positions(world.ledger, world.translator),
        Statistics(),
    )


def walked(world: World) -> CandidateOutcomes:
    of = found(world)
    return CandidateOutcomes(of.outcomes, 1, of.panel.totals[0], of.evidence)


def section(page: Page, title: str) -> Section:
    (wanted,) = [each for each in page.sections if each.title == title]
    return wanted


def tables(of: Section) -> list[ReportTable]:
    return [block for block in of.blocks if isinstance(block, ReportTable)]


def captions(of: Section) -> list[str]:
    return [block.caption for block in of.blocks if isinstance(block, Figure)]


def differences(pair: Pair) -> Sequence[float]:
    assert pair.before is not None
    assert pair.after is not None
    return [pair.after[place] - pair.before[place] for place in range(len(LEVELS))]


def test_every_change_of_every_level_is_kept_in_log_order(world: World) -> None:
    _, changes, pairs = asked(world, V3_6)

    for place, level in enumerate(LEVELS):
        assert changes.of_level[level] == [differences(pair)[place] for pair in pairs]
    assert list(changes.recorded) == ["v3.5"]


def test_the_ladders_that_changed_most_are_kept_the_most_changed_first(world: World) -> None:
    _, changes, pairs = asked(world, V3_6)

    sizes = sorted({max(map(abs, differences(pair))) for pair in pairs}, reverse=True)
    assert len(sizes) > LADDERS
    assert [max(map(abs, differences(pair))) for pair in changes.widest] == sizes[:LADDERS]


def test_decisions_that_changed_by_as_much_are_kept_once() -> None:
    world = World()
    for number in range(4):
        opened(world, account=f"a{number}")

    _, changes, pairs = asked(world, V3_6)

    assert len(pairs) == 4
    assert len(changes.widest) == 1


def test_what_is_refused_or_stays_the_same_has_no_ladder(world: World) -> None:
    _, refused, _ = asked(world, variant_of(V3_6, {"clamp_max": 0.0001}))
    _, same, _ = asked(world, V3_5)

    assert refused.of_level == {level: [] for level in LEVELS}
    assert refused.widest == same.widest == []
    assert same.of_level["sl"] == [0.0] * 9


def test_without_candles_a_page_tells_of_decisions_alone(world: World) -> None:
    run, changes, _ = asked(world, V3_6)

    page = what_if_page(run, ENGINE)

    assert [each.title for each in page.sections] == [
        "What would have changed",
        "Guards before and after",
        "The policy over leverage and volatility",
    ]
    changed = section(page, "What would have changed")
    (table,) = tables(changed)
    stop = run.answer.fields["sl"]
    assert stop.min is not None
    row = next(row for row in table.rows if row[0] == "SL")
    assert row[1:3] == (str(stop.changed), percent(stop.min))
    assert len(captions(changed)) == 1 + len(changes.widest)
    assert page.lead[0].startswith("9 of 9 recorded decisions would have been different.")


def test_a_page_where_every_plan_is_refused_draws_no_distribution(world: World) -> None:
    run, _, _ = asked(world, variant_of(V3_6, {"clamp_max": 0.0001}))

    changed = section(what_if_page(run, ENGINE), "What would have changed")

    assert captions(changed) == []
    assert "9 would be" in changed.text[0]
    assert tables(changed)[0].rows[0][2:] == ("-", "-", "-")


def test_with_candles_the_answer_comes_in_cards_then_the_picture_then_totals_and_attribution(
    world: World,
) -> None:
    run, _, _ = asked(world, V3_6)
    of = walked(world)
    run = WhatIfRun(run.answer, run.changes, run.policies, of)

    page = what_if_page(run, ENGINE)

    assert [card.name for card in page.cards[:5]] == [
        "Difference", "Verdict", "as recorded", "v3.6", "Left out"
    ]  # fmt: skip
    assert captions(page.sections[0]) != []
    first = page.sections[1]
    sums, effects = tables(first)
    everything = of.totals.everything
    assert (everything.positions, sums.rows[0][1]) == (8, "8")
    assert percent(everything.lower) in sums.rows[0][4]
    assert effects.rows[-1] == (
        "total",
        percent(float(of.totals.lower.total)),
        percent(float(of.totals.upper.total)),
    )
    assert page.cards[0].figure == between(everything.lower, everything.upper, everything.unit)
    assert any("Verdict inconclusive: too few days." in text for text in first.text)
    assert page.lead[-1] == "Verdict, judged in committed: inconclusive (too few days)."


def test_the_worst_and_the_best_changed_exits_are_drawn_and_those_that_stay_are_not(world: World) -> None:
    run, _, _ = asked(world, V3_6)
    of = walked(world)

    page = what_if_page(WhatIfRun(run.answer, run.changes, run.policies, of), ENGINE)
    same = found(world, V3_5)
    alike = CandidateOutcomes(same.outcomes, 0, same.panel.totals[0])
    unchanged = what_if_page(WhatIfRun(run.answer, run.changes, run.policies, alike), ENGINE)

    drawn = captions(section(page, "Worst and best changed exits"))
    lowest = sorted(outcome.differences[0].lower for outcome in of.outcomes)
    assert len(drawn) == 2 * CHARTS
    assert f"Difference {percent(lowest[0])}" in drawn[0]
    assert f"Difference {percent(lowest[-1])}" in drawn[CHARTS]
    assert captions(section(unchanged, "Worst and best changed exits")) == []


def test_the_page_of_a_store_draws_the_policies_that_decided_and_names_what_is_left_out(
    world: World, tmp_path: FilePath
) -> None:
    run, changes, _ = asked(world, V3_6)

    write_report(tmp_path / "of.html", world.ledger, ENGINE, run.answer, changes, found(world))

    text = (tmp_path / "of.html").read_text(encoding="utf-8")
    assert "<h3>v3.5: adjusted LSF</h3>" in text
    assert "<h3>v3.6: adjusted LSF</h3>" in text
    assert "<summary>Positions left out: 1</summary>" in text
    assert "<td>no candles</td><td>no candles of ETHUSDT</td>" in text


def test_a_page_in_a_folder_that_is_not_there_leaves_nothing_behind(world: World, tmp_path: FilePath) -> None:
    run, _, _ = asked(world, V3_6)

    with pytest.raises(NotWritten, match="No such file"):
        write_what_if(tmp_path / "nowhere" / "page.html", run, ENGINE)

    assert list(tmp_path.iterdir()) == []


def test_pictures_captions_and_slippage_are_in_the_unit_of_the_results(world: World) -> None:
    run, _, _ = asked(world, V3_6)
    of = found(world, unit=ResultUnit.R)
    sums = of.panel.totals[0]
    told = CandidateOutcomes(of.outcomes, 1, sums, of.evidence)

    page = what_if_page(WhatIfRun(run.answer, run.changes, run.policies, told), ENGINE)

    (picture,) = [block for block in section(page, "Results over time").blocks if isinstance(block, Figure)]
    assert picture.drawing.layout.yaxis.title.text == "sum, R"
    assert picture.drawing.data[-1].y[-1] == pytest.approx(sums.everything.pessimistic)
    assert "Difference" in captions(section(page, "Worst and best changed exits"))[0]
    assert " R." in captions(section(page, "Worst and best changed exits"))[0]
    (slipped,) = tables(section(page, "Slippage"))
    assert all(cell.endswith(" R") for row in slipped.rows for cell in row[1:])
