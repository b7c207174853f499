"""Levels as people read them: the table, the LSF, what the guards found, what was assumed."""

from collections.abc import Iterator

from rich.table import Table

from exitbrain.application.explain import Explanation
from exitbrain.domain.decision import JudgedLevels
from exitbrain.domain.levels import LEVELS
from exitbrain.domain.values import Assumption, plain
from exitbrain.infrastructure.wording import findings, number, percent, refusal

MARKS = {"passed": "✔", "failed": "✘", "unknown": "?"}


def levels(explanation: Explanation) -> Iterator[Table | str]:
    """Yield the levels as a table, or why there are none."""
    policy, judged, inputs = explanation.policy, explanation.levels, explanation.inputs
    symbol = "" if explanation.instrument is None else f"{explanation.instrument.symbol} "
    formula = "" if policy.is_foreign else f" ({policy.formula})"
    title = f"{symbol}{inputs.side} at {number(inputs.leverage)}x under {policy.name}{formula}"
    if judged.raw.refusal is not None:
        yield f"{title}: refused, {refusal(judged.raw)}."
    else:
        yield _table(title, explanation)
    raw = judged.raw
    adjusted = f", adjusted {raw.lsf_adjusted!r}" if raw.lsf_adjusted != raw.lsf else ""
    yield f"LSF {raw.lsf!r}{adjusted}; PnL factor {raw.pnl_factor!r}"
    if policy.ignores:
        yield f"{policy.name} does not read {' and '.join(policy.ignores)}."


def judgement(explanation: Explanation, assumptions: tuple[Assumption, ...]) -> Iterator[str]:
    """Yield what the guards found, and what was assumed."""
    yield "Guards"
    for name, state, detail in findings(explanation.levels.guards):
        what = detail if state != "unknown" else f"not checkable: {detail}"
        yield f"  {MARKS[state]} {name}{': ' if what else ''}{what}"
    if assumptions:
        yield "Assumed"
        for one in assumptions:
            yield f"  {one.field} {one.value}: {one.why}"


def bounds(judged: JudgedLevels, level: str) -> str:
    """Return what bound a level, in words."""
    return ", ".join(
        bound.constraint
        if bound.before == bound.after
        else f"{bound.constraint}: {number(bound.before)} → {number(bound.after)}"
        for bound in judged.binding
        if bound.level == level
    )


def raw_fields(fields: dict[str, str], encoded: dict[str, str], length: int | None) -> Iterator[str]:
    """Yield the fields of a message as they came, a line each."""
    yield "Fields"
    for name, value in fields.items():
        encoding = f" ({encoded[name]})" if name in encoded else ""
        yield f"  {name}{encoding}: {value}"
    if length is not None:
        yield f"  cut: the first part of {length} bytes"


def _table(title: str, explanation: Explanation) -> Table:
    judged = explanation.levels
    closed = {
        part.level: f"{plain(part.quantity)}{' (merged)' if part.merged else ''}" for part in judged.slices
    }
    table = Table(title=title, title_justify="left")
    table.add_column("Level")
    table.add_column(f"Raw ({explanation.policy.unit})", justify="right")
    table.add_column("Distance", justify="right")
    if judged.triggers is not None:
        table.add_column("Trigger price", justify="right")
    table.add_column("Close", justify="right")
    if judged.slices:
        table.add_column("Quantity", justify="right")
    table.add_column("Bound by")
    for level, share in zip(LEVELS, (*judged.raw.harvest, None), strict=True):
        cells = [
            level.upper(),
            repr(getattr(judged.raw, level)),
            percent(getattr(explanation.distances, level)),
        ]
        if judged.triggers is not None:
            cells.append(plain(getattr(judged.triggers, level)))
        cells.append("the rest" if share is None else f"{share:.0%}" if share else "not placed")
        if judged.slices:
            cells.append(closed.get(level, "with the next" if share else ""))
        table.add_row(*cells, bounds(judged, level))
    return table
