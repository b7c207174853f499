"""The command `book close`: an operator ends a position that has ended at the venue without a word."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from exitbrain.application.outcome import Outcome
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.messages import BOOK_CLOSE, IncomingMessage, Unusable
from exitbrain.domain.position_events import PositionClosed
from exitbrain.domain.receipt import Disposition, Reason
from exitbrain.domain.values import Origin, plain, plain_or_none
from exitbrain.infrastructure.cli import output, reports
from exitbrain.infrastructure.cli.errors import FINE, FOUND, USAGE, WrongUsage
from exitbrain.infrastructure.cli.store import opened_with
from exitbrain.infrastructure.settings import ENV_FILE, Settings, load_settings
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.scalars import LARGEST, SMALLEST, has_surrogate
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.wording import short

WORDS_MAX = 256
_PRICE = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")


def close(
    symbol: str,
    *,
    account: str | None,
    price: str | None,
    why: str,
    by: str,
    store: str | None,
    as_json: bool,
) -> int:
    """End the open position of a symbol in the record, and return the exit code."""
    settings = load_settings(env_file=ENV_FILE, store=store)
    given = {
        "symbol": symbol,
        "account": account,
        "price": None if price is None else _price(price),
        "why": _words("--why", why),
        "by": _words("--by", by),
    }
    message = _message({name: text for name, text in given.items() if text is not None}, settings)
    with opened_with(settings, "write") as container:
        outcome = container.recorder().handle(message)
        closed = _closed(container.ledger(), outcome)
    report = _report(outcome, closed, symbol, account or settings.account)
    if as_json:
        output.emit(report)
    elif closed is not None:
        output.show(*_ended(report, closed))
    else:
        output.say(f"exitbrain: {output.printable(_nothing_ended(report))}")
    if closed is not None:
        return FINE
    return USAGE if outcome.disposition is Disposition.REFUSED else FOUND


def _price(text: str) -> str:
    written = text.strip()
    if _PRICE.fullmatch(written) is None or not SMALLEST <= Decimal(written) <= LARGEST:
        raise InvalidValue("--price", text, "a number above 0 and up to 1e15, written like 90000.5")
    return written


def _words(flag: str, text: str) -> str:
    written = text.strip()
    if not 1 <= len(written) <= WORDS_MAX or has_surrogate(written):
        raise InvalidValue(flag, text, f"1 to {WORDS_MAX} characters in UTF-8")
    return written


def _message(given: dict[str, str], settings: Settings) -> IncomingMessage:
    """Return the message; raises WrongUsage for one that would be refused, before any store is touched."""
    fields = {
        **given,
        "timestamp": datetime.now(UTC).isoformat(),
    }  # the same command again is another message
    message = from_fields(BOOK_CLOSE, None, fields, origin=Origin.LIVE, max_bytes=settings.max_message_bytes)
    translation = WireTranslator().translate(message)
    if isinstance(translation, Unusable):
        raise WrongUsage(str(translation.refusal))
    return message


def _closed(ledger: ExitLedger, outcome: Outcome) -> PositionClosed | None:
    """Return the end of the position that the message ended."""
    if outcome.disposition is not Disposition.ACCEPTED:
        return None
    events = [record.event for record in ledger.history(outcome.touched[0])]
    return next(event for event in reversed(events) if isinstance(event, PositionClosed))


def _report(
    outcome: Outcome, closed: PositionClosed | None, symbol: str, account: str
) -> reports.BookCloseReport:
    ignored, refusal = outcome.ignored_exit, outcome.refusal
    result = None if closed is None else closed.result
    met = closed or ignored
    return reports.BookCloseReport(
        outcome=outcome.disposition.value,
        reason=None if outcome.reason is None else outcome.reason.value,
        refusal=None if refusal is None else reports.Refusal(refusal.field, refusal.value, refusal.allowed),
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


def _ended(report: reports.BookCloseReport, closed: PositionClosed) -> Iterator[str]:
    at = "an unknown price" if report.exit_price is None else report.exit_price
    entry = "an unknown price" if report.entry_price is None else report.entry_price
    result = "unknown" if closed.result is None else f"{short(closed.result.pnl_percent)} %"
    yield (
        f"{report.side} {report.symbol} of account {report.account} ended at {at}; entry {entry}, result {result}."
    )
    yield f"  position {report.position_id}"
    yield f"  plan {report.plan_id}, cancelled"
    yield f"  receipt {report.receipt_id}"


def _nothing_ended(report: reports.BookCloseReport) -> str:
    kept = f"receipt {report.receipt_id}"
    if report.refusal is not None:
        refusal = report.refusal
        return f"{refusal.field} is {refusal.value}; allowed: {refusal.allowed}; {kept}"
    if report.reason != Reason.NO_OPEN_POSITION:
        return f"nothing has ended: {report.outcome} {report.reason}; {kept}"
    elsewhere = (
        "" if report.held_by is None else f", account {report.held_by} has one (--account {report.held_by})"
    )
    return f"account {report.account} has no open position in {report.symbol}{elsewhere}; {kept}"
