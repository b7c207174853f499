"""Outcomes as they are printed with `--json`."""

from datetime import datetime, timedelta

from exitbrain.application.outcome_measures import (
    BoundSummary,
    HistoryMeasures,
    PolicySummary,
    PositionMeasures,
    WorstHour,
)
from exitbrain.application.outcome_totals import CandidateSums
from exitbrain.application.outcomes import PositionOutcome, Walked
from exitbrain.domain.judgement.attribution import Attribution
from exitbrain.domain.judgement.interval import Interval
from exitbrain.domain.judgement.verdict import CONFIDENCE, FamilyJudgement, Judgement
from exitbrain.domain.judgement.walk_forward import Choice
from exitbrain.domain.values import EPOCH
from exitbrain.domain.walk.outcome import History
from exitbrain.domain.walk.plan import Relevelled
from exitbrain.infrastructure.cli import outcome_report as report
from exitbrain.infrastructure.cli import reports
from exitbrain.infrastructure.lab.outcomes import Found
from exitbrain.infrastructure.wording import exactly


def with_outcomes(asked: reports.WhatIfReport, found: Found, *, family: bool) -> report.WhatIfWithOutcomes:
    """Return the report on decisions with what came of the positions."""
    of_decisions = {name: getattr(asked, name) for name in asked.__struct_fields__}
    if family:
        return report.WhatIfWithOutcomes(**of_decisions, family=family_of(found, found.family_judgement()))
    return report.WhatIfWithOutcomes(**of_decisions, outcome=outcome_of(found))


def outcome_of(found: Found) -> report.Outcome:
    """Return the outcome of one candidate."""
    totals, policy = found.panel.totals[0], found.question.candidates[0].name
    everything, (measured, summaries) = totals.everything, found.measured()
    regrets = (found.panel.baseline_regret, found.panel.regrets[0])
    names = (found.question.baseline_name, policy)
    return report.Outcome(
        policy=policy,
        baseline_policy=found.question.baseline_name,
        positions=everything.positions,
        pessimistic=everything.pessimistic,
        optimistic=everything.optimistic,
        baseline=report.ResultBounds(everything.baseline.lower, everything.baseline.upper),
        difference=report.Ends(everything.lower, everything.upper),
        ambiguous=totals.ambiguous,
        holes=totals.holes,
        still_open=totals.still_open,
        without_holes=_sums(totals.without_holes),
        closed=_sums(totals.closed),
        without_failed_guards=_sums(totals.without_failed_guards),
        off_market=found.panel.off_market,
        off_market_unknown=found.panel.off_market_unknown,
        with_off_market=_sums(totals.with_off_market),
        without_off_market=_sums(totals.without_off_market),
        attribution=report.AttributedEnds(_effects(totals.lower), _effects(totals.upper)),
        measures=[
            _policy(name, summary, regret)
            for name, summary, regret in zip(names, summaries, regrets, strict=True)
        ],
        judgement=judgement_of(found.judgement()),
        details=[
            _position(outcome, before, after)
            for outcome, before, after in zip(found.outcomes, measured[0], measured[1], strict=True)
        ],
        left_out=_left_out(found),
        assumptions=_assumptions(found),
        open_loop=True,
        data_left_out=found.data_left_out,
        remarks=found.remarks,
    )


def family_of(found: Found, judged: FamilyJudgement) -> report.FamilyOutcome:
    """Return the outcome of a family of candidates."""
    panel = found.panel
    first = panel.totals[0].everything
    return report.FamilyOutcome(
        baseline_policy=found.question.baseline_name,
        baseline=report.ResultBounds(first.baseline.lower, first.baseline.upper),
        baseline_hindsight_regret=_ends(panel.baseline_regret),
        positions=found.positions,
        off_market=panel.off_market,
        off_market_unknown=panel.off_market_unknown,
        p_value=judged.p_value,
        policies=[
            report.FamilyMember(
                policy=policy.name,
                pessimistic=totals.everything.pessimistic,
                optimistic=totals.everything.optimistic,
                difference=report.Ends(totals.everything.lower, totals.everything.upper),
                ambiguous=totals.ambiguous,
                holes=totals.holes,
                without_failed_guards=_sums(totals.without_failed_guards),
                with_off_market=_sums(totals.with_off_market),
                without_off_market=_sums(totals.without_off_market),
                hindsight_regret=_ends(regret),
                superior=place in judged.superior,
                judgement=judgement_of(judgement),
            )
            for place, (policy, totals, regret, judgement) in enumerate(
                zip(found.question.candidates, panel.totals, panel.regrets, judged.policies, strict=True)
            )
        ],
        walk_forward=report.WalkForwardReport(
            [_fold(choice, found) for choice in judged.choices], judgement_of(judged.chosen)
        ),
        left_out=_left_out(found),
        assumptions=_assumptions(found),
        open_loop=True,
        data_left_out=found.data_left_out,
        remarks=found.remarks,
    )


def judgement_of(judged: Judgement) -> report.JudgementReport:
    """Return a judgement."""
    return report.JudgementReport(
        verdict=judged.verdict.value,
        reason=judged.reason.value,
        mean=_ends_or_none(judged.mean),
        interval=_ends_or_none(judged.interval),
        confidence=CONFIDENCE,
        positions=judged.positions,
        days=judged.days,
        effective_days=judged.effective_days,
        block_days=judged.resampling.block_days,
        resamples=judged.resampling.resamples,
        seed=judged.resampling.seed,
    )


def day_at(day: int) -> datetime:
    """Return when a UTC day, counted from 1970, begins."""
    return EPOCH + timedelta(days=day)


def hour_at(hour: int) -> datetime:
    """Return when a UTC hour, counted from 1970, begins."""
    return EPOCH + timedelta(hours=hour)


def _position(
    outcome: PositionOutcome, before: PositionMeasures, after: PositionMeasures
) -> report.OutcomePosition:
    position, difference, split = outcome.position, outcome.differences[0], outcome.attributions[0]
    assert position.entry_price is not None  # else it is not walked
    walks = (outcome.baseline.walk, outcome.candidates[0].walk)
    return report.OutcomePosition(
        position_id=str(position.position_id),
        symbol=position.symbol,
        side=position.side.value,
        entry_price=float(position.entry_price),
        opened_at=position.opened_at,
        entry_off_market=walks[0].entry_off_market,
        prices=[
            report.PriceOnMarket(each.what.value, each.at, float(each.price), each.off_market)
            for each in outcome.prices
        ],
        holes=max(walk.holes for walk in walks),
        baseline=_under(outcome.baseline, before),
        candidate=_under(outcome.candidates[0], after),
        difference=report.Ends(difference.lower, difference.upper),
        attribution=report.AttributedEnds(_effects(split.lower), _effects(split.upper)),
    )


def _under(walked: Walked, measured: PositionMeasures) -> report.OutcomeOfPolicy:
    givens, walk = walked.plan.givens, walked.walk
    return report.OutcomeOfPolicy(
        targets=list(givens.targets),
        stop=givens.stop,
        shares=list(givens.shares),
        revisions=1 + len([change for change in walked.plan.changes if isinstance(change, Relevelled)]),
        failed_guards=list(walked.failed_guards),
        pessimistic=_history(walk.pessimistic, measured.pessimistic),
        optimistic=_history(walk.optimistic, measured.optimistic),
        ambiguous=walk.ambiguous,
        loss_at_stop=measured.loss_at_stop,
        cost_to_break_even=measured.cost_to_break_even,
    )


def _history(history: History, measured: HistoryMeasures) -> report.OutcomeHistory:
    return report.OutcomeHistory(
        legs=[
            report.OutcomeLeg(
                leg.level.value,
                leg.fraction,
                leg.price,
                leg.at_ms,
                _ends(excursion.favourable),
                _ends(excursion.adverse),
            )
            for leg, excursion in zip(history.legs, measured.excursions, strict=True)
        ],
        gross=history.gross,
        net=history.net,
        give_back=_ends_or_none(measured.give_back),
        targets_hit=measured.targets_hit,
        reversed=measured.reversed,
        r=measured.r,
    )


def _policy(name: str, summary: PolicySummary, regret: Interval) -> report.MeasuredPolicy:
    return report.MeasuredPolicy(
        policy=name,
        pessimistic=_bound(summary.pessimistic),
        optimistic=_bound(summary.optimistic),
        loss_at_stop=summary.loss_at_stop,
        cost_to_break_even=summary.cost_to_break_even,
        hindsight_regret=_ends(regret),
    )


def _bound(summary: BoundSummary) -> report.MeasuredBound:
    return report.MeasuredBound(
        hit=list(summary.hit),
        stopped=summary.stopped,
        reversed=summary.reversed,
        unknown=summary.unknown,
        mfe=_ends_or_none(summary.mfe),
        mae=_ends_or_none(summary.mae),
        give_back=_ends_or_none(summary.give_back),
        mean_r=summary.mean_r,
        worst_r=summary.worst_r,
        worst_hour=_worst(summary.worst_hour),
    )


def _worst(worst: WorstHour | None) -> report.WorstHourOf | None:
    return None if worst is None else report.WorstHourOf(hour_at(worst.hour), worst.result)


def _effects(split: Attribution) -> report.Effects:
    return report.Effects(
        levels=exactly(split.levels),
        harvest=exactly(split.harvest),
        liquidation=exactly(split.liquidation),
        cost=exactly(split.cost),
        funding=exactly(split.funding),
        total=exactly(split.total),
    )


def _sums(sums: CandidateSums) -> report.OutcomeSums:
    return report.OutcomeSums(
        sums.positions, sums.pessimistic, sums.optimistic, report.Ends(sums.lower, sums.upper)
    )


def _fold(choice: Choice, found: Found) -> report.WalkForwardFold:
    fold = choice.fold
    return report.WalkForwardFold(
        from_day=day_at(fold.from_day),
        until_day=day_at(fold.until_day),
        training=len(fold.training),
        purged=len(fold.purged),
        embargoed=len(fold.embargoed),
        test=len(fold.test),
        policy=None if choice.policy is None else found.question.candidates[choice.policy].name,
    )


def _left_out(found: Found) -> list[report.UnwalkedPosition]:
    return [
        report.UnwalkedPosition(
            str(each.position.position_id),
            each.position.symbol,
            each.position.opened_at,
            each.because,
            each.detail,
        )
        for each in found.left_out
    ]


def _assumptions(found: Found) -> list[report.OutcomeAssumed]:
    return [report.OutcomeAssumed(each.field, each.value, each.why) for each in found.assumptions]


def _ends(interval: Interval) -> report.Ends:
    return report.Ends(interval.lower, interval.upper)


def _ends_or_none(interval: Interval | None) -> report.Ends | None:
    return None if interval is None else _ends(interval)
