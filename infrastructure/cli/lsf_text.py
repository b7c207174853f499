"""Changes of the LSF for people: a line that sums them up, a table of the newest, the closes behind an average."""

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal

from rich.console import RenderableType
from rich.table import Table

from exitbrain.application.lsf_audit import CountedClose, LsfChange, LsfCounts, LsfInputs
from exitbrain.domain.values import plain
from exitbrain.infrastructure.wording import short

_TITLE = (
    "Changes of the adjusted LSF: the effect of each input, in brackets the input"
    " (rounded; --json and --csv are exact)"
)


def report(changes: Sequence[LsfChange], counts: LsfCounts) -> Iterator[RenderableType]:
    """Yield the summary of all that was selected, and the table of what is to be shown."""
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
        return "No decision with levels is selected."
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


def _table(changes: Sequence[LsfChange]) -> Table:
    table = Table(title=_TITLE, title_justify="left")
    for heading in ("At (UTC)", "Symbol", "LSF"):
        table.add_column(heading)
    table.add_column("Delta", justify="right")
    for heading in ("Leverage", "PnL (%)", "Confidence", "Policy", "Decision"):
        table.add_column(heading)
    for one in changes:
        before, after = one.inputs_before, one.inputs_after
        table.add_row(
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
    """Yield the closes behind both averages: + came in since the decision before, - has left the window."""
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
