"""Levels: the numbers, what limited them, the guard findings, the assumptions."""

from collections.abc import Iterator

from msgspec import Struct

from exitbrain.application.queries.explain import Explanation
from exitbrain.domain.algebra import Bound
from exitbrain.domain.levels.levels import LEVELS, Price, Triggers
from exitbrain.domain.plans.decision import JudgedLevels
from exitbrain.domain.values import Assumption, Unit, plain
from exitbrain.infrastructure.presentation.guards import MARKS, GuardFinding, guards_of
from exitbrain.infrastructure.presentation.table import ShownTable
from exitbrain.infrastructure.presentation.wording import findings, number, percent, refusal


class Prices(Struct):
    """Trigger prices, as decimal strings."""

    tp1: str
    tp2: str
    tp3: str
    sl: str


class SliceToClose(Struct):
    """How much to close at a target, as a decimal string."""

    level: str
    quantity: str
    merged: bool


class LevelsReport(Struct):
    """Levels; raw numbers are in the unit of the policy. If levels were refused, levels and harvest are null."""

    policy: str
    engine: str
    unit: Unit
    lsf: float
    lsf_adjusted: float
    pnl_factor: float
    tp1: float | None
    tp2: float | None
    tp3: float | None
    sl: float | None
    harvest: list[float] | None
    refusal: str | None
    floor: float
    cap: float
    binding: tuple[Bound, ...]
    guards: list[GuardFinding]
    assumptions: tuple[Assumption, ...]
    trigger_prices: Prices | None
    slices: list[SliceToClose]


def levels_report(explanation: Explanation, assumptions: tuple[Assumption, ...]) -> LevelsReport:
    """Return levels for `--json`."""
    judged = explanation.levels
    raw = judged.raw
    return LevelsReport(
        policy=explanation.policy.name,
        engine=explanation.engine,
        unit=explanation.policy.unit,
        lsf=raw.lsf,
        lsf_adjusted=raw.lsf_adjusted,
        pnl_factor=raw.pnl_factor,
        **given_levels(judged),
        harvest=None if raw.refusal is not None else list(raw.harvest),
        refusal=raw.refusal,
        floor=raw.floor,
        cap=raw.cap,
        binding=judged.binding,
        guards=guards_of(judged.guards),
        assumptions=assumptions,
        trigger_prices=prices_of(judged.triggers),
        slices=[SliceToClose(part.level, plain(part.quantity), part.merged) for part in judged.slices],
    )


def given_levels(judged: JudgedLevels) -> dict[str, float | None]:
    """Return the raw levels by name, None if they were refused."""
    raw = judged.raw
    return {level: None if raw.refusal is not None else getattr(raw, level) for level in LEVELS}


def prices_of(triggers: Triggers[Price] | None) -> Prices | None:
    """Return trigger prices as decimal strings."""
    return None if triggers is None else Prices(*(plain(getattr(triggers, level)) for level in LEVELS))


def levels_text(explanation: Explanation, assumptions: tuple[Assumption, ...]) -> Iterator[ShownTable | str]:
    """Yield the levels as a table, or why there are none; then the guard findings and the assumptions."""
    policy, judged, inputs = explanation.policy, explanation.levels, explanation.inputs
    raw = judged.raw
    symbol = "" if explanation.instrument is None else f"{explanation.instrument.symbol} "
    formula = "" if policy.is_foreign else f" ({policy.formula})"
    title = f"{symbol}{inputs.side} at {number(inputs.leverage)}x under {policy.name}{formula}"
    if raw.refusal is not None:
        yield f"{title}: refused, {refusal(raw)}."
    else:
        yield _table(title, explanation)
    adjusted = f", adjusted {raw.lsf_adjusted!r}" if raw.lsf_adjusted != raw.lsf else ""
    yield f"LSF {raw.lsf!r}{adjusted}; PnL factor {raw.pnl_factor!r}"
    if policy.ignores:
        yield f"{policy.name} does not read {' and '.join(policy.ignores)}."
    yield "Guards"
    for name, state, detail in findings(judged.guards):
        what = detail if state != "unknown" else f"not checkable: {detail}"
        yield f"  {MARKS[state]} {name}{': ' if what else ''}{what}"
    if assumptions:
        yield "Assumed"
        yield from (f"  {one.field} {one.value}: {one.why}" for one in assumptions)


def _table(title: str, explanation: Explanation) -> ShownTable:
    judged = explanation.levels
    closed = {
        part.level: f"{plain(part.quantity)}{' (merged)' if part.merged else ''}" for part in judged.slices
    }
    table = ShownTable(title)
    table.text("Level")
    table.number(f"Raw ({explanation.policy.unit})", drop=1)
    table.number("Distance")
    if judged.triggers is not None:
        table.number("Trigger price")
    table.number("Close")
    if judged.slices:
        table.number("Quantity", drop=2)
    table.prose("Bound by")
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
        table.row(*cells, _bounds(judged, level))
    return table


def _bounds(judged: JudgedLevels, level: str) -> str:
    return ", ".join(
        bound.constraint
        if bound.before == bound.after
        else f"{bound.constraint}: {number(bound.before)} → {number(bound.after)}"
        for bound in judged.binding
        if bound.level == level
    )
