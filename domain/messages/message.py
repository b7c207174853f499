"""What a message says, in our language: the translated, trusted form of what came over the wire."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from exitbrain.domain.messages.receipt import RawFields, Refusal
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Assumption, EntryId, Origin, Side, TimeOrigin

TRADE_INTENT = "trade.intent"
TRADE_CLOSED = "trade.closed"
BOOK_CLOSE = "book.close"
POLICY_ACTIVATE = "policy.activate"


class IncomingMessage(Struct, frozen=True):
    """A message as it reached us, untrusted.

    `stream` is the name it came under, `source` the logical stream, `entry_id` the text id under which it is
    received, `stream_id` that id as time and sequence where it is one. `server` says which server gave that id: only
    ids of one server are in one order. `broken` says why the fields could not even be read (a line that is not JSON).
    """

    source: str
    stream: str
    entry_id: str
    stream_id: EntryId | None
    fields: RawFields
    origin: Origin
    broken: Refusal | None = None
    server: str | None = None


class IntentKind(StrEnum):
    """What an intent asks for."""

    OPEN = "OPEN"
    REDUCE = "REDUCE"
    CLOSE = "CLOSE"
    FLAT = "FLAT"
    NOTHING = "NOTHING"


class MessageTime(Struct, frozen=True):
    """The time a message gives itself; None in all where it gives none.

    `clock` tells times that may be compared: who wrote it, where in the message, and in which form (say ISO 8601 with
    an offset). Two times with equal clocks are of one clock. `otherwise` is the next time that it gives, where it gives
    two.
    """

    at: datetime | None
    origin: TimeOrigin | None
    clock: str | None = None
    otherwise: "MessageTime | None" = None


NO_TIME = MessageTime(None, None)


class TradeIntent(Struct, frozen=True):
    """What a signal wants: open, reduce or close a position, or nothing (HOLD; FLAT, unless a setting says otherwise).

    None stands for what the message did not say. `side` is that of the order; `holds` is the side of the position that
    is meant, where the message names it (LONG or SHORT), which for an exit is the side to be reduced. `in_units` says
    that the quantity was given, not computed from an amount of money. `remaining` is what an exit leaves open, where it
    says so; `partial` that something remains. `order_id`, `atr_value` and `regime` travel along. `ids` are the `trace_id`,
    `event_id` and `correlation_id` it has. `spot` says that the symbol was spelled as on a spot market, `paper` that the
    message is marked as paper trading. `unusable` names the fields that were given and could not be used; each is an
    assumption too.
    """

    kind: IntentKind
    account: str | None
    symbol: str
    side: Side | None
    entry_price: Decimal | None
    quantity: Decimal | None
    leverage: float | None
    volatility: float | None
    funding: float | None
    divergence: float | None
    confidence: float | None
    order_id: str
    atr_value: float | None
    regime: str | None
    time: MessageTime
    ids: dict[str, str]
    assumptions: tuple[Assumption, ...] = ()
    in_units: bool = False
    holds: Side | None = None
    remaining: Decimal | None = None
    partial: bool = False
    paper: bool = False
    spot: bool = False
    unusable: tuple[str, ...] = ()

    @property
    def is_exit(self) -> bool:
        """Return whether it asks for an end, or for a part of one."""
        return self.kind is not IntentKind.OPEN and self.kind is not IntentKind.NOTHING


class TradeClosed(Struct, frozen=True):
    """A report that a position was closed, or a part of it; `pnl_percent` is the price return in percent.

    `side` is what `side` says, in whichever sense; `says_side` the same where it says so by LONG or SHORT, and `holds`
    where a field of its own names the side of the position. `entry_price` is that of the position, `quantity` what was
    closed, in units. `remaining`, `partial`, `paper`, `spot` and `unusable` are as in TradeIntent. `order_id` is empty
    where the message has none.
    """

    account: str | None
    symbol: str
    side: Side | None
    exit_price: Decimal | None
    pnl_percent: Decimal | None
    pnl_usd: Decimal | None
    order_id: str
    reason: str
    time: MessageTime
    ids: dict[str, str]
    assumptions: tuple[Assumption, ...] = ()
    says_side: Side | None = None
    holds: Side | None = None
    entry_price: Decimal | None = None
    quantity: Decimal | None = None
    remaining: Decimal | None = None
    partial: bool = False
    trade_id: str = ""
    paper: bool = False
    spot: bool = False
    unusable: tuple[str, ...] = ()


class BookClose(Struct, frozen=True):
    """An operator's word that a position has ended, with the price where it is known, why, and who says so."""

    account: str | None
    symbol: str
    price: Decimal | None
    why: str
    by: str
    time: MessageTime
    assumptions: tuple[Assumption, ...] = ()


class ActivatePolicy(Struct, frozen=True):
    """Somebody's word that a policy, given in full, shall be in force for a scope, why, and who says so."""

    policy: Policy
    scope: str
    why: str
    by: str
    time: MessageTime
    assumptions: tuple[Assumption, ...] = ()


class Unusable(Struct, frozen=True):
    """A message that cannot be used, with the refusal and whatever time it gave.

    `is_exit` says that it asked for an exit or reported one; `account` and `symbol` are what could be read of it.
    """

    refusal: Refusal
    time: MessageTime
    is_exit: bool = False
    account: str | None = None
    symbol: str = ""


class ForeignStream(Struct, frozen=True):
    """A message of a stream that is not ours."""

    time: MessageTime


Translation = TradeIntent | TradeClosed | BookClose | ActivatePolicy | Unusable | ForeignStream
