"""The verdict on a policy: adopt it, keep the baseline, or inconclusive."""

from enum import StrEnum

from msgspec import Struct

from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.walk_forward import Choice

CONFIDENCE = 0.95
EFFECTIVE_DAYS_NEEDED = 30
BLOCKS_NEEDED = 5


class Recommendation(StrEnum):
    """What to do with a policy after comparing it with the baseline."""

    ADOPT = "adopt"
    KEEP = "keep"
    INCONCLUSIVE = "inconclusive"


class RecommendationReason(StrEnum):
    """The reason for a verdict."""

    BETTER = "better"
    NOT_BETTER = "not_better"
    NO_PAIRS = "no_pairs"
    TOO_FEW_DAYS = "too_few_days"
    TOO_FEW_BLOCKS = "too_few_blocks"
    BOUNDS_STRADDLE_ZERO = "bounds_straddle_zero"
    INTERVAL_STRADDLES_ZERO = "interval_straddles_zero"
    NOT_SUPERIOR_IN_FAMILY = "not_superior_in_family"
    DEPENDS_ON_CLOSES = "depends_on_closes"


class Resampling(Struct, frozen=True):
    """How an interval was computed: mean block length in days, number of resamples, random seed."""

    block_days: int
    resamples: int
    seed: int


class Evidence(Struct, frozen=True):
    """A verdict with its supporting figures.

    `mean` bounds the mean daily sum of net differences (candidate minus baseline, in the unit
    judged): the mean of the lower and of the upper differences. `interval` runs from the lower end of the
    95 % interval of the first to the upper end of that of the second; None with fewer than two blocks of
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
    """The evidence on every policy of a family, and on choosing among them.

    `p_value` comes from the test for superior predictive ability: how often the best of a family without
    merit looks at least as good. None if there are too few days. `superior` lists the policies that StepM
    finds better than the baseline, corrected for the size of the family. `choices` and `chosen` come from the
    walk forward.
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
    """Adopt if the interval is above 0, keep if it is at or below 0, else inconclusive with the reason.

    `blocks` is the number of blocks in the days; `superior` says whether the policy is still better when
    tested together with its whole family.
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
