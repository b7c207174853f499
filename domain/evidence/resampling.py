"""How days are resampled, and the evidence when there are too few days to resample."""

from collections.abc import Sequence
from math import sqrt

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.comparison import Comparison, daily_sums, days_of_a_life, effective_days
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.verdict import (
    Evidence,
    Recommendation,
    RecommendationReason,
    Resampling,
    judge,
)

RESAMPLES = 2000


def resampling_of(comparisons: Sequence[Comparison], seed: int, resamples: int = RESAMPLES) -> Resampling:
    """Choose the mean block length: the days the longest life spans, but at least the cube root of the days.

    The best block length for estimating a variance grows as the cube root of the number of days (Politis and
    Romano, The stationary bootstrap, 1994). Raises InvalidValue.
    """
    if seed < 0:
        raise InvalidValue("seed", seed, "0 or more")
    if resamples < 1:
        raise InvalidValue("resamples", resamples, "1 or more")
    days = len({each.day for each in comparisons})
    root = next(root for root in range(1, days + 2) if root**3 >= days)
    return Resampling(max(days_of_a_life(comparisons), root), resamples, seed)


def widening_of(days: int, resampling: Resampling) -> float | None:
    """Return the factor by which a mean scatters more than its resamples; None if there are too few days.

    Blocks of mean length b drawn from n days underestimate the variance of a mean by the fraction (2b - 1) /
    n, because the autocovariances are taken around the mean of the same days.
    """
    left = days - (2 * resampling.block_days - 1)
    return sqrt(days / left) if left > 0 else None


def judge_unresampled(comparisons: Sequence[Comparison], resampling: Resampling) -> Evidence | None:
    """Judge one policy without resampling if there are too few days for an interval or none, else None."""
    if not comparisons:
        return Evidence(
            Recommendation.INCONCLUSIVE, RecommendationReason.NO_PAIRS, None, None, 0, 0, 0.0, resampling
        )
    sums = daily_sums(comparisons)
    days = len(sums.days)
    if widening_of(days, resampling) is not None:
        return None
    mean = Interval(_mean(sums.lower), _mean(sums.upper))
    effective = effective_days(comparisons)
    verdict, reason = judge(mean, None, blocks=days / resampling.block_days, effective_days=effective)
    return Evidence(verdict, reason, mean, None, len(comparisons), days, effective, resampling)


def _mean(sums: Sequence[tuple[float, ...]]) -> float:
    total = 0.0
    for (each,) in sums:
        total += each
    return total / len(sums)
