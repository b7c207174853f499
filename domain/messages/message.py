"""Messages: the raw form from the wire, and the translated, checked form that decisions use."""

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
    """A message as received, not yet checked.

    `stream` is its physical stream name, `source` the logical stream, `entry_id` its id as text, `stream_id`
    that id as time and sequence if it is one. `server` is the server that gave the id: only ids from the same
    server can be compared. `broken` says why the fields could not even be read (a line that is not JSON).
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
    """The time given in a message; every field is None if it gives none.

    `clock` identifies the clock by who wrote the time, where in the message, and in which form (such as ISO
    8601 with an offset). Times with equal `clock` can be compared. `otherwise` is the second time, if the
    message gives two.
    """

    at: datetime | None
    origin: TimeOrigin | None
    clock: str | None = None
    otherwise: "MessageTime | None" = None


NO_TIME = MessageTime(None, None)


class TradeIntent(Struct, frozen=True):
    """A signal to open, reduce or close a position, or nothing (HOLD; FLAT unless a setting says otherwise).

    None means that the message did not say. `side` is the side of the order; `holds` is the side of the
    position, if the message names it (LONG or SHORT): for an exit, the side to reduce. `in_units` says that
    the quantity was given, not computed from an amount of money. `remaining` is what an exit leaves open, if
    given; `partial` says that something remains. `order_id`, `atr_value` and `regime` are passed through.
    `ids` holds its `trace_id`, `event_id` and `correlation_id`. `spot` says that the symbol has a spot
    spelling, `paper` that the message is marked as paper trading. `unusable` names the given fields that
    could not be used; each is an assumption too.
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
        """Return whether it asks to close a position or part of it."""
        return self.kind is not IntentKind.OPEN and self.kind is not IntentKind.NOTHING


class TradeClosed(Struct, frozen=True):
    """A report that a position or part of it was closed; `pnl_percent` is the price return in percent.

    `side` is the field `side`, which may mean the order or the position; `says_side` is the same, only if
    written as LONG or SHORT; `holds` is the side of the position if another field names it. `entry_price` is
    the price of the position, `quantity` the closed units. `remaining`, `partial`, `paper`, `spot` and
    `unusable` are as in TradeIntent. `order_id` is empty if the message has none.
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
    """An operator's statement that a position has ended, with the price if known, reason and author."""

    account: str | None
    symbol: str
    price: Decimal | None
    why: str
    by: str
    time: MessageTime
    assumptions: tuple[Assumption, ...] = ()


class ActivatePolicy(Struct, frozen=True):
    """A request to put a policy, given in full, in force for a scope, with the reason and the author."""

    policy: Policy
    scope: str
    why: str
    by: str
    time: MessageTime
    assumptions: tuple[Assumption, ...] = ()


class Unusable(Struct, frozen=True):
    """A message that cannot be used, with the refusal and the time it gave, if any.

    `is_exit` says that it asked for or reported an exit; `account` and `symbol` are set as far as they could
    be read.
    """

    refusal: Refusal
    time: MessageTime
    is_exit: bool = False
    account: str | None = None
    symbol: str = ""


class ForeignStream(Struct, frozen=True):
    """A message from a stream that ExitBrain does not handle."""

    time: MessageTime


Translation = TradeIntent | TradeClosed | BookClose | ActivatePolicy | Unusable | ForeignStream
