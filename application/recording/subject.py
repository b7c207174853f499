"""The subject of a message: its account and symbol, and the business keys that make it count only once."""

import json
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from exitbrain.domain.messages.claim import (
    CLOSE_COUNTER,
    CLOSE_ORDER_ID,
    REDUCTION,
    REDUCTION_COUNTER,
    is_counter,
    resent_kind,
)
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import (
    TRADE_CLOSED,
    TRADE_INTENT,
    ActivatePolicy,
    BookClose,
    ForeignStream,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.positions.position import Position

PAPER_SUFFIX = ".paper"
"""The suffix of the account for messages marked as paper trading."""

Key = tuple[str, str]
"""The kind and the value of a business key."""


class Subject(Struct, frozen=True):
    """The account and symbol of a message, and the business keys that hold for any position."""

    account: str
    symbol: str
    keys: tuple[Key, ...] = ()
    is_exit: bool = False


def subject_of(translation: Translation, settings: DecisionSettings) -> Subject | None:
    """Return the subject of a message, or None if it concerns no position."""
    match translation:
        case TradeIntent():
            keys = resent_keys(translation, settings)
            return Subject(account_of(translation, settings), translation.symbol, keys, translation.is_exit)
        case TradeClosed():
            keys = (*close_keys(translation, None), *resent_keys(translation, settings))
            return Subject(account_of(translation, settings), translation.symbol, keys, is_exit=True)
        case BookClose():
            return Subject(translation.account or settings.account, translation.symbol, is_exit=True)
        case Unusable(is_exit=True, symbol=symbol) if symbol:
            return Subject(translation.account or settings.account, symbol, is_exit=True)
        case ActivatePolicy() | Unusable() | ForeignStream():
            return None


def account_said(translation: Translation, settings: DecisionSettings) -> str:
    """Return the account that a message is about; empty if unknown."""
    match translation:
        case TradeIntent() | TradeClosed():
            return account_of(translation, settings)
        case BookClose():
            return translation.account or settings.account
        case Unusable(is_exit=True):
            return translation.account or settings.account
        case ActivatePolicy() | Unusable() | ForeignStream():
            return ""


def symbol_said(translation: Translation) -> str:
    """Return the symbol that a message is about; empty if unknown."""
    return "" if isinstance(translation, ActivatePolicy | ForeignStream) else translation.symbol


def account_of(translation: TradeIntent | TradeClosed, settings: DecisionSettings) -> str:
    """Return the account of a message; paper trading has an account of its own."""
    account = translation.account or settings.account
    return f"{account}{PAPER_SUFFIX}" if translation.paper else account


def resent_keys(translation: TradeIntent | TradeClosed, settings: DecisionSettings) -> tuple[Key, ...]:
    """Return the producer's own key of a message, separate by stream and for entries and exits."""
    field = settings.dedupe_by
    own_id = None if field is None else translation.ids.get(field)
    if field is None or own_id is None:
        return ()
    if isinstance(translation, TradeClosed):
        return ((resent_kind(field, TRADE_CLOSED, is_exit=True), own_id),)
    return ((resent_kind(field, TRADE_INTENT, is_exit=translation.is_exit), own_id),)


def close_keys(closed: TradeClosed, cycle: int | None) -> tuple[Key, ...]:
    """Return the keys of a reported close: as a whole, then as a part if it may be one.

    Order ids that are counters, or from paper trading, are unique only within a cycle: they have keys only
    with a `cycle`, and all other ids only without.
    """
    order_id = closed.order_id
    if not order_id or (closed.paper or is_counter(order_id)) != (cycle is not None):
        return ()
    may_be_part = closed.partial or closed.quantity is not None or closed.remaining is not None
    if cycle is None:
        whole = (CLOSE_ORDER_ID, order_id)
        return (whole, (REDUCTION, _value(*_parts(closed)))) if may_be_part else (whole,)
    whole = (CLOSE_COUNTER, _value(str(cycle), order_id))
    return (whole, (REDUCTION_COUNTER, _value(str(cycle), *_parts(closed)))) if may_be_part else (whole,)


def keys_in(closed: TradeClosed, cycle: int) -> tuple[Key, ...]:
    """Return the keys of a reported close that belongs to this cycle."""
    return close_keys(closed, None) or close_keys(closed, cycle)


def keys_met(translation: Translation, subject: Subject, *cycles: Position | None) -> tuple[Key, ...]:
    """Return all keys of a message, including those for the cycles of these positions."""
    if not isinstance(translation, TradeClosed):
        return subject.keys
    of_cycles = [key for one in cycles if one is not None for key in close_keys(translation, one.cycle)]
    return (*subject.keys, *of_cycles)


def _parts(closed: TradeClosed) -> Iterator[str]:
    yield closed.order_id
    if closed.trade_id:
        yield closed.trade_id
        return
    yield _text(closed.quantity)
    yield _text(closed.exit_price)
    yield "" if closed.time.at is None else closed.time.at.isoformat()


def _text(amount: Decimal | None) -> str:
    return "" if amount is None else format(amount.normalize(), "f")


def _value(*parts: str) -> str:
    return json.dumps(parts, separators=(",", ":"))
