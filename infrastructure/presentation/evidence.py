"""Evidence in words: the verdict on one policy, on a family, and on choosing from it."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.application.whatif.totals import CandidateSums, CandidateTotals
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.evidence.verdict import (
    BLOCKS_NEEDED,
    CONFIDENCE,
    EFFECTIVE_DAYS_NEEDED,
    Evidence,
    FamilyEvidence,
    RecommendationReason,
)
from exitbrain.domain.evidence.walk_forward import Choice
from exitbrain.domain.values import EPOCH
from exitbrain.infrastructure.presentation.closes import readings_text
from exitbrain.infrastructure.presentation.result_units import between
from exitbrain.infrastructure.presentation.table import ShownTable

FAMILY_SHOWN = 20


class EvidenceReport(Struct):
    """A verdict and what it rests on.

    `verdict` is `adopt`, `keep` or `inconclusive`; `reason` is `better`, `not_better`, `no_pairs`, `too_few_days`,
    `too_few_blocks`, `bounds_straddle_zero`, `interval_straddles_zero`, `not_superior_in_family` or
    `depends_on_closes`. `mean` and `interval` (at `confidence`) are of the daily sum of paired net differences, in the
    unit judged; null where there are too few days.
    """

    verdict: str
    reason: str
    mean: Interval | None
    interval: Interval | None
    confidence: float
    positions: int
    days: int
    effective_days: float
    block_days: int
    resamples: int
    seed: int


class WalkForwardFold(Struct):
    """A test span of whole UTC days, `from_day` to before `until_day`, and what was chosen for it from before it.

    `policy` is null where nothing was left to learn from; `training`, `purged` and `embargoed` count positions.
    """

    from_day: datetime
    until_day: datetime
    training: int
    purged: int
    embargoed: int
    test: int
    policy: str | None


class WalkForwardReport(Struct):
    """Choosing the best of the past, span by span, judged on what followed."""

    folds: list[WalkForwardFold]
    judgement: EvidenceReport


def evidence_of(judged: Evidence) -> EvidenceReport:
    """Return the evidence."""
    return EvidenceReport(
        verdict=judged.verdict.value,
        reason=judged.reason.value,
        mean=judged.mean,
        interval=judged.interval,
        confidence=CONFIDENCE,
        positions=judged.positions,
        days=judged.days,
        effective_days=judged.effective_days,
        block_days=judged.resampling.block_days,
        resamples=judged.resampling.resamples,
        seed=judged.resampling.seed,
    )


def walk_forward_of(judged: FamilyEvidence, names: Sequence[str]) -> WalkForwardReport:
    """Return what choosing the best of the past came to; `names` are those of the policies."""
    return WalkForwardReport([_fold(choice, names) for choice in judged.choices], evidence_of(judged.chosen))


def _fold(choice: Choice, names: Sequence[str]) -> WalkForwardFold:
    fold = choice.fold
    return WalkForwardFold(
        from_day=_day_at(fold.from_day),
        until_day=_day_at(fold.until_day),
        training=len(fold.training),
        purged=len(fold.purged),
        embargoed=len(fold.embargoed),
        test=len(fold.test),
        policy=None if choice.policy is None else names[choice.policy],
    )


def verdict(name: str, judged: Evidence, results: OutcomeResults) -> Iterator[str]:
    """Yield the verdict on a policy and what it rests on."""
    yield f"Verdict on {name}, judged in {results.question.unit.value}: {judged.verdict.value.upper()}, {because(judged)}."
    yield from readings_text(results.readings, judged)
    yield from _grounds(judged, results.question.unit)


def because(judged: Evidence) -> str:
    """Return what made a verdict, as half a sentence."""
    resampling = judged.resampling
    return {
        RecommendationReason.BETTER: f"the whole {CONFIDENCE:.0%} interval lies above 0",
        RecommendationReason.NOT_BETTER: f"the whole {CONFIDENCE:.0%} interval lies at or below 0",
        RecommendationReason.NO_PAIRS: "there is nothing to judge",
        RecommendationReason.TOO_FEW_DAYS: (
            f"{judged.effective_days:.1f} effective days; {EFFECTIVE_DAYS_NEEDED} are needed"
        ),
        RecommendationReason.TOO_FEW_BLOCKS: (
            f"{judged.days} days hold {judged.days / resampling.block_days:.1f} blocks of "
            f"{resampling.block_days} days, as long as the longest hold; {BLOCKS_NEEDED} are needed"
        ),
        RecommendationReason.BOUNDS_STRADDLE_ZERO: "the order inside candles decides on which side of 0 the mean lies",
        RecommendationReason.INTERVAL_STRADDLES_ZERO: f"the {CONFIDENCE:.0%} interval holds 0: it may be chance",
        RecommendationReason.NOT_SUPERIOR_IN_FAMILY: "with the whole family in view it may be chance",
        RecommendationReason.DEPENDS_ON_CLOSES: "it depends on how the recorded closes are read",
    }[judged.reason]


def _grounds(judged: Evidence, unit: ResultUnit) -> Iterator[str]:
    if judged.mean is None:
        return
    interval = (
        "too few days for one"
        if judged.interval is None
        else between(judged.interval.lower, judged.interval.upper, unit)
    )
    resampling = judged.resampling
    yield (
        f"  a day differs by {between(judged.mean.lower, judged.mean.upper, unit)} in the mean, "
        f"{CONFIDENCE:.0%} interval: {interval}"
    )
    yield (
        f"  {counted(judged.positions, 'position')} of {counted(judged.days, 'day')} ({judged.effective_days:.1f} effective), "
        f"{resampling.resamples} resamples of blocks of {counted(resampling.block_days, 'day')}, seed {resampling.seed}"
    )


def family_title(results: OutcomeResults) -> str:
    """Return what a family of policies was compared with, and on how many positions."""
    policies = len(results.question.candidates)
    count = f"{policies} {'policy' if policies == 1 else 'policies'}"
    return f"{count} against {results.question.baseline_name} on {counted(results.positions, 'recorded position')}"


def family_headings(results: OutcomeResults) -> list[str]:
    """Return the headings of the rows of a family; all but the first and the last are numbers."""
    others = [f"Difference {what}" for what, _ in beside(results.panel.totals[0], results)]
    return [
        "Policy",
        "Net",
        "Difference",
        f"{CONFIDENCE:.0%} interval of a day",
        "Hindsight regret",
        *others,
        "Verdict",
    ]


def family_rows(results: OutcomeResults, judged: FamilyEvidence) -> list[tuple[str, ...]]:
    """Return a row of text for each policy of a family, the highest lower differences first."""
    panel, candidates, unit = results.panel, results.question.candidates, results.question.unit
    order = sorted(range(len(candidates)), key=lambda place: (-panel.totals[place].everything.lower, place))
    rows = []
    for place in order[:FAMILY_SHOWN]:
        sums, evidence = panel.totals[place].everything, judged.policies[place]
        others = [
            f"{between(other.lower, other.upper, unit)} ({other.positions})"
            for _, other in beside(panel.totals[place], results)
        ]
        rows.append(
            (
                candidates[place].name,
                between(sums.pessimistic, sums.optimistic, unit),
                between(sums.lower, sums.upper, unit),
                interval_text(evidence.interval, unit),
                interval_text(panel.regrets[place], unit),
                *others,
                f"{evidence.verdict.value}: {because(evidence)}",
            )
        )
    return rows


def family_table(results: OutcomeResults, judged: FamilyEvidence) -> ShownTable:
    """Return the policies of a family."""
    rows, policies = family_rows(results, judged), len(results.question.candidates)
    cut = "" if len(rows) == policies else f", the best {len(rows)} of {policies}"
    table = ShownTable(f"{family_title(results)}{cut}")
    first, net, difference, interval, regret, *others, last = family_headings(results)
    table.prose(first)
    table.number(net, drop=3)
    table.number(difference)
    table.number(interval, drop=4)
    table.number(regret, drop=1)
    table.number(*others, drop=2)
    table.prose(last)
    for row in rows:
        table.row(*row)
    return table


def beside(totals: CandidateTotals, results: OutcomeResults) -> Iterator[tuple[str, CandidateSums]]:
    """Yield the totals to read beside those of all counted positions, where they are others."""
    if results.panel.failed_guards:
        yield "without failed guards", totals.without_failed_guards
    if results.panel.off_market and results.question.include_off_market:
        yield "without off-market prices", totals.without_off_market
    elif results.panel.off_market:
        yield "with off-market prices", totals.with_off_market


def family_verdict(results: OutcomeResults, judged: FamilyEvidence) -> Iterator[str]:
    """Yield what the family as a whole comes to."""
    if judged.p_value is None:
        yield f"Whole family: not tested, {because(judged.policies[0])}."
        return
    names = ", ".join(results.question.candidates[place].name for place in judged.superior)
    yield (
        f"Whole family (StepM, SPA): {names or 'no policy'} better than {results.question.baseline_name}; "
        f"without any merit the best would look as good in {judged.p_value:.1%} of all cases."
    )


def walk_forward_text(results: OutcomeResults, judged: FamilyEvidence) -> Iterator[str]:
    """Yield what choosing the best of the past came to, span by span."""
    yield (
        f"Walk forward, the best of the past judged on what followed in {results.question.unit.value}: "
        f"{judged.chosen.verdict.value.upper()}, {because(judged.chosen)}."
    )
    yield from readings_text(results.readings, judged.chosen)
    for choice in judged.choices:
        yield f"  {_fold_text(choice, results)}"
    yield from _grounds(judged.chosen, results.question.unit)


def _fold_text(choice: Choice, results: OutcomeResults) -> str:
    fold = choice.fold
    chosen = (
        "nothing to learn from, left out"
        if choice.policy is None
        else results.question.candidates[choice.policy].name
    )
    return (
        f"{_day_at(fold.from_day):%Y-%m-%d} to before {_day_at(fold.until_day):%Y-%m-%d}: {chosen} "
        f"({len(fold.training)} to learn from, {len(fold.purged)} purged, {len(fold.embargoed)} embargoed, "
        f"{len(fold.test)} tested)"
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def interval_text(interval: Interval | None, unit: ResultUnit = ResultUnit.FIRST) -> str:
    """Return an interval as text, nothing where there is none; fractions as percents where no unit is given."""
    return "" if interval is None else between(interval.lower, interval.upper, unit)


def _day_at(day: int) -> datetime:
    """Return when a UTC day, counted from 1970, begins."""
    return EPOCH + timedelta(days=day)
