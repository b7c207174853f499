"""What the what-if of the demonstration claims is checked: each claim can be false."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from exitbrain.application.outcome_results import Found, Question, find_outcomes
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recorded_positions import recorded_positions
from exitbrain.application.simulation import Terms
from exitbrain.domain.formulas.registry import V3_5, V3_6
from exitbrain.infrastructure.container import Container
from exitbrain.infrastructure.demo import story, what_if
from exitbrain.infrastructure.demo.candles import (
    SyntheticMarket,
    SyntheticSymbol,
    TickCandle,
    synthetic_candles,
)
from exitbrain.infrastructure.demo.claims import ClaimFalse
from exitbrain.infrastructure.lab.judges import Statistics

PAGE = f'<html><head><script>var a = "<img src=x>"</script></head><body><a href="#s1">1</a><p>{what_if.SYNTHETIC}</p>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the store of the messages."""
    found = tmp_path_factory.mktemp("story")
    story.stream_through(None, found)
    story.ingest(found)
    return found


def _found(folder: Path, symbols: dict[str, SyntheticSymbol]) -> Found:
    with story.opened_store(folder, story.BEFORE) as container:
        return _walked(container, symbols)


def _walked(container: Container, symbols: dict[str, SyntheticSymbol]) -> Found:
    ledger = container.ledger()
    question = Question(None, [V3_6], Terms(V3_6))
    return find_outcomes(
        Policies(ledger),
        Snapshots(ledger),
        container.engine(),
        SyntheticMarket(symbols),
        question,
        recorded_positions(ledger)[:20],
        Statistics(),
    )


def test_what_is_true_passes(folder: Path) -> None:
    what_if.check(_found(folder, synthetic_candles(story.MESSAGES, seed=story.SEED)))


def test_candles_of_other_messages_make_the_claim_false(folder: Path) -> None:
    symbols = synthetic_candles(story.MESSAGES, seed=story.SEED)
    away = {name: replace(found, candles=_doubled(found)) for name, found in symbols.items()}

    with pytest.raises(ClaimFalse, match="every recorded price lies within the candle"):
        what_if.check(_found(folder, away))


def _doubled(found: SyntheticSymbol) -> list[TickCandle]:
    return [
        TickCandle(one.open_time_ms, 2 * one.open, 2 * one.high, 2 * one.low, 2 * one.close)
        for one in found.candles
    ]


def test_effects_that_do_not_sum_to_the_difference_make_the_claim_false(folder: Path) -> None:
    found = _found(folder, synthetic_candles(story.MESSAGES, seed=story.SEED))
    totals = found.panel.totals[0]
    totals.upper = replace(totals.upper, cost=totals.upper.cost + Decimal("1e-60"))

    with pytest.raises(ClaimFalse, match="in every digit"):
        what_if.check(found)


def test_bounds_out_of_order_make_the_claim_false(folder: Path) -> None:
    found = _found(folder, synthetic_candles(story.MESSAGES, seed=story.SEED))
    sums = found.panel.totals[0].everything
    sums.pessimistic, sums.optimistic = sums.optimistic + 1.0, sums.pessimistic

    with pytest.raises(ClaimFalse, match="not above the upper one"):
        what_if.check(found)


def test_a_policy_against_itself_loses_no_fewer_positions_to_its_stop(folder: Path, tmp_path: Path) -> None:
    with (
        story.opened_store(folder, story.BEFORE) as container,
        pytest.raises(ClaimFalse, match=r"v3\.5 loses more positions to its stop at once"),
    ):
        what_if.ask(
            container.ledger(),
            container.decisions(),
            container.engine(),
            synthetic_candles(story.MESSAGES, seed=story.SEED),
            (V3_5, V3_5),
            tmp_path / "page.html",
            (),
        )


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (PAGE + '<script src="https://cdn.plot.ly/plotly.min.js"></script>', "loads nothing from elsewhere"),
        (PAGE + '<link rel="stylesheet" href="style.css">', "loads nothing from elsewhere"),
        ("<html></html>", "says that its positions are synthetic"),
    ],
)
def test_a_page_that_loads_something_makes_the_claim_false(text: str, claim: str) -> None:
    what_if.check_page(PAGE)

    with pytest.raises(ClaimFalse, match=claim):
        what_if.check_page(text)
