"""Outcomes as people read them: what happened to each position, what made the difference, and whether it proves anything."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from rich.table import Table

from exitbrain.application.outcome_measures import BoundSummary, PolicySummary, WorstHour
from exitbrain.application.outcome_totals import CandidateTotals, Sums
from exitbrain.application.outcomes import PositionOutcome
from exitbrain.domain.judgement.attribution import Attribution
from exitbrain.domain.judgement.interval import Interval
from exitbrain.domain.judgement.verdict import (
    BLOCKS_NEEDED,
    CONFIDENCE,
    EFFECTIVE_DAYS_NEEDED,
    FamilyJudgement,
    Judgement,
    Reason,
)
from exitbrain.domain.judgement.walk_forward import Choice
from exitbrain.domain.walk.outcome import History, Walk
from exitbrain.infrastructure.cli.outcome_json import day_at, hour_at
from exitbrain.infrastructure.cli.outcomes import Found, Unwalked
from exitbrain.infrastructure.wording import percent

FAMILY_SHOWN = 20
EFFECTS = ("levels", "harvest", "liquidation", "cost", "funding", "total")


def text_of(found: Found, *, family: bool) -> Iterator[Table | str]:
    """Yield outcomes of one candidate or of a family."""
    return text_of_family(found, found.family_judgement()) if family else text_of_one(found)


def text_of_one(found: Found) -> Iterator[Table | str]:
    """Yield the outcome of one candidate."""
    name = found.question.candidates[0].name
    if found.outcomes:
        totals, (_, summaries) = found.panel.totals[0], found.measured()
        yield _positions(found, name)
        yield from _totals(totals, name, found.question.baseline_name)
        yield _effects(totals)
        yield _measures(summaries, found)
        yield from _verdict(name, found.judgement())
    yield from _notes(found)


def text_of_family(found: Found, judged: FamilyJudgement) -> Iterator[Table | str]:
    """Yield the outcome of a family of candidates, the best differences first."""
    if found.positions:
        yield _family(found, judged)
        yield from _family_verdict(found, judged)
        yield from _walk_forward(found, judged)
    yield from _notes(found)


def _positions(found: Found, name: str) -> Table:
    baseline = found.question.baseline_name
    table = Table(
        title=f"{found.positions} recorded positions: {name} against {baseline}", title_justify="left"
    )
    for heading in ("Symbol", "Side", "Opened (UTC)", f"Exits {baseline}"):
        table.add_column(heading)
    table.add_column("Net", justify="right")
    table.add_column(f"Exits under {name}")
    table.add_column("Net", justify="right")
    table.add_column("Difference", justify="right")
    table.add_column("Remarks")
    for outcome in found.outcomes:
        before, after = outcome.baseline.walk, outcome.candidates[0].walk
        difference = outcome.differences[0]
        table.add_row(
            outcome.position.symbol,
            outcome.position.side.value,
            _time(outcome.position.opened_at),
            *_exits(before),
            *_exits(after),
            between(difference.lower, difference.upper),
            ", ".join(_remarks(outcome)),
        )
    return table


def _exits(walk: Walk) -> tuple[str, str]:
    low, high = (
        " ".join(leg.level.value for leg in each.legs) for each in (walk.pessimistic, walk.optimistic)
    )
    exits = low if low == high else f"{low} or {high}"
    return exits, between(walk.pessimistic.net, walk.optimistic.net)


def _remarks(outcome: PositionOutcome) -> Iterator[str]:
    walks = (outcome.baseline.walk, outcome.candidates[0].walk)
    if walks[0].entry_off_market:
        yield "off market"
    holes = max(walk.holes for walk in walks)
    if holes:
        yield f"{holes} hole{'s' if holes > 1 else ''}"
    if any(_is_open(walk.pessimistic, walk.optimistic) for walk in walks):
        yield "still open"


def _is_open(*histories: History) -> bool:
    return any(history.is_open for history in histories)


def _totals(totals: CandidateTotals, name: str, baseline: str) -> Iterator[str]:
    yield "Totals (net, each position a fraction of its own entry notional, added up)"
    for what, sums in (
        ("all", totals.everything),
        ("without holes", totals.without_holes),
        ("closed at the end of the data", totals.closed),
    ):
        yield f"  {what} ({sums.positions}): {_sums(sums, name, baseline)}"
    yield f"  {totals.ambiguous} of {totals.everything.positions} are ambiguous."


def _sums(sums: Sums, name: str, baseline: str) -> str:
    return (
        f"{baseline} {between(sums.baseline.lower, sums.baseline.upper)}, "
        f"{name} {between(sums.pessimistic, sums.optimistic)}, "
        f"difference {between(sums.lower, sums.upper)}"
    )


def _effects(totals: CandidateTotals) -> Table:
    table = Table(title="What made the difference", title_justify="left")
    table.add_column("Effect of")
    table.add_column("Lowest difference", justify="right")
    table.add_column("Highest difference", justify="right")
    for effect in EFFECTS:
        table.add_row(effect, *(_effect(split, effect) for split in (totals.lower, totals.upper)))
    return table


def _effect(split: Attribution, effect: str) -> str:
    return percent(float(getattr(split, effect)))


def _measures(summaries: Sequence[PolicySummary], found: Found) -> Table:
    names = (found.question.baseline_name, found.question.candidates[0].name)
    regrets = (found.panel.baseline_regret, found.panel.regrets[0])
    table = Table(title="Measures", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(f"{name}, pessimistic", justify="right")
        table.add_column("optimistic", justify="right")
    bounds = [bound for each in summaries for bound in (each.pessimistic, each.optimistic)]
    for what, cells in _measured(bounds, found.positions):
        table.add_row(what, *cells)
    for what, values in (
        ("greatest loss at the stop, of margin", [_or_none(each.loss_at_stop) for each in summaries]),
        ("cost to break even, mean", [_or_none(each.cost_to_break_even) for each in summaries]),
        ("regret, in hindsight", [between(regret.lower, regret.upper) for regret in regrets]),
    ):
        table.add_row(what, values[0], "", values[1], "")
    return table


def _measured(bounds: Sequence[BoundSummary], positions: int) -> Iterator[tuple[str, list[str]]]:
    yield (
        "reached TP1, TP2, TP3",
        [f"{', '.join(map(str, bound.hit))} of {positions}" for bound in bounds],
    )
    yield "stopped before TP1", [str(bound.stopped) for bound in bounds]
    yield (
        "then saw TP1 soon after",
        [f"{bound.reversed}{f' ({bound.unknown} not known)' if bound.unknown else ''}" for bound in bounds],
    )
    yield "MFE, mean", [_interval(bound.mfe) for bound in bounds]
    yield "MAE, mean", [_interval(bound.mae) for bound in bounds]
    yield "given back of the MFE, mean", [_interval(bound.give_back) for bound in bounds]
    yield "R, mean", ["" if bound.mean_r is None else f"{bound.mean_r:.2f}" for bound in bounds]
    yield "R, worst", ["" if bound.worst_r is None else f"{bound.worst_r:.2f}" for bound in bounds]
    yield "worst hour (UTC)", [_worst(bound.worst_hour) for bound in bounds]


def _worst(worst: WorstHour | None) -> str:
    return "" if worst is None else f"{percent(worst.result)} {hour_at(worst.hour):%Y-%m-%d %H}h"


def _verdict(name: str, judged: Judgement) -> Iterator[str]:
    yield f"Verdict on {name}: {judged.verdict.value.upper()}, {_because(judged)}."
    yield from _grounds(judged)


def _because(judged: Judgement) -> str:
    resampling = judged.resampling
    return {
        Reason.BETTER: f"the whole {CONFIDENCE:.0%} interval lies above 0",
        Reason.NOT_BETTER: f"the whole {CONFIDENCE:.0%} interval lies at or below 0",
        Reason.NO_PAIRS: "there is nothing to judge",
        Reason.TOO_FEW_DAYS: (
            f"{judged.effective_days:.1f} effective days; {EFFECTIVE_DAYS_NEEDED} are needed"
        ),
        Reason.TOO_FEW_BLOCKS: (
            f"{judged.days} days hold {judged.days / resampling.block_days:.1f} blocks of "
            f"{resampling.block_days} days, as long as the longest hold; {BLOCKS_NEEDED} are needed"
        ),
        Reason.BOUNDS_STRADDLE_ZERO: "the order inside candles decides on which side of 0 the mean lies",
        Reason.INTERVAL_STRADDLES_ZERO: f"the {CONFIDENCE:.0%} interval holds 0: it may be chance",
        Reason.NOT_SUPERIOR_IN_FAMILY: "with the whole family in view it may be chance",
    }[judged.reason]


def _grounds(judged: Judgement) -> Iterator[str]:
    if judged.mean is None:
        return
    interval = (
        "too few days for one"
        if judged.interval is None
        else between(judged.interval.lower, judged.interval.upper)
    )
    resampling = judged.resampling
    yield (
        f"  a day differs by {between(judged.mean.lower, judged.mean.upper)} in the mean, "
        f"{CONFIDENCE:.0%} interval: {interval}"
    )
    yield (
        f"  {_count(judged.positions, 'position')} of {_count(judged.days, 'day')} ({judged.effective_days:.1f} effective), "
        f"{resampling.resamples} resamples of blocks of {_count(resampling.block_days, 'day')}, seed {resampling.seed}"
    )


def _family(found: Found, judged: FamilyJudgement) -> Table:
    panel, candidates = found.panel, found.question.candidates
    order = sorted(range(len(candidates)), key=lambda place: (-panel.totals[place].everything.lower, place))
    shown = order[:FAMILY_SHOWN]
    cut = "" if len(shown) == len(order) else f", the best {len(shown)} of {len(order)}"
    table = Table(
        title=f"{len(candidates)} policies against {found.question.baseline_name} on "
        f"{found.positions} recorded positions{cut}",
        title_justify="left",
    )
    table.add_column("Policy")
    for heading in ("Net", "Difference", f"{CONFIDENCE:.0%} interval of a day", "Hindsight regret"):
        table.add_column(heading, justify="right")
    table.add_column("Verdict")
    for place in shown:
        sums, judgement = panel.totals[place].everything, judged.policies[place]
        table.add_row(
            candidates[place].name,
            between(sums.pessimistic, sums.optimistic),
            between(sums.lower, sums.upper),
            _interval(judgement.interval),
            _interval(panel.regrets[place]),
            f"{judgement.verdict.value}: {_because(judgement)}",
        )
    return table


def _family_verdict(found: Found, judged: FamilyJudgement) -> Iterator[str]:
    if judged.p_value is None:
        yield f"Whole family: not tested, {_because(judged.policies[0])}."
        return
    names = ", ".join(found.question.candidates[place].name for place in judged.superior)
    yield (
        f"Whole family (StepM, SPA): {names or 'no policy'} better than {found.question.baseline_name}; "
        f"without any merit the best would look as good in {judged.p_value:.1%} of all cases."
    )


def _walk_forward(found: Found, judged: FamilyJudgement) -> Iterator[str]:
    yield (
        f"Walk forward, the best of the past judged on what followed: {judged.chosen.verdict.value.upper()}, "
        f"{_because(judged.chosen)}."
    )
    for choice in judged.choices:
        yield f"  {_fold(choice, found)}"
    yield from _grounds(judged.chosen)


def _fold(choice: Choice, found: Found) -> str:
    fold = choice.fold
    chosen = (
        "nothing to learn from, left out"
        if choice.policy is None
        else found.question.candidates[choice.policy].name
    )
    return (
        f"{day_at(fold.from_day):%Y-%m-%d} to before {day_at(fold.until_day):%Y-%m-%d}: {chosen} "
        f"({len(fold.training)} to learn from, {len(fold.purged)} purged, {len(fold.embargoed)} embargoed, "
        f"{len(fold.test)} tested)"
    )


def _notes(found: Found) -> Iterator[str]:
    if not found.positions:
        yield "No recorded position could be walked; there is no outcome."
    yield "Open loop: recorded inputs, the average PnL too, are held fixed; other exits would have changed later ones."
    yield from _left_out(found.left_out)
    if found.assumptions:
        yield "Assumed"
    for assumption in found.assumptions:
        yield f"  {assumption.field} {assumption.value}: {assumption.why}"


def _left_out(unwalked: Sequence[Unwalked]) -> Iterator[str]:
    """Yield a line for each reason; the details are in it where they are the same for all."""
    for because in dict.fromkeys(each.because for each in unwalked):
        concerned = [each for each in unwalked if each.because == because]
        details = dict.fromkeys(each.detail for each in concerned)
        why = f" ({next(iter(details))})" if len(details) == 1 else ""
        names = "; ".join(map(_named, concerned))
        yield f"Left out, {because.replace('_', ' ')}{why}: {names}."


def _named(each: Unwalked) -> str:
    position = each.position
    return f"{position.symbol} {position.side.value}, {_time(position.opened_at)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def between(lower: float, upper: float) -> str:
    """Return bounds as text, one number where they are equal."""
    low, high = percent(lower), percent(upper)
    return low if low == high else f"{low} to {high}"


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else between(interval.lower, interval.upper)


def _or_none(value: float | None) -> str:
    return "" if value is None else percent(value)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
