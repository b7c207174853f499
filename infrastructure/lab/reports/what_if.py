"""The report of a what-if: recorded decisions under another policy and, with candles, their results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.whatif.decisions import Pair, WhatIf
from exitbrain.application.whatif.outcomes import PositionOutcome, Walked
from exitbrain.application.whatif.results import RECORDED
from exitbrain.application.whatif.totals import CandidateSums, CandidateTotals
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.evidence.verdict import Evidence
from exitbrain.domain.identity import decision_id
from exitbrain.domain.levels.guard_rules import GUARDS
from exitbrain.domain.levels.levels import LEVELS, LEVELS_AND_LSF
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import plain
from exitbrain.infrastructure.lab.reports.changes import Changes
from exitbrain.infrastructure.lab.reports.figures import distances, distribution
from exitbrain.infrastructure.lab.reports.page import (
    Block,
    Card,
    Figure,
    Folded,
    Page,
    ReportTable,
    Section,
    Tone,
    write,
)
from exitbrain.infrastructure.lab.reports.sections import BOUNDS, results_over_time, slippage, surfaces
from exitbrain.infrastructure.lab.reports.surface import calm_inputs, surface_of
from exitbrain.infrastructure.lab.reports.walked import ReportedPosition, path_figure, told
from exitbrain.infrastructure.presentation.result_units import MEANING, between, result_text
from exitbrain.infrastructure.presentation.wording import percent

CHARTS = 3
"""The number of worst and of best changed exits to draw."""


@dataclass(frozen=True, slots=True)
class CandidateOutcomes:
    """Results on candles: outcomes of the one candidate against the baseline, and the verdict.

    `left_out` counts the positions left out of the figures; `folds` lists them and other details. `notes` holds
    further remarks, a sentence each.
    """

    outcomes: Sequence[PositionOutcome]
    left_out: int
    totals: CandidateTotals
    evidence: Evidence | None = None
    baseline: str = RECORDED
    notes: Sequence[str] = ()
    folds: Sequence[Folded] = ()


@dataclass(frozen=True, slots=True)
class WhatIfRun:
    """The data of one report; `walked` is None without candles."""

    answer: WhatIf
    changes: Changes
    policies: tuple[Policy, ...]
    walked: CandidateOutcomes | None = None


def write_what_if(path: Path, run: WhatIfRun, engine: LevelEngine) -> None:
    """Write the report of a what-if as one HTML file."""
    write(what_if_page(run, engine), path)


def what_if_page(run: WhatIfRun, engine: LevelEngine) -> Page:
    """Return the report of a what-if."""
    answer = run.answer
    sections = [_changed(answer, run.changes), _guards(answer)]
    if run.walked is not None:
        sections = [*_on_candles(run.walked, answer.policy.name), *sections]
    drawn = [surface_of(policy, engine, calm_inputs(policy)) for policy in run.policies]
    return Page(
        f"What {answer.policy.name} would have done",
        (
            *(() if run.walked is None else _outcome_cards(run.walked, answer.policy.name)),
            *_decision_cards(answer),
        ),
        (*_lead(answer), *(() if run.walked is None else _verdict(run.walked))),
        (*sections, surfaces(drawn)),
    )


def _decision_cards(answer: WhatIf) -> tuple[Card, ...]:
    """Return what would have changed in the decisions."""
    return (
        Card("Decisions changed", str(answer.changed), f"of {answer.decisions} recorded"),
        Card("Executable plans", f"{answer.safe_before} → {answer.safe_after}", "every guard passes"),
        Card(
            "Refused levels",
            f"{answer.refused_before} → {answer.refused_after}",
            "no levels for these inputs",
        ),
    )


def _outcome_cards(walked: CandidateOutcomes, policy: str) -> tuple[Card, ...]:
    """Return the results on candles; a difference that may lie on either side of 0 has no colour."""
    sums = walked.totals.everything
    tone = Tone.GOOD if sums.lower > 0.0 else Tone.BAD if sums.upper < 0.0 else Tone.PLAIN
    cards = [
        Card(
            "Difference", between(sums.lower, sums.upper, sums.unit), f"over {sums.positions} positions", tone
        )
    ]
    if walked.evidence is not None:
        found = walked.evidence
        cards.append(Card("Verdict", found.verdict.value, found.reason.value.replace("_", " ")))
    return (
        *cards,
        Card(
            walked.baseline,
            between(sums.baseline.lower, sums.baseline.upper, sums.unit),
            "sum of net results",
        ),
        Card(policy, between(sums.pessimistic, sums.optimistic, sums.unit), "sum of net results"),
        Card("Left out", str(walked.left_out), "positions"),
    )


def _lead(answer: WhatIf) -> tuple[str, ...]:
    return (
        (
            f"{answer.changed} of {answer.decisions} recorded decisions would have been different. "
            f"{answer.became_safe} plans would become executable, {answer.became_unsafe} would no longer be."
        ),
        "Recorded inputs, including the average PnL, stay fixed; only the policy changes.",
    )


def _verdict(walked: CandidateOutcomes) -> tuple[str, ...]:
    everything = walked.totals.everything
    said = (
        f"On the candles it differs from {walked.baseline} by {between(everything.lower, everything.upper, everything.unit)} "
        f"over {everything.positions} positions: sums of net results, in {MEANING[everything.unit]}."
    )
    found = walked.evidence
    if found is None:
        return (said,)
    return (
        said,
        f"Verdict, judged in {everything.unit.value}: {found.verdict.value} ({found.reason.value.replace('_', ' ')}).",
    )


def _changed(answer: WhatIf, changes: Changes) -> Section:
    rows = tuple(
        (
            name.upper(),
            str(change.changed),
            *(_change(name, value) for value in (change.min, change.mean, change.max)),
        )
        for name, change in ((name, answer.fields[name]) for name in LEVELS_AND_LSF)
    )
    headings = ("Number", "Changed", "Smallest change", "Mean change", "Largest change")
    blocks: list[Block] = []
    if any(changes.of_level.values()):
        drawing = distribution(changes.of_level)
        caption = "The number of decisions with each change, after less before, in percentage points of the entry price."
        blocks.append(Figure("Changes of the distances", drawing, caption))
    blocks.append(ReportTable(headings, rows, frozenset({1, 2, 3, 4})))
    blocks += [_ladder(pair) for pair in changes.widest]
    return Section(
        "What would have changed",
        (
            (
                f"{answer.compared} decisions have levels under both policies; "
                f"{answer.refused_before} were refused, {answer.refused_after} would be."
            ),
        ),
        tuple(blocks),
    )


def _ladder(pair: Pair) -> Figure:
    decision = pair.decision
    assert pair.before is not None
    assert pair.after is not None
    ladders = {
        decision.policy.name: dict(zip(LEVELS, pair.before, strict=False)),
        pair.policy.name: dict(zip(LEVELS, pair.after, strict=False)),
    }
    name = f"{decision.symbol}, {decision.occurred_at:%Y-%m-%d %H:%M}, leverage {decision.inputs.leverage:g}"
    found = str(decision_id(decision.plan_id, decision.revision))
    return Figure(f"{name}: ladder before and after", distances(ladders), f"Decision {found}.", half=True)


def _guards(answer: WhatIf) -> Section:
    rows = []
    for guard in GUARDS:
        before, after = answer.guards_before[guard], answer.guards_after[guard]
        pairs = (
            (before.passed, after.passed),
            (before.failed, after.failed),
            (before.unknown, after.unknown),
        )
        rows.append((guard, *(f"{was} → {would_be}" for was, would_be in pairs)))
    rows.append(("all of them: executable", f"{answer.safe_before} → {answer.safe_after}", "", ""))
    return Section(
        "Guards before and after",
        ("A plan may be executed if every guard passes.",),
        (ReportTable(("Guard", "Passed", "Failed", "Not checkable"), tuple(rows), frozenset({1, 2, 3})),),
    )


def _outcome(walked: CandidateOutcomes) -> Section:
    totals = walked.totals
    rows = tuple(
        (
            name,
            str(sums.positions),
            between(sums.baseline.lower, sums.baseline.upper, sums.unit),
            *_candidate(sums),
        )
        for name, sums in (
            ("all simulated", totals.everything),
            ("without holes in their data", totals.without_holes),
            ("fully closed", totals.closed),
            ("without failed guards on the levels", totals.without_failed_guards),
            ("including those with a recorded price off market", totals.with_off_market),
            ("excluding those", totals.without_off_market),
        )
    )
    headings = ("Positions", "Number", walked.baseline, "The candidate", "Difference")
    table = ReportTable(headings, rows, frozenset({1, 2, 3, 4}))
    return Section(
        "Results on candles",
        (
            BOUNDS,
            f"{totals.ambiguous} positions are ambiguous under at least one policy.",
            *walked.notes,
            *_judged(walked),
        ),
        (table, _attribution(totals), *walked.folds),
    )


def _judged(walked: CandidateOutcomes) -> tuple[str, ...]:
    found = walked.evidence
    if found is None:
        return ()
    interval = (
        "none, too few days"
        if found.interval is None
        else between(found.interval.lower, found.interval.upper, walked.totals.everything.unit)
    )
    return (
        (
            f"Verdict {found.verdict.value}: {found.reason.value.replace('_', ' ')}. Days of entry: {found.days}, effective: "
            f"{found.effective_days:.1f}; 95 % interval of the mean daily difference: {interval} (blocks of "
            f"{found.resampling.block_days} days, {found.resampling.resamples} resamples, seed {found.resampling.seed})."
        ),
    )


def _attribution(totals: CandidateTotals) -> ReportTable:
    unit, ends = totals.everything.unit, (totals.lower, totals.upper)
    names = ("levels", "harvest", "liquidation", "cost", "funding", "total")
    rows = tuple((name, *(result_text(float(getattr(end, name)), unit) for end in ends)) for name in names)
    return ReportTable(
        ("What made the difference", "At the lower bound", "At the upper bound"), rows, frozenset({1, 2})
    )


def _on_candles(walked: CandidateOutcomes, policy: str) -> list[Section]:
    unit = walked.totals.everything.unit
    before = [_path(one, walked.baseline, one.baseline, unit) for one in walked.outcomes]
    after = [_path(one, policy, one.candidates[0], unit) for one in walked.outcomes]
    ranked = sorted(
        (
            (one.differences[0].lower, number)
            for number, one in enumerate(walked.outcomes)
            if one.differences[0].lower != 0.0 or one.differences[0].upper != 0.0
        ),
    )
    chosen = dict.fromkeys(
        [*(number for _, number in ranked[:CHARTS]), *(n for _, n in ranked[::-1][:CHARTS])]
    )
    figures = tuple(
        path_figure(
            before[number], after[number], _told(walked.outcomes[number], before[number], after[number])
        )
        for number in chosen
    )
    return [
        results_over_time([before, after]),
        _outcome(walked),
        slippage([before, after]),
        Section("Worst and best changed exits", ("By the lower bound of the difference.",), figures),
    ]


def _told(outcome: PositionOutcome, before: ReportedPosition, after: ReportedPosition) -> str:
    difference, scale = outcome.differences[0], after.scale
    between_bounds = between(scale * difference.lower, scale * difference.upper, after.unit)
    return (
        f"{_doubts(outcome, before.policy, after.policy)}Difference {between_bounds}. "
        f"{before.policy}: {_walk(before)}. {after.policy}: {_walk(after)}. Exits are drawn for {after.policy}."
    )


def _doubts(outcome: PositionOutcome, baseline: str, policy: str) -> str:
    """Return sentences on prices off market and failed guards."""
    said = (
        [f"Off market: {', '.join(each.what for each in outcome.off_market)}. "] if outcome.off_market else []
    )
    for name, walked in ((baseline, outcome.baseline), (policy, outcome.candidates[0])):
        if walked.failed_guards:
            said.append(f"{name} fails {', '.join(walked.failed_guards)}. ")
        if walked.went_on:
            said.append(f"{name} went on after the recorded close. ")
    return "".join(said)


def _walk(path: ReportedPosition) -> str:
    bounds = path.bounds
    low = told(path, bounds.pessimistic)
    return f"{low}, or at best {told(path, bounds.optimistic)}" if bounds.ambiguous else low


def _path(outcome: PositionOutcome, policy: str, walked: Walked, unit: ResultUnit) -> ReportedPosition:
    position = outcome.position
    entry = "unknown" if position.entry_price is None else plain(position.entry_price)
    name = f"{position.symbol} {position.side.value} at {entry}, {position.opened_at:%Y-%m-%d %H:%M:%S}"
    scale = outcome.sizes.measured(unit, 1.0)
    assert scale is not None  # a position without results in the unit is left out
    return ReportedPosition(name, policy, walked.plan, walked.bounds, outcome.market, unit, scale)


def _candidate(sums: CandidateSums) -> tuple[str, str]:
    return (
        between(sums.pessimistic, sums.optimistic, sums.unit),
        between(sums.lower, sums.upper, sums.unit),
    )


def _change(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if name == "lsf" else percent(value)
