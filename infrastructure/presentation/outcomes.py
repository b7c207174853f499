"""The results of recorded positions under one policy or each of a family, as JSON."""

from datetime import datetime

from msgspec import Struct

from exitbrain.application.ports.market import Omitted
from exitbrain.application.whatif.measures import BoundSummary, PolicySummary
from exitbrain.application.whatif.results import OutcomeResults
from exitbrain.application.whatif.totals import CandidateSums
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.verdict import Evidence, FamilyEvidence
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.presentation.closes import (
    AsTradedTotals,
    ClosesReport,
    QuoteTotals,
    as_traded_of,
    closes_of,
    quote_totals_of,
)
from exitbrain.infrastructure.presentation.evidence import (
    EvidenceReport,
    WalkForwardReport,
    evidence_of,
    walk_forward_of,
)
from exitbrain.infrastructure.presentation.outcome_positions import (
    AttributedEnds,
    OutcomePosition,
    attributed,
    position_of,
)


class ResultBounds(Struct):
    """Net results over positions, the lowest and the highest that the candles allow."""

    pessimistic: float
    optimistic: float


class OutcomeSums(Struct):
    """Sums over some of the positions, in the unit judged."""

    positions: int
    pessimistic: float
    optimistic: float
    difference: Interval


class UnwalkedPosition(Struct):
    """A recorded position left out of the figures, with the reason.

    `because` is `no_entry_price`, `no_candles`, `outside_candles`, `unreadable` (its market data), `unfit` (it does not
    fit the data or the rules), `refused`, `not_placeable`, `unknown_policy`, `missing_snapshot`, `off_market`, or, where
    the unit judged needs it, `no_quantity` or `no_risk`.
    """

    position_id: str
    symbol: str
    opened_at: datetime
    because: str
    detail: str


class MeasuredPolicy(Struct):
    """Both bounds of a policy. `loss_at_stop` is the greatest, a share of margin; `cost_to_break_even` the mean
    distance at which an exit nets nothing. `hindsight_regret` is what the best of the family, chosen for each
    position afterwards, would have brought more.
    """

    policy: str
    pessimistic: BoundSummary
    optimistic: BoundSummary
    loss_at_stop: float | None
    cost_to_break_even: float | None
    hindsight_regret: Interval


class PolicyOutcome(Struct):
    """Recorded positions under a candidate policy on market data, open loop: every recorded input is held fixed.

    `unit` is the unit judged, of all results here: `committed`, `r`, `quote` or `first`; `quote` are the totals in each
    quote currency, `as_traded` the recorded fills. `difference` is candidate minus baseline. `without_holes` leaves out positions that crossed missing candles,
    `closed` those of which a rest is still open when the walk ends, `without_failed_guards` those of which a guard
    on the levels failed under either policy. `with_off_market` and `without_off_market` hold the positions with and
    without those that have a recorded price outside the candle of its time: `off_market` many, of which the other
    numbers know nothing unless `--include-off-market` is given. `off_market_unknown` counts the positions that have a
    recorded price without a candle. `data_left_out` names market data that could not be used, `remarks` says what was
    assumed of files, or passed over in them.
    """

    policy: str
    baseline_policy: str
    unit: str
    positions: int
    pessimistic: float
    optimistic: float
    baseline: ResultBounds
    difference: Interval
    ambiguous: int
    holes: int
    still_open: int
    without_holes: OutcomeSums
    closed: OutcomeSums
    without_failed_guards: OutcomeSums
    off_market: int
    off_market_unknown: int
    with_off_market: OutcomeSums
    without_off_market: OutcomeSums
    quote: list[QuoteTotals]
    as_traded: AsTradedTotals
    closes: ClosesReport
    attribution: AttributedEnds
    measures: list[MeasuredPolicy]
    judgement: EvidenceReport
    details: list[OutcomePosition]
    left_out: list[UnwalkedPosition]
    assumptions: list[Assumption]
    open_loop: bool
    data_left_out: list[Omitted]
    remarks: list[str]


class FamilyMember(Struct):
    """One policy of a family; `superior` says whether StepM counts it as better with all the others in view.

    The sums are those of `PolicyOutcome`.
    """

    policy: str
    pessimistic: float
    optimistic: float
    difference: Interval
    ambiguous: int
    holes: int
    went_on: int
    without_failed_guards: OutcomeSums
    with_off_market: OutcomeSums
    without_off_market: OutcomeSums
    quote: list[QuoteTotals]
    hindsight_regret: Interval
    superior: bool
    judgement: EvidenceReport


class FamilyOutcome(Struct):
    """A family of policies against one baseline on the same positions, open loop.

    `p_value` is how often the best of a family without any merit looks at least as good (SPA); null where there are
    too few days to ask.
    """

    baseline_policy: str
    unit: str
    baseline: ResultBounds
    baseline_hindsight_regret: Interval
    positions: int
    off_market: int
    off_market_unknown: int
    as_traded: AsTradedTotals
    closes: ClosesReport
    p_value: float | None
    policies: list[FamilyMember]
    walk_forward: WalkForwardReport
    left_out: list[UnwalkedPosition]
    assumptions: list[Assumption]
    open_loop: bool
    data_left_out: list[Omitted]
    remarks: list[str]


def outcome_of(results: OutcomeResults, judged: Evidence) -> PolicyOutcome:
    """Return the outcome of one candidate."""
    totals, policy = results.panel.totals[0], results.question.candidates[0].name
    everything, (before, after) = totals.everything, results.measured
    regrets = (results.panel.baseline_regret, results.panel.regrets[0])
    names = (results.question.baseline_name, policy)
    return PolicyOutcome(
        policy=policy,
        baseline_policy=results.question.baseline_name,
        unit=results.question.unit.value,
        positions=everything.positions,
        pessimistic=everything.pessimistic,
        optimistic=everything.optimistic,
        baseline=ResultBounds(everything.baseline.lower, everything.baseline.upper),
        difference=Interval(everything.lower, everything.upper),
        ambiguous=totals.ambiguous,
        holes=totals.holes,
        still_open=totals.still_open,
        without_holes=_sums(totals.without_holes),
        closed=_sums(totals.closed),
        without_failed_guards=_sums(totals.without_failed_guards),
        off_market=results.panel.off_market,
        off_market_unknown=results.panel.off_market_unknown,
        with_off_market=_sums(totals.with_off_market),
        without_off_market=_sums(totals.without_off_market),
        quote=quote_totals_of(results, 0),
        as_traded=as_traded_of(results.panel.traded),
        closes=closes_of(results),
        attribution=attributed(totals.lower, totals.upper),
        measures=[
            _policy(name, measured.summary, regret)
            for name, measured, regret in zip(names, results.measured, regrets, strict=True)
        ],
        judgement=evidence_of(judged),
        details=[
            position_of(*each)
            for each in zip(results.outcomes, before.positions, after.positions, strict=True)
        ],
        left_out=_left_out(results),
        assumptions=list(results.assumptions),
        open_loop=True,
        data_left_out=results.data_left_out,
        remarks=results.remarks,
    )


def family_of(results: OutcomeResults, judged: FamilyEvidence) -> FamilyOutcome:
    """Return the outcome of a family of candidates."""
    panel = results.panel
    first = panel.totals[0].everything
    return FamilyOutcome(
        baseline_policy=results.question.baseline_name,
        unit=results.question.unit.value,
        baseline=ResultBounds(first.baseline.lower, first.baseline.upper),
        baseline_hindsight_regret=panel.baseline_regret,
        positions=results.positions,
        off_market=panel.off_market,
        off_market_unknown=panel.off_market_unknown,
        as_traded=as_traded_of(panel.traded),
        closes=closes_of(results),
        p_value=judged.p_value,
        policies=[
            FamilyMember(
                policy=policy.name,
                pessimistic=totals.everything.pessimistic,
                optimistic=totals.everything.optimistic,
                difference=Interval(totals.everything.lower, totals.everything.upper),
                ambiguous=totals.ambiguous,
                holes=totals.holes,
                went_on=totals.went_on,
                without_failed_guards=_sums(totals.without_failed_guards),
                with_off_market=_sums(totals.with_off_market),
                without_off_market=_sums(totals.without_off_market),
                quote=quote_totals_of(results, place),
                hindsight_regret=regret,
                superior=place in judged.superior,
                judgement=evidence_of(evidence),
            )
            for place, (policy, totals, regret, evidence) in enumerate(
                zip(results.question.candidates, panel.totals, panel.regrets, judged.policies, strict=True)
            )
        ],
        walk_forward=walk_forward_of(judged, [candidate.name for candidate in results.question.candidates]),
        left_out=_left_out(results),
        assumptions=list(results.assumptions),
        open_loop=True,
        data_left_out=results.data_left_out,
        remarks=results.remarks,
    )


def _policy(name: str, summary: PolicySummary, regret: Interval) -> MeasuredPolicy:
    return MeasuredPolicy(
        policy=name,
        pessimistic=summary.pessimistic,
        optimistic=summary.optimistic,
        loss_at_stop=summary.loss_at_stop,
        cost_to_break_even=summary.cost_to_break_even,
        hindsight_regret=regret,
    )


def _sums(sums: CandidateSums) -> OutcomeSums:
    return OutcomeSums(sums.positions, sums.pessimistic, sums.optimistic, Interval(sums.lower, sums.upper))


def _left_out(results: OutcomeResults) -> list[UnwalkedPosition]:
    return [
        UnwalkedPosition(
            str(each.position.position_id),
            each.position.symbol,
            each.position.opened_at,
            each.because.value,
            each.detail,
        )
        for each in results.left_out
    ]
