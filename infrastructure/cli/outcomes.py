"""The part of `whatif` that asks market data: recorded positions walked under the recorded and other policies."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from exitbrain.application.outcome_measures import (
    PolicySummary,
    PositionMeasures,
    measures_of,
    summary_of,
)
from exitbrain.application.outcome_plans import LeftOutBecause, ms_of
from exitbrain.application.outcome_totals import Panel
from exitbrain.application.outcomes import LeftOut, Outcomes, PositionOutcome
from exitbrain.application.ports.market import MarketData, MarketUnreadable
from exitbrain.application.recorded_positions import RecordedPosition, recorded_positions
from exitbrain.application.replay import Selection
from exitbrain.application.simulation import Terms
from exitbrain.domain.judgement.verdict import FamilyJudgement, Judgement
from exitbrain.domain.policy import Policy
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.cli.engines import engine_for
from exitbrain.infrastructure.cli.progress import Watched
from exitbrain.infrastructure.cli.store import Reading

SEED = 1
OFF_MARKET = "off_market"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: candidates against a baseline, None for what was recorded, under these terms."""

    baseline: Policy | None
    candidates: Sequence[Policy]
    terms: Terms
    seed: int = SEED
    include_off_market: bool = False

    @property
    def baseline_name(self) -> str:
        """Return the baseline as reports name it."""
        return "as recorded" if self.baseline is None else self.baseline.name


@dataclass(slots=True)
class Unwalked:
    """A position that is in no number, and why."""

    position: RecordedPosition
    because: str
    detail: str


@dataclass(slots=True)
class Found:
    """What came of the positions: totals and comparisons of all, the outcomes themselves where they were kept."""

    question: Question
    panel: Panel
    left_out: list[Unwalked] = field(default_factory=list)
    outcomes: list[PositionOutcome] = field(default_factory=list)
    assumptions: dict[Assumption, None] = field(default_factory=dict)

    @property
    def positions(self) -> int:
        """Return how many positions are in the numbers."""
        return len(self.panel.comparisons)

    def judgement(self) -> Judgement:
        """Judge the one candidate."""
        from exitbrain.infrastructure.lab.statistics import judge_policy  # noqa: PLC0415 - arch takes seconds

        return judge_policy(self.panel.comparisons, seed=self.question.seed)

    def family_judgement(self) -> FamilyJudgement:
        """Judge every candidate with all of them in view."""
        from exitbrain.infrastructure.lab.statistics import judge_family  # noqa: PLC0415 - arch takes seconds

        return judge_family(self.panel.comparisons, seed=self.question.seed)

    def measured(self) -> tuple[list[list[PositionMeasures]], list[PolicySummary]]:
        """Return the measures of the baseline and of the one candidate, position by position and together."""
        walked = [
            [outcome.baseline for outcome in self.outcomes],
            [outcome.candidates[0] for outcome in self.outcomes],
        ]
        measured = [
            [measures_of(outcome, one) for outcome, one in zip(self.outcomes, policy, strict=True)]
            for policy in walked
        ]
        summaries = [
            summary_of(self.outcomes, policy, measures)
            for policy, measures in zip(walked, measured, strict=True)
        ]
        return measured, summaries


def find_outcomes(store_read: Reading, market: MarketData, question: Question, selection: Selection) -> Found:
    """Walk the selected positions of a store; raises MarketUnreadable where candles hold none of them.

    With one candidate outcomes are attributed and kept; of more only what they come to.
    """
    container = store_read.container
    positions = recorded_positions(store_read.ledger, selection, progress=store_read.work.reached)
    alone = len(question.candidates) == 1
    found = Found(question, Panel(len(question.candidates)))
    engine = engine_for(question.candidates[0], container.engine())
    walking = Outcomes(store_read.ledger, engine, market)
    outcomes = walking.run(
        positions, question.baseline, question.candidates, question.terms, attributed=alone
    )
    with Watched("walking", len(positions)) as work:
        for number, outcome in enumerate(outcomes, start=1):
            _take(found, outcome, keep=alone)
            work.reached(number, count=number, unit="positions")
    _check_any_candles(found, len(positions))
    return found


def _check_any_candles(found: Found, positions: int) -> None:
    missing = [each for each in found.left_out if each.because == LeftOutBecause.NO_CANDLES]
    outside = [each for each in found.left_out if each.because == LeftOutBecause.OUTSIDE_CANDLES]
    if not positions or len(missing) + len(outside) < positions:
        return
    first = (missing or outside)[0]
    raise MarketUnreadable(
        f"the candles hold none of the {positions} recorded positions: {len(missing)} are of symbols without candles, "
        f"{len(outside)} were opened outside of them; the first is {first.position.symbol}, "
        f"{first.position.opened_at.isoformat()}: {first.detail}"
    )


def _take(found: Found, outcome: PositionOutcome | LeftOut, *, keep: bool) -> None:
    if isinstance(outcome, LeftOut):
        found.left_out.append(Unwalked(outcome.position, outcome.because.value, outcome.detail))
        return
    if outcome.baseline.walk.entry_off_market and not found.question.include_off_market:
        detail = "the entry lies outside the candle it was made in"
        found.left_out.append(Unwalked(outcome.position, OFF_MARKET, detail))
        return
    found.panel.add(outcome, ms_of(outcome.position.opened_at))
    found.assumptions.update(dict.fromkeys(outcome.assumptions))
    if keep:
        found.outcomes.append(outcome)
