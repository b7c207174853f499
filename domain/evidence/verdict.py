"""Verdict: whether the record speaks for a policy, against it, or does not say."""

from enum import StrEnum

from msgspec import Struct

from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.walk_forward import Choice

CONFIDENCE = 0.95
EFFECTIVE_DAYS_NEEDED = 30
BLOCKS_NEEDED = 5


class Recommendation(StrEnum):
    """What to do with the policy that was compared with the baseline."""

    ADOPT = "adopt"
    KEEP = "keep"
    INCONCLUSIVE = "inconclusive"


class RecommendationReason(StrEnum):
    """What made the verdict."""

    BETTER = "better"
    NOT_BETTER = "not_better"
    NO_PAIRS = "no_pairs"
    TOO_FEW_DAYS = "too_few_days"
    TOO_FEW_BLOCKS = "too_few_blocks"
    BOUNDS_STRADDLE_ZERO = "bounds_straddle_zero"
    INTERVAL_STRADDLES_ZERO = "interval_straddles_zero"
    NOT_SUPERIOR_IN_FAMILY = "not_superior_in_family"


class Resampling(Struct, frozen=True):
    """How an interval was drawn: mean block length in days, resamples, seed of the generator."""

    block_days: int
    resamples: int
    seed: int


class Evidence(Struct, frozen=True):
    """A verdict with what it rests on.

    `mean` bounds the mean daily sum of net differences (candidate minus baseline, fractions of entry notional):
    the mean of the lower differences and that of the upper ones. `interval` runs from the lower end of the 95 %
    interval of the former to the upper end of that of the latter; None where there are fewer than two blocks of
    days. `mean` is None without days.
    """

    verdict: Recommendation
    reason: RecommendationReason
    mean: Interval | None
    interval: Interval | None
    positions: int
    days: int
    effective_days: float
    resampling: Resampling


class FamilyEvidence(Struct, frozen=True):
    """The evidence on every policy of a family, and of choosing among them.

    `p_value` is that of the test for superior predictive ability: how often the best of a family without any merit
    looks at least as good. None where there are too few days to ask. `superior` are the policies that StepM finds
    better than the baseline with all the others in view. `choices` and `chosen` are the walk forward.
    """

    policies: tuple[Evidence, ...]
    p_value: float | None
    superior: tuple[int, ...]
    choices: tuple[Choice, ...]
    chosen: Evidence


def judge(
    mean: Interval,
    interval: Interval | None,
    *,
    blocks: float,
    effective_days: float,
    superior: bool = True,
) -> tuple[Recommendation, RecommendationReason]:
    """Adopt above 0, keep at or below 0, else say what stands in the way.

    `blocks` is how many blocks the days make; `superior` is whether the policy still counts as better with its
    whole family in view.
    """
    if effective_days < EFFECTIVE_DAYS_NEEDED:
        return Recommendation.INCONCLUSIVE, RecommendationReason.TOO_FEW_DAYS
    if interval is None or blocks < BLOCKS_NEEDED:
        return Recommendation.INCONCLUSIVE, RecommendationReason.TOO_FEW_BLOCKS
    if interval.lower > 0:
        if superior:
            return Recommendation.ADOPT, RecommendationReason.BETTER
        return Recommendation.INCONCLUSIVE, RecommendationReason.NOT_SUPERIOR_IN_FAMILY
    if interval.upper <= 0:
        return Recommendation.KEEP, RecommendationReason.NOT_BETTER
    if mean.lower <= 0 < mean.upper:
        return Recommendation.INCONCLUSIVE, RecommendationReason.BOUNDS_STRADDLE_ZERO
    return Recommendation.INCONCLUSIVE, RecommendationReason.INTERVAL_STRADDLES_ZERO
