"""The recorded positions of the running bot, on the recorded market: walked under three policies, proving nothing."""

import json
from pathlib import Path

import pytest

from exitbrain.application.queries.recorded_positions import recorded_positions
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.closes import CloseRules
from exitbrain.application.whatif.outcomes import LeftOutPosition, Outcomes, PositionOutcome
from exitbrain.application.whatif.totals import Panel
from exitbrain.domain.evidence.comparison import DAY_MS
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.evidence.verdict import Recommendation, RecommendationReason
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.infrastructure.lab.market_files import MarketFiles
from exitbrain.infrastructure.lab.statistics import judge_family, judge_policy
from tests.world import World

CANDIDATES = [SHIPPED["v3.6"], SHIPPED["v3.5-fraction"]]
OFF_MARKET = ["JUPUSDT", "KNCUSDT", "STXUSDT", "YFIUSDT", "AVAUSDT", "PENDLEUSDT", "FXSUSDT", "VIDTUSDT"]


@pytest.fixture
def outcomes(shared_data: Path) -> list[PositionOutcome]:
    """The thirteen positions, recorded as intents, under the record and two policies."""
    world = World()
    lines = (shared_data / "history" / "positions-with-klines.jsonl").read_text(encoding="utf-8").splitlines()
    for position in map(json.loads, lines):
        held = position["position"]
        world.intent(
            symbol=position["symbol"],
            side=held["side"],
            entry_price=held["avg_entry"],
            quantity=held["qty"],
            leverage=10,
            timestamp=held["opened_at"],
        )
    market = MarketFiles(shared_data / "market" / "binance-usdm-1m")
    walking = Outcomes(Policies(world.ledger), Snapshots(world.ledger), world.engine, market)
    found = list(
        walking.run(
            recorded_positions(world.ledger, world.translator),
            None,
            CANDIDATES,
            Terms(CANDIDATES[0]),
            CloseRules(horizon_ms=DAY_MS),
            attributed=True,
        )
    )
    assert not any(isinstance(each, LeftOutPosition) for each in found)
    return [each for each in found if isinstance(each, PositionOutcome)]


def test_all_thirteen_are_walked_and_those_off_market_are_said(outcomes: list[PositionOutcome]) -> None:
    assert len(outcomes) == 13
    off_market = [each.position.symbol for each in outcomes if each.baseline.bounds.entry_off_market]
    assert off_market == OFF_MARKET


def test_thirteen_positions_prove_nothing(outcomes: list[PositionOutcome]) -> None:
    for chosen in (outcomes, [each for each in outcomes if not each.baseline.bounds.entry_off_market]):
        panel = Panel(len(CANDIDATES), ResultUnit.COMMITTED)
        for outcome in chosen:
            panel.add(outcome, int(outcome.position.opened_at.timestamp() * 1000))

        family = judge_family(panel.comparisons, seed=1)
        judged = [judge_policy(panel.comparisons, seed=1, policy=policy) for policy in range(2)]

        for evidence in (*family.policies, *judged):
            assert evidence.verdict is Recommendation.INCONCLUSIVE
            assert evidence.reason is RecommendationReason.TOO_FEW_DAYS
        assert family.superior == ()


def test_the_difference_of_each_position_is_that_of_its_histories(outcomes: list[PositionOutcome]) -> None:
    """One path each here: bounds apart are the bounds of the difference."""
    for outcome in outcomes:
        before = outcome.baseline.bounds
        for candidate, difference in zip(outcome.candidates, outcome.differences, strict=True):
            after = candidate.bounds
            assert difference.lower >= after.pessimistic.net - before.optimistic.net - 1e-15
            assert difference.upper <= after.optimistic.net - before.pessimistic.net + 1e-15
