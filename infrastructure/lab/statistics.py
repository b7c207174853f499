"""Judge policies on paired days: stationary bootstrap for one policy, StepM and SPA for a family."""

from collections.abc import Sequence

import numpy as np
from arch.bootstrap import StationaryBootstrap, StepM

from exitbrain.domain.evidence.comparison import (
    Comparison,
    Days,
    daily_sums,
    effective_days,
)
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.resampling import (
    RESAMPLES,
    resampling_of,
    widening_of,
)
from exitbrain.domain.evidence.verdict import (
    BLOCKS_NEEDED,
    CONFIDENCE,
    EFFECTIVE_DAYS_NEEDED,
    Evidence,
    FamilyEvidence,
    Recommendation,
    RecommendationReason,
    Resampling,
    judge,
)
from exitbrain.domain.evidence.walk_forward import FOLDS, walk_forward
from exitbrain.infrastructure.lab.arrays import Doubles, Integers
from exitbrain.infrastructure.lab.jit import jit


def judge_policy(
    comparisons: Sequence[Comparison], *, seed: int, resamples: int = RESAMPLES, policy: int = 0
) -> Evidence:
    """Judge one policy against the baseline on all days; the same seed gives the same bits."""
    alone = [each.of(policy) for each in comparisons]
    return _judged(alone, resampling_of(alone, seed, resamples))[0]


def judge_family(
    comparisons: Sequence[Comparison], *, seed: int, resamples: int = RESAMPLES, folds: int = FOLDS
) -> FamilyEvidence:
    """Judge every policy as one of a family, and the choice of the best by walk-forward.

    A policy is adopted if its own interval lies above 0 and StepM finds it superior. StepM keeps the chance
    of any false adoption in the whole family at 5 %.
    """
    resampling = resampling_of(comparisons, seed, resamples)
    choices, tested = walk_forward(comparisons, folds)
    (chosen,) = _judged(tested, resampling_of(tested, seed, resamples))
    if not _can_be_judged(comparisons, resampling):
        return FamilyEvidence(_judged(comparisons, resampling), None, (), choices, chosen)
    p_value, superior = _superior(np.array(daily_sums(comparisons).lower), resampling)
    return FamilyEvidence(_judged(comparisons, resampling, superior), p_value, superior, choices, chosen)


def _can_be_judged(comparisons: Sequence[Comparison], resampling: Resampling) -> bool:
    days = len({each.day for each in comparisons})
    enough = effective_days(comparisons) >= EFFECTIVE_DAYS_NEEDED
    return enough and days >= BLOCKS_NEEDED * resampling.block_days


def _judged(
    comparisons: Sequence[Comparison], resampling: Resampling, superior: Sequence[int] | None = None
) -> tuple[Evidence, ...]:
    """Judge each policy of the comparisons; `superior` is None without a family."""
    if not comparisons:
        return (
            Evidence(
                verdict=Recommendation.INCONCLUSIVE,
                reason=RecommendationReason.NO_PAIRS,
                mean=None,
                interval=None,
                positions=0,
                days=0,
                effective_days=0.0,
                resampling=resampling,
            ),
        )
    sums, effective = daily_sums(comparisons), effective_days(comparisons)
    days, positions = len(sums.days), len(comparisons)
    evidence = []
    for policy, (mean, interval) in enumerate(_intervals(sums, resampling)):
        verdict, reason = judge(
            mean,
            interval,
            blocks=days / resampling.block_days,
            effective_days=effective,
            superior=superior is None or policy in superior,
        )
        evidence.append(
            Evidence(
                verdict=verdict,
                reason=reason,
                mean=mean,
                interval=interval,
                positions=positions,
                days=days,
                effective_days=effective,
                resampling=resampling,
            )
        )
    return tuple(evidence)


def _intervals(sums: Days, resampling: Resampling) -> list[tuple[Interval, Interval | None]]:
    """Return the mean and the interval of each policy, all from the same resampled days."""
    lower, upper = np.array(sums.lower), np.array(sums.upper)
    once = np.arange(len(lower))[None, :]
    means = zip(_means(lower, once)[0].tolist(), _means(upper, once)[0].tolist(), strict=True)
    widening = widening_of(len(lower), resampling)
    if widening is None:
        return [(Interval(*mean), None) for mean in means]
    rows, tail = _resampled_rows(len(lower), resampling), (1 - CONFIDENCE) / 2
    lowest = np.quantile(_means(_widened(lower, widening), rows), tail, axis=0)
    highest = np.quantile(_means(_widened(upper, widening), rows), 1 - tail, axis=0)
    ends = zip(lowest.tolist(), highest.tolist(), strict=True)
    return [(Interval(*mean), Interval(*both)) for mean, both in zip(means, ends, strict=True)]


def _widened(values: Doubles, widening: float) -> Doubles:
    """Return the values with their distance from the column mean multiplied by `widening`."""
    mean = _means(values, np.arange(len(values))[None, :])
    return mean + widening * (values - mean)


def _resampled_rows(days: int, resampling: Resampling) -> Integers:
    """Return the resamples as day indexes, in the shape (resamples, days)."""
    bootstrap = StationaryBootstrap(resampling.block_days, np.arange(days), seed=resampling.seed)
    return np.array([data[0][0] for data in bootstrap.bootstrap(resampling.resamples)], dtype=np.int64)


@jit
def _means(values: Doubles, rows: Integers) -> Doubles:
    """Return the mean of each column over the rows in each resample, added in that order."""
    count, width = rows.shape[1], values.shape[1]
    means = np.zeros((rows.shape[0], width))
    for resample in range(rows.shape[0]):
        total = means[resample]
        for place in range(count):
            total += values[rows[resample, place]]
        total /= count
    return means


def _superior(lower: Doubles, resampling: Resampling) -> tuple[float, tuple[int, ...]]:
    """Return the p-value of SPA and the policies that StepM finds better than the baseline.

    Each column is first divided by its standard deviation: arch takes the maximum over plain means, so one
    erratic policy would set the bar for all. A column that never varies needs no test.
    """
    spread = lower.std(axis=0)
    varies = spread > 1e-12 * np.abs(lower).max(axis=0)  # rounding noise of a constant is not spread
    certain = [int(policy) for policy in np.flatnonzero(~varies & (lower[0] > 0))]
    places = np.flatnonzero(varies)
    if not len(places):
        return (0.0 if certain else 1.0), tuple(certain)
    widening = widening_of(len(lower), resampling)
    assert widening is not None  # there are at least BLOCKS_NEEDED blocks
    test = StepM(
        np.zeros(len(lower)),
        -_widened(lower[:, places] / spread[places], widening),  # StepM compares losses
        size=1 - CONFIDENCE,
        block_size=resampling.block_days,
        reps=resampling.resamples,
        bootstrap="stationary",
        seed=resampling.seed,
    )
    test.spa.compute()
    p_value = 0.0 if certain else float(test.spa.pvalues["consistent"])
    test.compute()
    found = [int(places[int(str(number))]) for number in test.superior_models]
    return p_value, tuple(sorted([*certain, *found]))
