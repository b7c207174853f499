"""What policies would have changed, as people read it."""

from collections.abc import Iterator

from rich.table import Table

from exitbrain.application.counterfactual import FIELDS, LeftOut
from exitbrain.infrastructure.cli import reports
from exitbrain.infrastructure.wording import number, percent

LINES_MAX = 60
"""Policies of a sweep that are listed; a terminal has no use for more."""


def single(answer: reports.WhatIfAnswer) -> Iterator[Table | str]:
    """Yield what one policy would have changed."""
    yield (
        f"{_name(answer)} on {_count(answer.decisions, 'recorded decision')}: "
        f"{answer.changed} would be another, {answer.refused.after} refused ({answer.refused.before} were)."
    )
    yield _fields(answer)
    yield _guards(answer)
    yield (
        f"Plans whose levels pass every guard: {answer.safe.before} did, {answer.safe.after} would; "
        f"{answer.became_unsafe} would become unsafe, {answer.became_safe} safe."
    )


def family(answers: list[reports.WhatIfAnswer]) -> Iterator[Table | str]:
    """Yield a line for each policy of a family."""
    first, bases = answers[0], list(dict.fromkeys(answer.policy for answer in answers))
    table = Table(
        title=f"{_count(len(answers), 'variant')} of {', '.join(bases)} on {_count(first.decisions, 'recorded decision')}",
        title_justify="left",
    )
    if len(bases) > 1:
        table.add_column("Policy")
    for name in first.parameters:
        table.add_column(name, justify="right")
    for heading in (
        "Changed",
        "Refused",
        "TP1 mean",
        "SL mean",
        "SL least",
        "SL most",
        "Safe after",
        "To unsafe",
        "To safe",
    ):
        table.add_column(heading, justify="right")
    for answer in answers[:LINES_MAX]:
        tp1, sl = answer.fields["tp1"], answer.fields["sl"]
        table.add_row(
            *([answer.policy] if len(bases) > 1 else []),
            *map(number, answer.parameters.values()),
            str(answer.changed),
            str(answer.refused.after),
            *(_signed(value) for value in (tp1.mean, sl.mean, sl.min, sl.max)),
            str(answer.safe.after),
            str(answer.became_unsafe),
            str(answer.became_safe),
        )
    yield table
    if len(answers) > LINES_MAX:
        yield f"... and {len(answers) - LINES_MAX} more; --json has all of them."
    yield (
        f"As recorded {first.safe.before} plans are safe, their levels pass every guard; {first.refused.before} were refused. "
        "Changes are of the distance from the entry, as a share of its price."
    )


def left_out(count: LeftOut) -> Iterator[str]:
    """Yield a line for the decisions that nothing can be said about."""
    parts = [
        f"{number_of} {what}"
        for number_of, what in (
            (count.unreadable, "unreadable"),
            (count.unknown_policy, "of a policy that the store does not know"),
            (count.missing_snapshot, "whose instrument snapshot is missing"),
        )
        if number_of
    ]
    if parts:
        yield f"Left out: {', '.join(parts)}."


def _name(answer: reports.WhatIfAnswer) -> str:
    changes = ", ".join(f"{name} {number(value)}" for name, value in answer.parameters.items())
    return f"{answer.policy} with {changes}" if changes else answer.policy


def _fields(answer: reports.WhatIfAnswer) -> Table:
    table = Table(
        title=f"Change of what both give ({_count(answer.compared, 'decision')} with levels on both sides)",
        title_justify="left",
    )
    table.add_column("Of")
    for heading in ("Changed", "Least", "Mean", "Most"):
        table.add_column(heading, justify="right")
    for field in FIELDS:
        change = answer.fields[field]
        shown = _plain if field == "lsf" else _signed
        name = "LSF adjusted" if field == "lsf" else field.upper()
        cells = (shown(value) for value in (change.min, change.mean, change.max))
        table.add_row(name, str(change.changed), *cells)
    return table


def _guards(answer: reports.WhatIfAnswer) -> Table:
    table = Table(title="Guards, before and after", title_justify="left")
    table.add_column("Guard")
    for heading in ("Passed", "Failed", "Not checkable"):
        table.add_column(heading, justify="right")
    for name, before in answer.guards.before.items():
        after = answer.guards.after[name]
        pairs = (
            (before.passed, after.passed),
            (before.failed, after.failed),
            (before.unknown, after.unknown),
        )
        table.add_row(name, *(str(a) if a == b else f"{a} → {b}" for a, b in pairs))
    return table


def _signed(fraction: float | None) -> str:
    if fraction is None:
        return ""
    return f"+{percent(fraction)}" if fraction > 0 else percent(fraction)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:+.6f}"


def _count(number_of: int, what: str) -> str:
    return f"{number_of:,} {what}{'' if number_of == 1 else 's'}"
