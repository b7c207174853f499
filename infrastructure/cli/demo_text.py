"""How the steps of the demonstration are told in the terminal, in at most 100 columns."""

import shlex
import textwrap
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import assert_never

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exitbrain import __version__
from exitbrain.application.lsf_audit import LsfInputs
from exitbrain.domain.guards import GUARDS
from exitbrain.domain.values import plain
from exitbrain.infrastructure.demo import story, what_if
from exitbrain.infrastructure.demo.results import (
    AskedWhatIf,
    Cure,
    DemoReport,
    FailedStep,
    GuardCounts,
    GuardsFailed,
    Ingested,
    LevelTable,
    LsfExplained,
    NotStreamed,
    Plan,
    Replays,
    Result,
    Streamed,
    Tampering,
    TimedReplay,
)
from exitbrain.infrastructure.presentation.derivation import NOTATION
from exitbrain.infrastructure.presentation.guards import MARKS
from exitbrain.infrastructure.presentation.judgement import because, between
from exitbrain.infrastructure.wording import exactly, findings, number, percent, refusal, short

_COST_GUARD = "stop_wider_than_costs"
_FRESHNESS_GUARD = "intent_is_fresh"
_REFUSALS_SHOWN = 2
_WIDTH, _MARGIN = 100, "   "

Parts = Iterator[RenderableType]


def introduction() -> Parts:
    """Yield what is said before the first step."""
    yield Text(f"ExitBrain {__version__}: the record of exit decisions, replayed and explained", style="bold")
    yield f"{story.MESSAGES} synthetic messages from seed {story.SEED}: nothing in them was ever traded."


def shown(place: int, step: story.Step, result: Result) -> Parts:
    """Yield a step: its title, what it found, and the commands that do the same."""
    yield ""
    yield Text(f"{place}  {step.title}", style="bold")
    yield ""
    for part in _told(result):
        yield from _indented(part)
    yield ""
    for command in result.commands:
        yield _command(command)


def _told(result: Result) -> Parts:
    match result:
        case Streamed():
            return _streamed(result)
        case NotStreamed():
            return _not_streamed(result)
        case Ingested():
            return _ingested(result)
        case LevelTable():
            return _level_table(result)
        case Replays():
            return _replays(result)
        case GuardsFailed():
            return _guards(result)
        case Cure():
            return _cure(result)
        case LsfExplained():
            return _lsf(result)
        case AskedWhatIf():
            return _whatif(result)
        case Tampering():
            return _tampering(result)
        case _:
            assert_never(result)


def _streamed(result: Streamed) -> Parts:
    events = ", ".join(f"{count} {kind}" for kind, count in sorted(result.events.items()))
    yield f"{result.server} and exitbrain serve, started for this and gone after it."
    yield f"{result.sent} messages on trade.intent and trade.closed; {result.seconds:.2f} s later everything is out:"
    yield f"  exitbrain.adaptive_levels  {result.decisions} entries, one for each decision"
    yield f"  exitbrain.events  {events}"
    yield f"  dead letters  {result.dead_letters}, one for each refused message"
    levels = result.example
    yield f"The last levels of {levels.symbol}, as readers of the stream get them:"
    numbers = (
        f"TP {levels.tp1:.3f}, {levels.tp2:.3f}, {levels.tp3:.3f}, SL {levels.sl:.3f}, LSF {levels.lsf:.3f}"
    )
    yield f"  {levels.side} at {number(levels.leverage)}x: {numbers}"


def _not_streamed(result: NotStreamed) -> Parts:
    yield f"No Redis here ({result.missing} of the extra demo is not installed): this story runs over files."


def _ingested(result: Ingested) -> Parts:
    first, again = result.first, result.again
    yield f"{first.read} read in {result.seconds:.2f} s, {first.decisions} decisions recorded:"
    yield f"{first.accepted} accepted, {first.ignored} ignored, {first.refused} refused."
    yield "A refused message is kept like any other, with what was wrong:"
    for entry, reason in first.refusals[:_REFUSALS_SHOWN]:
        yield f"  {entry}  {reason}"
    yield ""
    yield f"The same file again: {again.read} read, {again.duplicate} duplicates, {again.decisions} decisions."
    yield f"The log held {result.events:,} events and holds {result.events_after:,}: nothing happens twice."
    if result.same_as_live is not None:
        yield (
            f"What the worker made of the same messages is the same: {result.same_as_live} decisions, inputs and "
            "outputs bit for bit."
        )


def _level_table(result: LevelTable) -> Parts:
    yield f"Raw numbers of {result.policy}, read as {result.unit}:"
    table = _table("leverage", "volatility", "LSF", "TP1", "TP2", "TP3", "SL", "harvest")
    for row in result.rows:
        raw = row.levels
        table.add_row(
            f"{number(row.leverage)}x",
            number(row.volatility),
            *(f"{value:.3f}" for value in (raw.lsf, raw.tp1, raw.tp2, raw.tp3, raw.sl)),
            "/".join(f"{share:.0%}".rstrip("%") for share in raw.harvest),
        )
    yield table
    yield "A clamp meant as 2 % works on percents: it cuts every stop to 0.02 %, two basis points."


def _replays(result: Replays) -> Parts:
    yield (
        "Every decision from its recorded inputs, every message from its raw fields, every context from the log. "
        "EXACT means the same 64 bits everywhere."
    )
    yield _replay_table(result)


def _replay_table(result: Replays) -> Table:
    table = _table("replay", "verdict", "decisions exact", "messages exact", "decisions/s", text=2)
    for what, done in (
        ("decisions", result.decisions),
        ("from receipts", result.receipts),
        ("context", result.context),
    ):
        report = done.report
        messages = "" if report.receipts is None else f"{report.receipts_exact} of {report.receipts}"
        table.add_row(what, _verdict(done), f"{report.exact} of {report.decisions}", messages, _rate(done))
    return table


def _verdict(done: TimedReplay) -> Text:
    return Text("EXACT", style="green") if done.report.clean else Text("DRIFT", style="red")


def _rate(done: TimedReplay) -> str:
    return f"{done.report.decisions / max(done.seconds, 1e-9):,.0f}"


def _guards(result: GuardsFailed) -> Parts:
    counts, example = result.counts, result.example
    yield f"A plan must pass every guard before it may be executed. Of {counts.decisions} decisions:"
    table = _table("guard", "failed", "passed")
    for name in _telling(counts):
        failed, unknown = counts.failed.get(name, 0), counts.not_checkable.get(name, 0)
        table.add_row(name, str(failed), str(counts.decisions - failed - unknown))
    yield table
    yield f"{_FRESHNESS_GUARD} fails because recorded messages are old; no other guard looks at the clock."
    yield ""
    yield f"One of them, {_name(example)}:"
    yield Text(f"  {_finding(example, _COST_GUARD)}", style="red")
    yield "Fees alone cost more than the way to the stop: the first noise closes the position."


def _cure(result: Cure) -> Parts:
    yield "The same messages in a store of their own, under v3.6. The same decision there,"
    yield f"{_name(result.after)}:"
    yield _side_by_side(result.before, result.after)
    yield "What the guards say about all decisions:"
    yield _guards_side_by_side(result.guards_before, result.guards_after)
    refused = result.refusal
    yield f"v3.6 computed {result.computed} plans and refused {result.refused}, on which there is nothing to check. One of those,"
    yield f"{str(refused.decision_id)[:8]}, {refused.symbol} {refused.side} at {number(refused.leverage)}x:"
    yield Text(f"  {refusal(refused.levels)}", style="yellow")
    yield ""
    yield "The new store, replayed like the first:"
    yield _replay_table(result.replays)


def _side_by_side(before: Plan, after: Plan) -> Table:
    table = _table("level", before.policy, "trigger", "bound by", after.policy, "trigger", "bound by")
    table.columns[3].justify = table.columns[6].justify = "left"
    for old, new in zip(before.levels, after.levels, strict=True):
        cells = [
            cell
            for one in (old, new)
            for cell in (f"{100 * one.distance:.3f} %", plain(one.trigger), ", ".join(one.bound_by))
        ]
        table.add_row(old.level.upper(), *cells)
    return table


def _guards_side_by_side(before: GuardCounts, after: GuardCounts) -> Table:
    table = _table("guard", "v3.5 failed", "v3.6 failed", "v3.6 not checkable")
    for name in _telling(before, after):
        if name != _FRESHNESS_GUARD:
            table.add_row(
                name,
                str(before.failed.get(name, 0)),
                str(after.failed.get(name, 0)),
                str(after.not_checkable.get(name, 0)),
            )
    return table


def _lsf(result: LsfExplained) -> Parts:
    change = result.change
    yield f"{change.symbol} at {change.at:%Y-%m-%d %H:%M:%S} UTC, decision {str(change.decision_id)[:8]}, under v3.6:"
    table = _table("", "leverage", "average PnL", "confidence", "PnL factor", "adjusted LSF")
    factor_before, factor_after = result.pnl_factors
    for when, inputs, factor, lsf in (
        ("before", change.inputs_before, factor_before, change.before),
        ("after", change.inputs_after, factor_after, change.after),
    ):
        table.add_row(when, *_lsf_cells(inputs), number(factor), f"{lsf:.6f}")
    yield table
    yield "What did it, as exact differences of the doubles:"
    for what, effect in (
        ("leverage", change.leverage_effect),
        ("average PnL", change.pnl_effect),
        ("confidence", change.confidence_effect),
        ("policy", change.policy_effect),
        ("together", change.delta),
    ):
        yield f"  {what:<13}{_signed(effect)}"
    yield "The four sum to the change in every digit."
    yield ""
    yield f"The way to TP1 of that decision. {NOTATION}"
    for line in result.chain:
        yield f"  {line.name} = {line.expression}"
    yield f"TP1 comes out as {result.chain[-1].value!r}, as recorded."


def _lsf_cells(inputs: LsfInputs) -> tuple[str, ...]:
    return (
        f"{number(inputs.leverage)}x",
        f"{inputs.average_pnl:+.3f} %",
        number(inputs.confidence),
    )


def _signed(effect: Decimal) -> str:
    return f"{'+' if effect > 0 else '' if effect else ' '}{exactly(effect)}"


def _whatif(result: AskedWhatIf) -> Parts:
    before, after = result.before, result.after
    yield (
        f"The positions recorded under {before.policy}, walked through synthetic candles of a minute: once as they were "
        f"planned, once with what {after.policy} would have planned at each of their revisions. A candle does not tell "
        "the order of what happened inside it, so each number lies between two bounds."
    )
    refused, small = (result.left_out.get(because, 0) for because in ("refused", "not_placeable"))
    yield (
        f"{result.positions} positions are walked; {refused} are not, since {after.policy} refuses them levels, and "
        f"{small} are smaller than a slice may be."
    )
    table = _table("", before.policy, after.policy)
    minutes = before.stopped.minutes
    table.add_row("net, added up", *(between(one.net.lower, one.net.upper) for one in (before, after)))
    table.add_row(
        f"closed by the stop within {minutes} minutes",
        *(f"{one.stopped.optimistic} to {one.stopped.pessimistic}" for one in (before, after)),
    )
    yield table
    difference = between(result.difference.lower, result.difference.upper)
    yield f"The difference is {difference}, both walked through the same order of prices. What made it:"
    table = _table("", "at the lower bound", "at the upper bound")
    for effect in result.lower:
        table.add_row(effect, *(percent(float(each[effect])) for each in (result.lower, result.upper)))
    yield table
    yield (
        "The effects sum to the difference in every digit. A position counts in fractions of what it was entered "
        "with, so one that was added to counts for more."
    )
    yield Text(f"Verdict: {result.judgement.verdict.upper()}, {because(result.judgement)}.", style="yellow")
    yield "However large the difference: all positions were opened on one day, which says nothing of other days."
    yield from _page(result)


def _page(result: AskedWhatIf) -> Parts:
    yield ""
    if result.report is None:
        yield f"No report here ({what_if.DRAWN_BY} of the extra demo is not installed)."
    else:
        yield f"All of it with charts, in one page that needs no network: {result.report}"
    yield "The same as a command; reading candle files needs the extra exitbrain[lab]:"


def _tampering(result: Tampering) -> Parts:
    alteration, report = result.alteration, result.replay
    found = report.first_drift
    assert found is not None
    yield f"In {story.ALTERED}, a copy of {story.BEFORE}, one digit was written over, past ExitBrain:"
    yield f"  {alteration.field} of decision {str(alteration.decision_id)[:8]}: {alteration.was} became {alteration.altered}"
    yield ""
    yield f"The replay: {report.exact} of {report.decisions} EXACT, {report.drift} DRIFT, exit code {result.exit_code}."
    yield Text(f"  decision    {found.subject}", style="red")
    yield Text(f"  field       {found.field}", style="red")
    yield Text(f"  recorded    {found.recorded}", style="red")
    yield Text(f"  recomputed  {found.recomputed}", style="red")


def summary(report: DemoReport) -> Parts:
    """Yield what was shown, where the files are, and what to try next."""
    yield ""
    yield Text("What was shown", style="bold")
    yield ""
    for what in _shown_by(report):
        yield Text.assemble("   ", (MARKS["passed"], "green"), f" {what}")
    yield ""
    if report.page is not None:
        yield "The report of the what-if, to open in a browser:"
        yield Text(f"   {report.page}", style="cyan")
    if report.folder is None:
        rest = "The files" if report.page is None else "All other files"
        yield f"{report.seconds:.1f} s. {rest} are gone; exitbrain demo --keep DIR keeps them, to try the commands on."
        return
    yield f"{report.seconds:.1f} s. Messages, instruments and stores are kept; the commands above work there, and more:"
    yield _command(f"cd {shlex.quote(report.folder)}")
    yield _command(f"exitbrain positions --store sqlite:///{story.AFTER}")
    yield _command("exitbrain --help")


def _shown_by(report: DemoReport) -> Iterator[str]:
    if (streamed := report.stream) is not None:
        yield f"{streamed.sent} messages through a stream come out as {streamed.decisions} plans, each once"
    if (taken := report.ingest) is not None:
        yield f"{taken.first.read} messages led to {taken.first.decisions} decisions; the same file again, to none"
    if (replays := report.replay) is not None:
        yield f"all {replays.decisions.report.exact} decisions come out again bit for bit, in three kinds of replay"
    if (cured := report.cure) is not None:
        failed = cured.guards_before.failed[_COST_GUARD]
        yield f"v3.5 sets {failed} stops within the costs, v3.6 none; where no stop fits it refuses"
    if report.lsf is not None:
        yield "a change of the LSF is the exact sum of what leverage, average PnL, confidence and policy did"
    if (asked := report.whatif) is not None:
        low, high = asked.before.stopped.optimistic, asked.before.stopped.pessimistic
        minutes = asked.before.stopped.minutes
        yield f"v3.5 loses {low} to {high} of {asked.positions} positions to its stop within {minutes} minutes of the entry"
    if (altered := report.tampering) is not None:
        id_ = str(altered.alteration.decision_id)[:8]
        yield f"one altered digit is found: decision {id_}, {altered.alteration.field}"


def failure(failed: FailedStep) -> Parts:
    """Yield which step failed, and its claim."""
    yield ""
    yield Text(
        f"The step {failed.step} failed. It claims: {failed.claim}. That is not so here.", style="bold red"
    )


def _name(plan: Plan) -> str:
    where = f"{plan.symbol} {plan.side} at {number(plan.leverage)}x, entry {short(plan.entry_price)}"
    return f"{str(plan.decision_id)[:8]}, {where}"


def _finding(plan: Plan, guard: str) -> str:
    return next(sentence for name, _, sentence in findings(plan.guards) if name == guard)


def _telling(*counts: GuardCounts) -> Iterable[str]:
    """Return the guards that did not pass everywhere, in their order."""
    return [name for name in GUARDS if any(name in one.failed or name in one.not_checkable for one in counts)]


def _table(*headings: str, text: int = 1) -> Table:
    """Return a table whose first columns hold text and the others numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < text else "right")
    return table


def _indented(part: RenderableType) -> Parts:
    """Yield a table below the number of its step, and text in lines that are not too long."""
    if not isinstance(part, str):
        yield Padding(part, (0, 0, 0, len(_MARGIN)), expand=False)
        return
    text = part.lstrip()
    margin = _MARGIN + " " * (len(part) - len(text))
    lines = textwrap.wrap(text, _WIDTH - len(margin) - 2, break_long_words=False, break_on_hyphens=False)
    yield margin + lines[0] if lines else ""
    for line in lines[1:]:
        yield margin + ("" if margin == _MARGIN else "  ") + line


def _command(text: str) -> Text:
    """Return a command as it is typed; a long one goes on after a backslash."""
    parts = textwrap.wrap(text, _WIDTH - 12, break_long_words=False, break_on_hyphens=False)
    return Text("   $ " + " \\\n       ".join(parts), style="cyan")
