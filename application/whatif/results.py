"""Results: recorded positions walked as recorded and under other policies, added up, measured and judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from exitbrain.application.ports.judges import Judges
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.market import MarketData, MarketUnreadable, Omitted
from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.measures import (
    PolicySummary,
    PositionMeasures,
    measures_of,
    summary_of,
)
from exitbrain.application.whatif.outcomes import LeftOutPosition, Outcomes, PositionOutcome, Walked
from exitbrain.application.whatif.plans import LeftOutBecause
from exitbrain.application.whatif.totals import Panel
from exitbrain.domain.evidence.resampling import judge_unresampled, resampling_of
from exitbrain.domain.evidence.verdict import Evidence, FamilyEvidence
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Assumption, ms_of, plain

SEED = 1
RECORDED = "as recorded"
"""The name of the baseline if it is the recorded levels."""


class Question(Struct, frozen=True):
    """The candidates and terms to compare with a baseline; None means the levels as recorded.

    `family` says that the candidates are judged as a family; otherwise there is one.
    """

    baseline: Policy | None
    candidates: Sequence[Policy]
    terms: Terms
    seed: int = SEED
    include_off_market: bool = False
    family: bool = False

    @property
    def baseline_name(self) -> str:
        """Return the name of the baseline in reports."""
        return RECORDED if self.baseline is None else self.baseline.name


class Measured(Struct, frozen=True):
    """The measures of one policy, for each position and for all together."""

    positions: list[PositionMeasures]
    summary: PolicySummary


@dataclass(slots=True)
class OutcomeResults:
    """Results for all positions: totals, comparisons and, for a single candidate, the measured outcomes.

    `evidence` is for a single candidate, `family_evidence` for a family. `measured` holds the baseline and
    the single candidate. `data_left_out` names missing market data, `remarks` assumptions about other data.
    """

    question: Question
    panel: Panel
    left_out: list[LeftOutPosition] = field(default_factory=list)
    outcomes: list[PositionOutcome] = field(default_factory=list)
    assumptions: dict[Assumption, None] = field(default_factory=dict)
    evidence: Evidence | None = None
    family_evidence: FamilyEvidence | None = None
    measured: tuple[Measured, ...] = ()
    data_left_out: list[Omitted] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def positions(self) -> int:
        """Return how many positions are counted."""
        return len(self.panel.comparisons)


def find_outcomes(
    policies: Policies,
    snapshots: Snapshots,
    engine: LevelEngine,
    market: MarketData,
    question: Question,
    positions: Sequence[RecordedPosition],
    judges: Judges,
    *,
    progress: Callable[[int], None] | None = None,
) -> OutcomeResults:
    """Walk positions of a ledger; raises InvalidValue or MarketUnreadable if none can be walked.

    Outcomes are attributed, measured and kept for one candidate; for more, only the totals. `progress` gets
    the number of positions walked.
    """
    alone = len(question.candidates) == 1
    results = OutcomeResults(question, Panel(len(question.candidates)))
    walking = Outcomes(policies, snapshots, engine, market)
    outcomes = walking.run(
        positions, question.baseline, question.candidates, question.terms, attributed=alone
    )
    for number, outcome in enumerate(outcomes, start=1):
        _take(results, outcome, keep=alone)
        if progress is not None:
            progress(number)
    _check_any_walked(results)
    _check_any_candles(results, len(positions))
    if question.family:
        results.family_evidence = judges.family(results.panel.comparisons, seed=question.seed)
    else:
        results.evidence = _judged_alone(results, judges)
        results.measured = (
            _measured(results, [outcome.baseline for outcome in results.outcomes]),
            _measured(results, [outcome.candidates[0] for outcome in results.outcomes]),
        )
    return results


def _judged_alone(results: OutcomeResults, judges: Judges) -> Evidence:
    """Judge the single candidate, resampling only if there are days to resample."""
    alone, seed = [each.of(0) for each in results.panel.comparisons], results.question.seed
    return judge_unresampled(alone, resampling_of(alone, seed)) or judges.policy(alone, seed=seed)


def _measured(results: OutcomeResults, walked: Sequence[Walked]) -> Measured:
    measures = [measures_of(outcome, one) for outcome, one in zip(results.outcomes, walked, strict=True)]
    return Measured(measures, summary_of(results.outcomes, walked, measures))


def _check_any_walked(results: OutcomeResults) -> None:
    """If no position is left, raise the error in the flags, else in the candles, that caused it."""
    if results.positions or any(each.because is LeftOutBecause.OFF_MARKET for each in results.left_out):
        return
    errors = [each.error for each in results.left_out if each.error is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, MarketUnreadable)):
        raise error


def _check_any_candles(results: OutcomeResults, positions: int) -> None:
    missing = [each for each in results.left_out if each.because is LeftOutBecause.NO_CANDLES]
    outside = [each for each in results.left_out if each.because is LeftOutBecause.OUTSIDE_CANDLES]
    if not positions or len(missing) + len(outside) < positions:
        return
    first = (missing or outside)[0]
    raise MarketUnreadable(
        f"the candles hold none of the {positions} recorded positions: {len(missing)} are of symbols without candles, "
        f"{len(outside)} were opened outside of them; the first is {first.position.symbol}, "
        f"{first.position.opened_at.isoformat()}: {first.detail}"
    )


def _take(results: OutcomeResults, outcome: PositionOutcome | LeftOutPosition, *, keep: bool) -> None:
    if isinstance(outcome, LeftOutPosition):
        results.left_out.append(outcome)
        return
    counted = results.question.include_off_market or not outcome.off_market
    results.panel.add(outcome, ms_of(outcome.position.opened_at), counted=counted)
    if not counted:
        prices = ", ".join(f"{each.what} {plain(each.price)}" for each in outcome.off_market)
        detail = f"outside the candle of its time: {prices}"
        results.left_out.append(LeftOutPosition(outcome.position, LeftOutBecause.OFF_MARKET, detail))
        return
    results.assumptions.update(dict.fromkeys(outcome.assumptions))
    if keep:
        results.outcomes.append(outcome)
