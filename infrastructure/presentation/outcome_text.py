"""Outcomes in words: what happened to each position, what caused the difference, and whether it is proven."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.whatif.measures import BoundSummary, PolicySummary, WorstHour
from exitbrain.application.whatif.outcomes import LeftOutPosition, PositionOutcome
from exitbrain.application.whatif.results import RECORDED, OutcomeResults
from exitbrain.application.whatif.totals import CandidateSums, CandidateTotals
from exitbrain.domain.evidence.attribution import Attribution
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.evidence.verdict import Evidence, FamilyEvidence
from exitbrain.domain.levels.guard_rules import ON_THE_LEVELS
from exitbrain.domain.simulation.outcome import ExitBounds, History
from exitbrain.infrastructure.presentation.closes import (
    closes_text,
    quote_text,
    quote_totals_of,
    traded_text,
)
from exitbrain.infrastructure.presentation.evidence import (
    beside,
    counted,
    family_table,
    family_verdict,
    interval_text,
    verdict,
    walk_forward_text,
)
from exitbrain.infrastructure.presentation.result_units import MEANING, between, result_text
from exitbrain.infrastructure.presentation.table import ShownTable
from exitbrain.infrastructure.presentation.wording import left_out_lines, percent

_EFFECTS = ("levels", "harvest", "liquidation", "cost", "funding", "total")


def outcome_text(results: OutcomeResults, judged: Evidence) -> Iterator[ShownTable | str]:
    """Yield the outcome of one candidate."""
    name = results.question.candidates[0].name
    if results.outcomes:
        totals = results.panel.totals[0]
        yield _positions(results, name)
        yield from _totals(totals, results)
        yield _effects(totals)
        yield _measures([each.summary for each in results.measured], results)
        yield from verdict(name, judged, results)
    elif results.panel.off_market:
        yield from _totals(results.panel.totals[0], results)
    yield from _notes(results)


def family_text(results: OutcomeResults, judged: FamilyEvidence) -> Iterator[ShownTable | str]:
    """Yield the outcome of a family of candidates, the best differences first."""
    if results.positions:
        yield f"Net results, in {MEANING[results.question.unit]}."
        yield family_table(results, judged)
        yield from traded_text(results)
        yield from family_verdict(results, judged)
        yield from walk_forward_text(results, judged)
    yield from _notes(results)


def _positions(results: OutcomeResults, name: str) -> ShownTable:
    baseline, unit = results.question.baseline_name, results.question.unit
    table = ShownTable(f"{counted(results.positions, 'recorded position')}: {name} against {baseline}")
    table.text("Symbol")
    table.text("Side", drop=1)
    table.text("Opened (UTC)", drop=4)
    table.prose(f"Exits {baseline}", drop=2)
    table.number("Net")
    table.prose(f"Exits under {name}", drop=2)
    table.number("Net", "Difference")
    table.prose("Remarks", drop=3)
    for outcome in results.outcomes:
        before, after = outcome.baseline.bounds, outcome.candidates[0].bounds
        difference = outcome.differences[0]
        table.row(
            outcome.position.symbol,
            outcome.position.side.value,
            _time(outcome.position.opened_at),
            *_exits(outcome, before, unit),
            *_exits(outcome, after, unit),
            _in_unit(outcome, unit, difference.lower, difference.upper),
            ", ".join(_remarks(outcome)),
        )
    return table


def _exits(outcome: PositionOutcome, bounds: ExitBounds, unit: ResultUnit) -> tuple[str, str]:
    low, high = (
        " ".join(leg.level.value for leg in each.legs) for each in (bounds.pessimistic, bounds.optimistic)
    )
    exits = low if low == high else f"{low} or {high}"
    return exits, _in_unit(outcome, unit, bounds.pessimistic.net, bounds.optimistic.net)


def _in_unit(outcome: PositionOutcome, unit: ResultUnit, *ends: float) -> str:
    measured = [outcome.sizes.measured(unit, end) for end in ends]
    lower, upper = (end for end in measured if end is not None)  # one without the unit is left out
    return between(lower, upper, unit)


def _remarks(outcome: PositionOutcome) -> Iterator[str]:
    walks = (outcome.baseline.bounds, outcome.candidates[0].bounds)
    if outcome.off_market:
        yield f"{' and '.join(each.what for each in outcome.off_market)} off market"
    holes = max(bounds.holes for bounds in walks)
    if holes:
        yield f"{holes} hole{'s' if holes > 1 else ''}"
    if any(_is_open(bounds.pessimistic, bounds.optimistic) for bounds in walks):
        yield "still open"
    if outcome.baseline.failed_guards or outcome.candidates[0].failed_guards:
        yield "guard fails"
    if outcome.went_on:
        yield "went on after the recorded close"
    if outcome.added_after_exit:
        yield "add after exit not walked"


def _is_open(*histories: History) -> bool:
    return any(history.is_open for history in histories)


def _totals(totals: CandidateTotals, results: OutcomeResults) -> Iterator[str]:
    yield f"Totals (net, in {MEANING[results.question.unit]}, added up)"
    for what, sums in (
        ("all", totals.everything),
        ("without holes", totals.without_holes),
        ("fully closed", totals.closed),
        *beside(totals, results),
    ):
        yield f"  {what} ({sums.positions}): {_sums(sums, results)}"
    names = (results.question.baseline_name, results.question.candidates[0].name)
    yield from quote_text(quote_totals_of(results, 0), names)
    yield f"  {totals.ambiguous} of {totals.everything.positions} are ambiguous."
    yield from traded_text(results)


def _sums(sums: CandidateSums, results: OutcomeResults) -> str:
    name, baseline = results.question.candidates[0].name, results.question.baseline_name
    return (
        f"{baseline} {between(sums.baseline.lower, sums.baseline.upper, sums.unit)}, "
        f"{name} {between(sums.pessimistic, sums.optimistic, sums.unit)}, "
        f"difference {between(sums.lower, sums.upper, sums.unit)}"
    )


def _effects(totals: CandidateTotals) -> ShownTable:
    table = ShownTable("What made the difference")
    table.text("Effect of")
    table.number("Lowest difference", "Highest difference")
    for effect in _EFFECTS:
        unit = totals.everything.unit
        table.row(effect, *(_effect(split, effect, unit) for split in (totals.lower, totals.upper)))
    return table


def _effect(split: Attribution, effect: str, unit: ResultUnit) -> str:
    return result_text(float(getattr(split, effect)), unit)


def _measures(summaries: Sequence[PolicySummary], results: OutcomeResults) -> ShownTable:
    names = (results.question.baseline_name, results.question.candidates[0].name)
    regrets = (results.panel.baseline_regret, results.panel.regrets[0])
    table = ShownTable("Measures")
    table.prose("")
    for name in names:
        table.number(f"{name}, pessimistic")
        table.number(f"{name}, optimistic", drop=1)
    bounds = [bound for each in summaries for bound in (each.pessimistic, each.optimistic)]
    for what, cells in _measured(bounds, results):
        table.row(what, *cells)
    for what, values in (
        ("greatest loss at the stop, of margin", [_or_none(each.loss_at_stop) for each in summaries]),
        ("cost to break even, mean", [_or_none(each.cost_to_break_even) for each in summaries]),
        (
            "regret, in hindsight",
            [between(regret.lower, regret.upper, results.question.unit) for regret in regrets],
        ),
    ):
        table.row(what, values[0], "", values[1], "")
    return table


def _measured(bounds: Sequence[BoundSummary], results: OutcomeResults) -> Iterator[tuple[str, list[str]]]:
    yield (
        "reached TP1, TP2, TP3",
        [f"{', '.join(map(str, bound.hit))} of {results.positions}" for bound in bounds],
    )
    yield "stopped before TP1", [str(bound.stopped) for bound in bounds]
    yield (
        "then saw TP1 soon after",
        [f"{bound.reversed}{f' ({bound.unknown} not known)' if bound.unknown else ''}" for bound in bounds],
    )
    yield "MFE, mean", [interval_text(bound.mfe) for bound in bounds]
    yield "MAE, mean", [interval_text(bound.mae) for bound in bounds]
    yield "given back of the MFE, mean", [interval_text(bound.give_back) for bound in bounds]
    yield "R, mean", [_r(bound.mean_r) for bound in bounds]
    yield "R, worst", [_r(bound.worst_r) for bound in bounds]
    yield "R at its own stops, mean", [_r(bound.mean_r_own) for bound in bounds]
    yield "worst hour (UTC)", [_worst(bound.worst_hour, results.question.unit) for bound in bounds]


def _r(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _worst(worst: WorstHour | None, unit: ResultUnit) -> str:
    return "" if worst is None else f"{result_text(worst.result, unit)}\n{worst.hour:%Y-%m-%d %H}h"


def _failing(results: OutcomeResults) -> Iterator[str]:
    """Yield a line for each policy and guard on the levels that fails."""
    names = (results.question.baseline_name, results.question.candidates[0].name)
    for place, name in enumerate(names):
        walked = [(each, (each.baseline, each.candidates[0])[place]) for each in results.outcomes]
        for guard in ON_THE_LEVELS:
            failing = [each.position for each, under in walked if guard in under.failed_guards]
            if failing:
                who = "all" if len(failing) == len(walked) else "; ".join(map(_named, failing))
                yield f"{guard} fails {_under(name)}, simulated anyway: {who}."


def _under(policy: str) -> str:
    return policy if policy == RECORDED else f"under {policy}"


def _notes(results: OutcomeResults) -> Iterator[str]:
    if not results.positions:
        yield "No recorded position is counted; there is no outcome."
    yield "Open loop: recorded inputs, the average PnL too, are held fixed; other exits would have changed later ones."
    yield from closes_text(results)
    yield from _failing(results)
    yield from _left_out(results.left_out)
    if results.panel.off_market_unknown:
        yield (
            f"Of {counted(results.panel.off_market_unknown, 'position')} a recorded price has no candle: "
            "whether it is off market is not known."
        )
    yield from left_out_lines(results.data_left_out, results.remarks)
    if results.assumptions:
        yield "Assumed"
    for assumption in results.assumptions:
        yield f"  {assumption.field} {assumption.value}: {assumption.why}"


def _left_out(left_out: Sequence[LeftOutPosition]) -> Iterator[str]:
    """Yield a line for each reason; the details are in it where they are the same for all, and always those of errors."""

    def reason(each: LeftOutPosition) -> tuple[str, str]:
        return each.because, each.detail if each.error else ""

    for because, error in dict.fromkeys(map(reason, left_out)):
        concerned = [each for each in left_out if reason(each) == (because, error)]
        details = dict.fromkeys(each.detail for each in concerned)
        why = f" ({next(iter(details))})" if len(details) == 1 else ""
        names = "; ".join(_named(each.position) for each in concerned)
        yield f"Left out, {because.replace('_', ' ')}{why}: {names}."


def _named(position: RecordedPosition) -> str:
    return f"{position.symbol} {position.side.value}, {_time(position.opened_at)}"


def _or_none(value: float | None) -> str:
    return "" if value is None else percent(value)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
