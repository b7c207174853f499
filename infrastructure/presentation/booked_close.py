"""The effect of an operator reporting that a position has ended."""

from collections.abc import Iterator

from msgspec import Struct

from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.positions.events import PositionClosed
from exitbrain.domain.values import plain, plain_or_none
from exitbrain.infrastructure.presentation.messages import WhyRefused, why_refused
from exitbrain.infrastructure.presentation.wording import short


class BookCloseReport(Struct):
    """The result of an operator's report that a position has ended; prices are decimal strings, null if unknown.

    If nothing has ended, position, plan, side and prices are null; `held_by` is another account, which alone holds the
    symbol.
    """

    outcome: str
    reason: str | None
    refusal: WhyRefused | None
    receipt_id: str
    account: str
    symbol: str
    held_by: str | None
    position_id: str | None
    plan_id: str | None
    side: str | None
    entry_price: str | None
    exit_price: str | None
    pnl_percent: str | None


def close_report(
    outcome: MessageResult, closed: PositionClosed | None, symbol: str, account: str
) -> BookCloseReport:
    """Return the result for `--json`; symbol and account are those given."""
    ignored, refusal = outcome.ignored_exit, outcome.refusal
    result = None if closed is None else closed.result
    met = closed or ignored
    return BookCloseReport(
        outcome=outcome.disposition.value,
        reason=None if outcome.reason is None else outcome.reason.value,
        refusal=None if refusal is None else why_refused(refusal),
        receipt_id=str(outcome.receipt_id),
        account=account if met is None else met.account,
        symbol=symbol if met is None else met.symbol,
        held_by=None if ignored is None else ignored.held_by,
        position_id=None if closed is None else str(outcome.touched[0]),
        plan_id=None if closed is None else str(outcome.touched[1]),
        side=None if closed is None else closed.side.value,
        entry_price=None if closed is None else plain_or_none(closed.entry_price),
        exit_price=None if closed is None else plain_or_none(closed.exit_price),
        pnl_percent=None if result is None else plain(result.pnl_percent),
    )


def ended_text(report: BookCloseReport, closed: PositionClosed) -> Iterator[str]:
    """Yield which position ended, and how."""
    at = "an unknown price" if report.exit_price is None else report.exit_price
    entry = "an unknown price" if report.entry_price is None else report.entry_price
    result = "unknown" if closed.result is None else f"{short(closed.result.pnl_percent)} %"
    yield (
        f"{report.side} {report.symbol} of account {report.account} ended at {at}; entry {entry}, result {result}."
    )
    yield f"  position {report.position_id}"
    yield f"  plan {report.plan_id}, cancelled"
    yield f"  receipt {report.receipt_id}"


def nothing_ended(report: BookCloseReport) -> str:
    """Return why nothing ended."""
    kept = f"receipt {report.receipt_id}"
    if report.refusal is not None:
        return f"{report.refusal}; {kept}"
    if report.reason != Reason.NO_OPEN_POSITION:
        return f"nothing has ended: {report.outcome} {report.reason}; {kept}"
    elsewhere = (
        "" if report.held_by is None else f", account {report.held_by} has one (--account {report.held_by})"
    )
    return f"account {report.account} has no open position in {report.symbol}{elsewhere}; {kept}"
