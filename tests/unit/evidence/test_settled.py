"""A verdict must hold under every reading of the recorded closes."""

from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.settled import family_settled, settled
from exitbrain.domain.evidence.verdict import (
    Evidence,
    FamilyEvidence,
    Recommendation,
    RecommendationReason,
    Resampling,
)

_REASONS = {
    Recommendation.ADOPT: RecommendationReason.BETTER,
    Recommendation.KEEP: RecommendationReason.NOT_BETTER,
    Recommendation.INCONCLUSIVE: RecommendationReason.INTERVAL_STRADDLES_ZERO,
}
ADOPT, KEEP, INCONCLUSIVE = Recommendation


def evidence(verdict: Recommendation, mean: float = 0.1) -> Evidence:
    bounds = Interval(mean, mean)
    return Evidence(verdict, _REASONS[verdict], bounds, bounds, 60, 60, 60.0, Resampling(1, 2000, 1))


def family(*policies: Recommendation, superior: tuple[int, ...], chosen: Recommendation) -> FamilyEvidence:
    return FamilyEvidence(tuple(map(evidence, policies)), 0.01, superior, (), evidence(chosen))


def test_the_same_verdict_under_every_reading_stays_with_its_own_figures() -> None:
    asked = evidence(ADOPT, 0.2)

    assert settled(asked, [asked, evidence(ADOPT, 0.1)]) is asked


def test_another_verdict_under_any_reading_makes_it_inconclusive() -> None:
    for other in (KEEP, INCONCLUSIVE):
        found = settled(evidence(ADOPT), [evidence(ADOPT), evidence(other)])

        assert (found.verdict, found.reason) == (INCONCLUSIVE, RecommendationReason.DEPENDS_ON_CLOSES)
        assert found.mean == evidence(ADOPT).mean


def test_inconclusive_under_every_reading_keeps_its_reason() -> None:
    found = settled(evidence(INCONCLUSIVE), [evidence(INCONCLUSIVE)])

    assert found.reason is RecommendationReason.INTERVAL_STRADDLES_ZERO


def test_each_policy_of_a_family_is_settled_alone_and_so_is_the_walk_forward() -> None:
    asked = family(ADOPT, ADOPT, superior=(0, 1), chosen=ADOPT)

    found = family_settled(asked, [asked, family(ADOPT, KEEP, superior=(0,), chosen=KEEP)])

    assert [each.verdict for each in found.policies] == [ADOPT, INCONCLUSIVE]
    assert found.superior == (0,)
    assert found.chosen.reason is RecommendationReason.DEPENDS_ON_CLOSES
