"""The bootstrap and the family test on differences whose truth is known."""

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.comparison import daily_sums
from exitbrain.domain.evidence.resampling import judge_unresampled, resampling_of
from exitbrain.domain.evidence.verdict import Recommendation, RecommendationReason
from exitbrain.infrastructure.lab.statistics import judge_family, judge_policy
from tests.unit.evidence.made import comparison, drawn


def test_a_steady_gain_is_adopted() -> None:
    evidence = judge_policy(drawn(120, 1.0, seed=1), seed=1)

    assert (evidence.verdict, evidence.reason) == (Recommendation.ADOPT, RecommendationReason.BETTER)
    assert (evidence.positions, evidence.days, evidence.effective_days) == (120, 120, 120.0)


def test_a_steady_loss_is_kept_away_from() -> None:
    assert judge_policy(drawn(120, -1.0, seed=1), seed=1).verdict is Recommendation.KEEP


def test_noise_decides_nothing() -> None:
    evidence = judge_policy(drawn(120, 0.0, seed=2), seed=1)

    assert evidence.verdict is Recommendation.INCONCLUSIVE
    assert evidence.reason is RecommendationReason.INTERVAL_STRADDLES_ZERO


def test_a_steady_gain_on_too_few_days_decides_nothing() -> None:
    assert judge_policy(drawn(29, 5.0, seed=1), seed=1).reason is RecommendationReason.TOO_FEW_DAYS


def test_positions_that_live_through_each_other_are_too_few_days() -> None:
    """Sixty entries on sixty days, each held for three: the market was seen some twenty times."""
    evidence = judge_policy([comparison(day, 71, 1.0) for day in range(60)], seed=1)

    assert (evidence.days, evidence.reason) == (60, RecommendationReason.TOO_FEW_DAYS)
    assert 20 < evidence.effective_days < 22


def test_a_gain_within_what_the_candles_leave_open_decides_nothing() -> None:
    evidence = judge_policy(drawn(120, 1.0, seed=1, bounds=2.0), seed=1)

    assert evidence.reason is RecommendationReason.BOUNDS_STRADDLE_ZERO
    assert evidence.mean is not None
    assert evidence.mean.upper - evidence.mean.lower == pytest.approx(4.0)


def test_adopting_rests_on_the_lower_bound_of_the_difference() -> None:
    assert judge_policy(drawn(120, 1.0, seed=1, bounds=0.5), seed=1).verdict is Recommendation.ADOPT
    assert judge_policy(drawn(120, 1.0, seed=1, bounds=0.95), seed=1).verdict is Recommendation.INCONCLUSIVE


def test_one_hold_of_many_days_leaves_too_few_blocks() -> None:
    days = [*drawn(60, 1.0, seed=1), comparison(60, 12 * 24, 1.0)]

    evidence = judge_policy(days, seed=1)

    assert (evidence.reason, evidence.resampling.block_days) == (RecommendationReason.TOO_FEW_BLOCKS, 13)


def test_a_hold_longer_than_half_the_days_leaves_no_interval() -> None:
    evidence = judge_policy([comparison(0, 50, 1.0), comparison(1, 1, 1.0)], seed=1)

    assert evidence.mean is not None
    assert evidence.interval is None


def test_no_position_decides_nothing() -> None:
    evidence = judge_policy([], seed=1)

    assert (evidence.reason, evidence.interval) == (RecommendationReason.NO_PAIRS, None)


def test_the_interval_is_the_percentile_interval_of_the_stationary_bootstrap() -> None:
    """Of days stretched by what blocks of 4 out of 60 days take from the variance."""
    days = drawn(60, 0.3, seed=3)
    evidence = judge_policy(days, seed=7, resamples=500)
    series = np.array(daily_sums(days).lower)[:, 0]
    series = series.mean() + np.sqrt(60 / (60 - 7)) * (series - series.mean())

    bootstrap = StationaryBootstrap(evidence.resampling.block_days, series, seed=7)
    expected = bootstrap.conf_int(lambda x: x.mean(), reps=500, method="percentile")

    assert evidence.interval is not None
    assert [evidence.interval.lower, evidence.interval.upper] == pytest.approx(list(expected[:, 0]))


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    family = drawn(50, 0.1, seed=4, policies=5)

    assert judge_family(family, seed=11) == judge_family(family, seed=11)
    assert judge_policy(family, seed=11).interval != judge_policy(family, seed=12).interval


def test_blocks_are_as_long_as_the_longest_life() -> None:
    short = [comparison(day, 1, 0.0) for day in range(64)]
    long = [*short, comparison(70, 9 * 24, 0.0)]

    assert judge_policy(short, seed=1).resampling.block_days == 4
    assert judge_policy(long, seed=1).resampling.block_days == 10


def test_the_best_of_fifty_policies_without_merit_is_not_adopted() -> None:
    """One of them looks good enough alone; with the family in view it is what chance brings."""
    noise = drawn(120, 0.0, seed=7, policies=50)

    family = judge_family(noise, seed=1)
    best = next(
        place
        for place, each in enumerate(family.policies)
        if each.reason is RecommendationReason.NOT_SUPERIOR_IN_FAMILY
    )

    assert judge_policy(noise, seed=1, policy=best).verdict is Recommendation.ADOPT
    assert Recommendation.ADOPT not in [evidence.verdict for evidence in family.policies]
    assert family.superior == ()
    assert family.p_value is not None
    assert family.p_value > 0.05


def test_a_good_policy_among_many_is_found_and_chosen() -> None:
    """An erratic policy beside it does not raise the bar."""
    noise = drawn(150, 0.0, seed=6, policies=20)
    family = [
        comparison(day, 2, *each.lower, 100.0 * (each.lower[0] - 1.0), 1.0 + each.lower[1])
        for day, each in enumerate(noise)
    ]

    judged = judge_family(family, seed=1)

    assert judged.superior == (21,)
    assert judged.policies[21].verdict is Recommendation.ADOPT
    assert [choice.policy for choice in judged.choices][1:] == [21] * 4
    assert judged.p_value is not None
    assert judged.p_value < 0.01


def test_a_family_on_too_few_days_is_not_tested() -> None:
    judged = judge_family(drawn(20, 3.0, seed=1, policies=4), seed=1)

    assert (judged.p_value, judged.superior) == (None, ())
    assert {evidence.reason for evidence in judged.policies} == {RecommendationReason.TOO_FEW_DAYS}


def test_policies_that_change_nothing_or_always_the_same_need_no_test() -> None:
    judged = judge_family([comparison(day, 2, 0.0, 0.1, -0.1) for day in range(40)], seed=1)

    assert [evidence.verdict for evidence in judged.policies] == [
        Recommendation.KEEP,
        Recommendation.ADOPT,
        Recommendation.KEEP,
    ]
    assert judged.superior == (1,)


def test_a_seed_below_0_is_refused() -> None:
    with pytest.raises(InvalidValue, match="seed is -1; allowed: 0 or more"):
        judge_policy(drawn(3, 0.0, seed=1), seed=-1)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_what_there_is_to_say_of_too_few_days_is_said_without_resampling(count: int) -> None:
    """The same to the bit, the mean too, so that it needs none of the libraries that resample."""
    days = [comparison(day, 30, 0.1 * (day + 1) / 3) for day in range(count) for _ in range(3)]

    assert judge_unresampled(days, resampling_of(days, 7)) == judge_policy(days, seed=7)


def test_days_that_can_be_resampled_are_not_judged_without_it() -> None:
    days = [comparison(day, 1, 0.1) for day in range(4)]

    assert judge_policy(days, seed=1).interval is not None
    assert judge_unresampled(days, resampling_of(days, 1)) is None
