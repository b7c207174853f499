"""The verdict on recorded positions is asked for under every reading of their closes."""

from collections.abc import Sequence

from exitbrain.application.queries.recorded_positions import recorded_positions
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.closes import READINGS
from exitbrain.application.whatif.results import OutcomeResults, Question, find_outcomes
from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.verdict import (
    Evidence,
    FamilyEvidence,
    Recommendation,
    RecommendationReason,
    Resampling,
)
from exitbrain.domain.policies.policy import Policy
from tests.unit.application.test_closes import FALL_AND_RISE, V3_6, WIDE, closed
from tests.unit.application.test_outcomes import MadeMarket, opened
from tests.world import World


class BySign:
    """Adopts what is better in the sum, keeps the rest; remembers how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def policy(self, comparisons: Sequence[Comparison], *, seed: int) -> Evidence:
        self.asked += 1
        return self._of([each.lower[0] for each in comparisons], seed)

    def family(self, comparisons: Sequence[Comparison], *, seed: int) -> FamilyEvidence:
        self.asked += 1
        width = len(comparisons[0].lower)
        policies = [self._of([each.lower[n] for each in comparisons], seed) for n in range(width)]
        return FamilyEvidence(tuple(policies), 0.01, tuple(range(width)), (), policies[0])

    def _of(self, lower: Sequence[float], seed: int) -> Evidence:
        total = 0.0
        for each in lower:
            total += each
        better = total > 0
        return Evidence(
            Recommendation.ADOPT if better else Recommendation.KEEP,
            RecommendationReason.BETTER if better else RecommendationReason.NOT_BETTER,
            Interval(total, total),
            None,
            len(lower),
            len(lower),
            1.0,
            Resampling(1, 1, seed),
        )


def judged(reason: str, candidates: Sequence[Policy]) -> OutcomeResults:
    world = World(policy="v3.6")
    opened(world)
    closed(world, 10, 98.6, reason)
    return find_outcomes(
        Policies(world.ledger),
        Snapshots(world.ledger),
        world.engine,
        MadeMarket(BTCUSDT=FALL_AND_RISE),
        Question(None, candidates, Terms(V3_6), family=len(candidates) > 1),
        recorded_positions(world.ledger, world.translator),
        BySign(),
    )


def test_a_family_s_verdicts_that_depend_on_the_closes_are_inconclusive() -> None:
    """Ended with the record the wide stop is no better; followed to its targets it is. v3.6 differs by nothing."""
    results = judged("unknown", (WIDE, V3_6))

    assert results.family_evidence is not None
    wide, same = results.family_evidence.policies
    assert wide.reason is RecommendationReason.DEPENDS_ON_CLOSES
    assert results.family_evidence.chosen.reason is RecommendationReason.DEPENDS_ON_CLOSES
    assert same.verdict is Recommendation.KEEP
    assert set(results.readings) == set(READINGS)


def test_a_verdict_that_is_the_same_under_every_reading_stays() -> None:
    by_stop, by_signal = (judged(reason, (WIDE, V3_6)) for reason in ("stop_loss", "signal"))

    for results, verdict in ((by_stop, Recommendation.ADOPT), (by_signal, Recommendation.KEEP)):
        assert results.family_evidence is not None
        assert results.family_evidence.policies[0].verdict is verdict
