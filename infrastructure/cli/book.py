"""The command `book close`: record that a position has ended at the venue when no message said so."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from typer import Argument, Option

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.messages.message import BOOK_CLOSE, IncomingMessage, Unusable
from exitbrain.domain.messages.receipt import Disposition
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.positions.events import PositionClosed
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import FINE, FOUND, USAGE, WrongUsage
from exitbrain.infrastructure.cli.options import Json, Store, flag, verbs
from exitbrain.infrastructure.cli.store import opened_with
from exitbrain.infrastructure.presentation.booked_close import close_report, ended_text, nothing_ended
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.settings import ENV_FILE, Settings, load_settings
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.scalars import LARGEST, SMALLEST, has_surrogate
from exitbrain.infrastructure.wire.translator import WireTranslator

WORDS_MAX = 256
_PRICE = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")


verb = verbs()


@verb.command(
    "close", epilog='Example: exitbrain book close BTCUSDT --price 90000 --why "closed by hand" --by alice'
)
def close(
    symbol: Annotated[str, Argument(metavar="SYMBOL", help="Symbol of the position, like BTCUSDT.")],
    why: Annotated[str, Option("--why", metavar="TEXT", help="Why the record is wrong.")],
    by: Annotated[str, Option("--by", metavar="NAME", help="Who says so.")],
    account: Annotated[
        str | None,
        flag("A", "Account of the position; default EXITBRAIN_ACCOUNT, else 'default'.", "--account"),
    ] = None,
    price: Annotated[
        str | None, flag("X", "Exit price; without it the result is unknown.", "--price")
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """End a position that is open only in the record, and cancel its plan.

    It is a message like any other, with a receipt, and a running worker publishes the result. No order is sent.
    Exit code 1, and nothing ends, when no position is open.
    """
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
    report = close_report(outcome, closed, symbol, account or settings.account)
    if as_json:
        output.emit(report)
    elif closed is not None:
        output.show(*ended_text(report, closed))
    else:
        output.say(f"exitbrain: {printable(nothing_ended(report))}")
    if closed is not None:
        return FINE
    return USAGE if outcome.disposition is Disposition.REFUSED else FOUND


def _price(text: str) -> str:
    written = text.strip()
    if _PRICE.fullmatch(written) is None or not SMALLEST <= Decimal(written) <= LARGEST:
        raise InvalidValue("--price", text, "a number above 0 and up to 1e15, written like 90000.5")
    return written


def _words(option: str, text: str) -> str:
    written = text.strip()
    if not 1 <= len(written) <= WORDS_MAX or has_surrogate(written):
        raise InvalidValue(option, text, f"1 to {WORDS_MAX} characters in UTF-8")
    return written


def _message(given: dict[str, str], settings: Settings) -> IncomingMessage:
    """Return the message; raises WrongUsage, before any store is touched, if it would be refused."""
    fields = {
        **given,
        "timestamp": datetime.now(UTC).isoformat(),
    }  # the same command again is a new message
    message = from_fields(BOOK_CLOSE, None, fields, origin=Origin.LIVE, max_bytes=settings.max_message_bytes)
    translation = WireTranslator().translate(message)
    if isinstance(translation, Unusable):
        raise WrongUsage(str(translation.refusal))
    return message


def _closed(ledger: ExitLedger, outcome: MessageResult) -> PositionClosed | None:
    """Return the end of the position that the message ended."""
    if outcome.disposition is not Disposition.ACCEPTED:
        return None
    events = [record.event for record in ledger.history(outcome.touched[0])]
    return next(event for event in reversed(events) if isinstance(event, PositionClosed))
