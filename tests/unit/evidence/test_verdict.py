"""The verdict: adopt above 0, keep at or below 0, else what stands in the way."""

from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.verdict import Recommendation, RecommendationReason, judge


def judged(
    mean: Interval, interval: Interval | None, *, days: float, blocks: float = 10, superior: bool = True
) -> tuple[Recommendation, RecommendationReason]:
    return judge(mean, interval, blocks=blocks, effective_days=days, superior=superior)


def test_an_interval_above_0_is_adopted() -> None:
    assert judged(Interval(1, 2), Interval(0.1, 3), days=30) == (
        Recommendation.ADOPT,
        RecommendationReason.BETTER,
    )


def test_an_interval_that_ends_at_0_is_kept() -> None:
    assert judged(Interval(-2, -1), Interval(-3, 0), days=30) == (
        Recommendation.KEEP,
        RecommendationReason.NOT_BETTER,
    )


def test_a_policy_that_changes_nothing_is_kept() -> None:
    assert judged(Interval(0, 0), Interval(0, 0), days=30) == (
        Recommendation.KEEP,
        RecommendationReason.NOT_BETTER,
    )


def test_an_interval_that_begins_at_0_is_not_adopted() -> None:
    assert judged(Interval(1, 2), Interval(0, 3), days=30)[0] is Recommendation.INCONCLUSIVE


def test_fewer_than_30_effective_days_decide_nothing() -> None:
    few = (Recommendation.INCONCLUSIVE, RecommendationReason.TOO_FEW_DAYS)

    assert judged(Interval(1, 2), Interval(0.9, 3), days=29.9) == few
    assert judged(Interval(-2, -1), Interval(-3, -0.9), days=29.9) == few


def test_fewer_than_5_blocks_decide_nothing() -> None:
    few = (Recommendation.INCONCLUSIVE, RecommendationReason.TOO_FEW_BLOCKS)

    assert judged(Interval(1, 2), Interval(0.9, 3), days=99, blocks=4.9) == few
    assert judged(Interval(1, 2), None, days=99, blocks=0.5) == few


def test_bounds_on_both_sides_of_0_are_named() -> None:
    assert judged(Interval(-1, 1), Interval(-2, 2), days=99)[1] is RecommendationReason.BOUNDS_STRADDLE_ZERO


def test_chance_on_both_sides_of_0_is_named() -> None:
    assert judged(Interval(1, 1), Interval(-2, 2), days=99)[1] is RecommendationReason.INTERVAL_STRADDLES_ZERO


def test_what_the_family_explains_away_is_not_adopted() -> None:
    verdict = judged(Interval(1, 2), Interval(0.1, 3), days=99, superior=False)

    assert verdict == (Recommendation.INCONCLUSIVE, RecommendationReason.NOT_SUPERIOR_IN_FAMILY)
