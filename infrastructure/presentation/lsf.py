"""Changes of the adjusted LSF: a summary line, each change, and the closes behind an average."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Context, Decimal

from msgspec import Struct

from exitbrain.application.queries.lsf_history import CountedClose, LsfChange, LsfCounts, LsfInputs
from exitbrain.domain.values import plain
from exitbrain.infrastructure.presentation import spreadsheet
from exitbrain.infrastructure.presentation.table import ShownTable
from exitbrain.infrastructure.presentation.wording import exactly, short

_TITLE = (
    "Changes of the adjusted LSF: the effect of each input, in brackets the input"
    " (rounded; --json and --csv are exact)"
)


class LsfInputsChanged(Struct):
    """The inputs of the earlier and of the later decision."""

    before: LsfInputs
    after: LsfInputs


class CloseBehind(Struct):
    """A closed position whose result was in an average; the counted part of its return, in percent, is a decimal string."""

    position_id: str
    symbol: str
    at: datetime
    pnl_percent: str
    log_position: int


class ClosesChanged(Struct):
    """The closes behind the average of the earlier and of the later decision, oldest first."""

    before: list[CloseBehind]
    after: list[CloseBehind]


class ReportedChange(Struct, omit_defaults=True):
    """One change of the adjusted LSF; delta and effects are exact, as decimal strings.

    `closes` is present only with `--closes`.
    """

    at: datetime
    symbol: str
    position_id: str
    decision_id: str
    before: float
    after: float
    delta: str
    leverage_effect: str
    pnl_effect: str
    confidence_effect: str
    policy_effect: str
    cause: str
    inputs: LsfInputsChanged
    closes: ClosesChanged | None = None


class LsfEffects(Struct):
    """In how many changes each of them had an effect."""

    leverage: int
    pnl: int
    confidence: int
    policy: int


class LsfSummary(Struct):
    """How many of the selected decisions changed the adjusted LSF, shown or not, and when the first and the last occurred."""

    decisions: int
    changes: int
    first: datetime | None
    last: datetime | None
    effects: LsfEffects
    causes: dict[str, int]


class LsfAuditReport(Struct):
    """The selected changes of the LSF, or with `--limit` the newest of them, in log order."""

    changes: list[ReportedChange]
    summary: LsfSummary


_INPUTS = LsfInputs.__struct_fields__
_PLAIN = tuple(name for name in ReportedChange.__struct_fields__ if name not in ("inputs", "closes"))
COLUMNS = (*_PLAIN, *(f"{name}_{when}" for name in _INPUTS for when in ("before", "after")))


def reported_change(one: LsfChange) -> ReportedChange:
    """Return a change for `--json`."""
    return ReportedChange(
        at=one.at,
        symbol=one.symbol,
        position_id=str(one.position_id),
        decision_id=str(one.decision_id),
        before=one.before,
        after=one.after,
        delta=exactly(one.delta),
        leverage_effect=exactly(one.leverage_effect),
        pnl_effect=exactly(one.pnl_effect),
        confidence_effect=exactly(one.confidence_effect),
        policy_effect=exactly(one.policy_effect),
        cause=one.cause.value,
        inputs=LsfInputsChanged(one.inputs_before, one.inputs_after),
        closes=_closes_changed(one.closes_before, one.closes_after),
    )


def _closes_changed(
    before: tuple[CountedClose, ...] | None, after: tuple[CountedClose, ...] | None
) -> ClosesChanged | None:
    if before is None or after is None:
        return None
    return ClosesChanged([_close(one) for one in before], [_close(one) for one in after])


def _close(one: CountedClose) -> CloseBehind:
    return CloseBehind(str(one.position_id), one.symbol, one.at, plain(one.pnl_percent), one.log_position)


def summary_of(counts: LsfCounts) -> LsfSummary:
    """Return the counts as they are printed with `--json`."""
    return LsfSummary(
        decisions=counts.decisions,
        changes=counts.changes,
        first=counts.first,
        last=counts.last,
        effects=LsfEffects(counts.leverage, counts.pnl, counts.confidence, counts.policy),
        causes={cause.value: changes for cause, changes in counts.causes.items()},
    )


def csv_row(one: LsfChange) -> list[object]:
    """Return a change as a row of CSV, under `COLUMNS`."""
    change = reported_change(one)
    cells = {name: getattr(change, name) for name in _PLAIN}
    before, after = change.inputs.before, change.inputs.after
    inputs = (getattr(side, name) for name in _INPUTS for side in (before, after))
    at = change.at.isoformat().replace("+00:00", "Z")
    return spreadsheet.row((*{**cells, "at": at}.values(), *inputs))


def changes_text(changes: Sequence[LsfChange], counts: LsfCounts) -> Iterator[ShownTable | str]:
    """Yield the summary of the selection, and the table of the changes to show."""
    yield _summary(counts)
    if not changes:
        return
    yield _table(changes)
    for change in changes:
        yield from _closes(change)
    hidden = counts.changes - len(changes)
    if hidden:
        yield (
            f"These are the newest {len(changes):,}; {hidden:,} older ones are not shown: --limit 0 shows all,"
            " --csv FILE writes them."
        )


def _summary(counts: LsfCounts) -> str:
    if not counts.decisions:
        return "No decision with levels was selected."
    if counts.first is None or counts.last is None:
        return f"The LSF changed in none of the selected decisions ({counts.decisions:,})."
    effects = (
        ("leverage", counts.leverage),
        ("average PnL", counts.pnl),
        ("confidence", counts.confidence),
        ("policy", counts.policy),
    )
    causes = ", ".join(f"{cause} {changes:,}" for cause, changes in counts.causes.items())
    first, last = f"{counts.first:%Y-%m-%d %H:%M:%S}", f"{counts.last:%Y-%m-%d %H:%M:%S}"
    return (
        f"The LSF changed in {counts.changes:,} of {counts.decisions:,} decisions"
        f" ({first if first == last else f'{first} to {last}'} UTC)."
        f" Changed by: {', '.join(f'{what} {changes:,}' for what, changes in effects if changes)}. Causes: {causes}."
    )


def _table(changes: Sequence[LsfChange]) -> ShownTable:
    table = ShownTable(_TITLE)
    table.text("At (UTC)", "Symbol", "LSF")
    table.number("Delta", drop=3)
    effects = (
        ("Leverage", 0, [one.leverage_effect for one in changes]),
        ("PnL (%)", 5, [one.pnl_effect for one in changes]),
        ("Confidence", 4, [one.confidence_effect for one in changes]),
        ("Policy", 4, [one.policy_effect for one in changes]),
    )
    for heading, drop, of_all in effects:
        table.text(heading, drop=drop if any(of_all) else 1)
    table.text("Decision", drop=2)
    for one in changes:
        before, after = one.inputs_before, one.inputs_after
        table.row(
            f"{one.at:%Y-%m-%d %H:%M:%S}",
            one.symbol,
            f"{one.before:.6f} → {one.after:.6f}",
            _signed(one.delta),
            _effect(one.leverage_effect, _rounded(before.leverage), _rounded(after.leverage)),
            _effect(one.pnl_effect, _rounded(before.average_pnl), _rounded(after.average_pnl)),
            _effect(one.confidence_effect, _rounded(before.confidence), _rounded(after.confidence)),
            _effect(one.policy_effect, before.policy, after.policy),
            str(one.decision_id)[:8],
        )
    return table


def _effect(effect: Decimal, before: str, after: str) -> str:
    return f"{_signed(effect)} ({before if before == after else f'{before} → {after}'})"


def _signed(effect: Decimal) -> str:
    return f"{Context(prec=4).plus(effect):+f}" if effect else "0"


def _rounded(value: float) -> str:
    return plain(Context(prec=4).create_decimal_from_float(value).normalize())


def _closes(change: LsfChange) -> Iterator[str]:
    """Yield the closes behind both averages: + has entered the window since the decision before, - has left it."""
    before, after = change.closes_before, change.closes_after
    if before is None or after is None:
        return
    yield ""
    yield (
        f"Decision {str(change.decision_id)[:8]} of {change.symbol}: average PnL {_average(change.inputs_after, after)},"
        f" before {_average(change.inputs_before, before)}"
    )
    for close in sorted({*before, *after}, key=lambda one: one.log_position):
        mark = "-" if close not in after else "+" if close not in before else " "
        yield (
            f"  {mark} {close.at:%Y-%m-%d %H:%M:%S}  {short(close.pnl_percent)} % {close.symbol},"
            f" position {str(close.position_id)[:8]}, log position {close.log_position}"
        )


def _average(inputs: LsfInputs, closes: tuple[CountedClose, ...]) -> str:
    if not closes:
        return "of no closes"
    return f"{_rounded(inputs.average_pnl)} % of {len(closes)} close{'' if len(closes) == 1 else 's'}"
