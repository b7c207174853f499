"""Results: recorded positions walked as recorded and under other policies, added up, measured and judged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from msgspec import Struct

from exitbrain.application.ports.judges import Judges
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.market import MarketData, MarketUnreadable, Omitted
from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.closes import (
    HOLDS,
    LEAST_HORIZON,
    CloseRules,
    Reading,
    horizon_of,
    unmatched_reasons,
)
from exitbrain.application.whatif.measures import (
    PolicySummary,
    PositionMeasures,
    measures_of,
    summary_of,
)
from exitbrain.application.whatif.outcomes import LeftOutPosition, Outcomes, PositionOutcome, Walked
from exitbrain.application.whatif.plans import LeftOutBecause
from exitbrain.application.whatif.totals import Panel
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.resampling import judge_unresampled, resampling_of
from exitbrain.domain.evidence.settled import family_settled, settled
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.evidence.verdict import Evidence, FamilyEvidence
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.values import Assumption, changed, ms_of, plain

E = TypeVar("E", Evidence, FamilyEvidence)

Take = Callable[[PositionOutcome | None, LeftOutPosition | None], None]
"""Takes a position as it comes: its outcome, None if it was not walked, and why it is left out, None if it is counted."""

HOUR = timedelta(hours=1)
SEED = 1
RECORDED = "as recorded"
"""The name of the baseline if it is the recorded levels."""


class Question(Struct, frozen=True):
    """The candidates and terms to compare with a baseline; None means the levels as recorded.

    `closes` says how recorded closes are read, `unit` in what results are added up and judged. `family` says that the
    candidates are judged as a family; otherwise there is one.
    """

    baseline: Policy | None
    candidates: Sequence[Policy]
    terms: Terms
    closes: CloseRules = CloseRules()
    unit: ResultUnit = ResultUnit.COMMITTED
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

    `evidence` is for a single candidate, `family_evidence` for a family; both are settled over the readings of the
    closes, and `readings` holds the evidence under each: of the candidate, or of the policies that the walk forward
    chose. `unmatched` are the reasons of closes and reductions that no row of the table matches. `measured` holds
    the baseline and the single candidate. `data_left_out` names missing market data, `remarks` assumptions about other data.
    """

    question: Question
    panel: Panel
    left_out: list[LeftOutPosition] = field(default_factory=list)
    outcomes: list[PositionOutcome] = field(default_factory=list)
    assumptions: dict[Assumption, None] = field(default_factory=dict)
    evidence: Evidence | None = None
    family_evidence: FamilyEvidence | None = None
    readings: dict[Reading, Evidence] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    measured: tuple[Measured, ...] = ()
    data_left_out: list[Omitted] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def positions(self) -> int:
        """Return how many positions are counted."""
        return len(self.panel.comparisons)


_WALKED = (LeftOutBecause.OFF_MARKET, LeftOutBecause.NO_QUANTITY, LeftOutBecause.NO_RISK)
"""Why a position that was walked is left out of the figures."""

_WITHOUT = {
    LeftOutBecause.NO_QUANTITY: "its quantity is unknown, so it has no result in the quote currency",
    LeftOutBecause.NO_RISK: "its stops were at or beyond every entry, so it has no R",
}


def find_outcomes(
    policies: Policies,
    snapshots: Snapshots,
    engine: LevelEngine,
    market: MarketData,
    question: Question,
    positions: Sequence[RecordedPosition],
    judges: Judges,
    *,
    take: Take | None = None,
    progress: Callable[[int], None] | None = None,
) -> OutcomeResults:
    """Walk positions of a ledger; raises InvalidValue or MarketUnreadable if none can be walked.

    Outcomes are attributed, measured and kept for one candidate; for more, only the totals. `take` gets every position
    in order, `progress` the number of positions walked.
    """
    alone = len(question.candidates) == 1
    closes = question.closes
    if closes.horizon_ms is None:
        closes = changed(closes, horizon_ms=horizon_of(positions))
    results = OutcomeResults(changed(question, closes=closes), Panel(len(question.candidates), question.unit))
    results.unmatched = unmatched_reasons(positions, closes.table)
    walking = Outcomes(policies, snapshots, engine, market)
    outcomes = walking.run(
        positions, question.baseline, question.candidates, question.terms, closes, attributed=alone
    )
    for number, outcome in enumerate(outcomes, start=1):
        left_out = _left_out(results.question, outcome)
        walked = None if isinstance(outcome, LeftOutPosition) else outcome
        _add(results, walked, left_out, keep=alone)
        if take is not None:
            take(walked, left_out)
        if progress is not None:
            progress(number)
    _check_any_walked(results)
    _check_any_candles(results, len(positions))
    _check_one_currency(results)
    results.assumptions.update(dict.fromkeys(_assumed(results, given_horizon=question.closes.horizon_ms)))
    if question.family:
        _judge_family(results, judges)
    else:
        _judge_alone(results, judges)
        results.measured = (
            _measured(results, [outcome.baseline for outcome in results.outcomes]),
            _measured(results, [outcome.candidates[0] for outcome in results.outcomes]),
        )
    return results


def _assumed(results: OutcomeResults, *, given_horizon: int | None) -> Iterator[Assumption]:
    """Yield what was assumed of the recorded closes, and of their costs."""
    panel, closes = results.panel, results.question.closes
    if panel.unknown:
        why = f"positions whose reasons do not say who made a close or a reduction: {panel.unknown}"
        yield Assumption("unknown_closes", closes.reading.unknown.value, why)
    if given_horizon is None and (panel.unknown or panel.ended_by[EndedBy.EXITS]):
        why = f"not given, so {HOLDS} median recorded holds and at least {LEAST_HORIZON // HOUR} hours"
        yield Assumption("horizon_ms", str(closes.horizon_ms), why)
    if panel.traded.positions:
        yield Assumption("as_traded_costs", "fees as walked, no funding", "the record names none")


def _judge_family(results: OutcomeResults, judges: Judges) -> None:
    seed = results.question.seed
    found = _under_each_reading(results, lambda compared: judges.family(compared, seed=seed))
    asked = results.question.closes.reading
    results.family_evidence = family_settled(found[asked], list(found.values()))
    results.readings = {reading: each.chosen for reading, each in found.items()}


def _judge_alone(results: OutcomeResults, judges: Judges) -> None:
    """Judge the single candidate, resampling only if there are days to resample."""
    seed = results.question.seed

    def judged(comparisons: Sequence[Comparison]) -> Evidence:
        alone = [each.of(0) for each in comparisons]
        return judge_unresampled(alone, resampling_of(alone, seed)) or judges.policy(alone, seed=seed)

    results.readings = _under_each_reading(results, judged)
    asked = results.readings[results.question.closes.reading]
    results.evidence = settled(asked, list(results.readings.values()))


def _under_each_reading(
    results: OutcomeResults, judged: Callable[[Sequence[Comparison]], E]
) -> dict[Reading, E]:
    """Return the evidence under each reading, the one asked for first; equal comparisons are judged once."""
    panel = results.panel
    readings = {results.question.closes.reading: panel.comparisons, **panel.readings}
    known: list[tuple[list[Comparison], E]] = []
    found: dict[Reading, E] = {}
    for reading, comparisons in readings.items():
        evidence = next((each for alike, each in known if alike == comparisons), None)
        if evidence is None:
            evidence = judged(comparisons)
            known.append((comparisons, evidence))
        found[reading] = evidence
    return found


def _check_one_currency(results: OutcomeResults) -> None:
    currencies = sorted(results.panel.totals[0].quote)
    if results.question.unit is ResultUnit.QUOTE and len(currencies) > 1:
        raise InvalidValue(
            "unit judged",
            f"quote, and the positions are priced in {' and '.join(currencies)}",
            "positions in one quote currency; committed, r and first compare all of them",
        )


def _measured(results: OutcomeResults, walked: Sequence[Walked]) -> Measured:
    measures = [measures_of(outcome, one) for outcome, one in zip(results.outcomes, walked, strict=True)]
    return Measured(measures, summary_of(results.outcomes, walked, measures, results.question.unit))


def _check_any_walked(results: OutcomeResults) -> None:
    """If no position is left, raise the error in the flags, else in the candles, that caused it."""
    if results.positions or any(each.because in _WALKED for each in results.left_out):
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


def _left_out(question: Question, outcome: PositionOutcome | LeftOutPosition) -> LeftOutPosition | None:
    """Return why a position is left out of the figures, None if it is counted."""
    if isinstance(outcome, LeftOutPosition):
        return outcome
    if outcome.sizes.measured(question.unit, 1.0) is None:
        missing = LeftOutBecause.NO_RISK if question.unit is ResultUnit.R else LeftOutBecause.NO_QUANTITY
        return LeftOutPosition(outcome.position, missing, _WITHOUT[missing])
    if outcome.off_market and not question.include_off_market:
        prices = ", ".join(f"{each.what} {plain(each.price)}" for each in outcome.off_market)
        detail = f"outside the candle of its time: {prices}"
        return LeftOutPosition(outcome.position, LeftOutBecause.OFF_MARKET, detail)
    return None


def _add(
    results: OutcomeResults, walked: PositionOutcome | None, left_out: LeftOutPosition | None, *, keep: bool
) -> None:
    if left_out is not None:
        results.left_out.append(left_out)
    if walked is None or (left_out is not None and left_out.because in _WITHOUT):
        return
    results.panel.add(walked, ms_of(walked.position.opened_at), counted=left_out is None)
    if left_out is None:
        results.assumptions.update(dict.fromkeys(walked.assumptions))
        if keep:
            results.outcomes.append(walked)
