"""What a message says, in our language: the translated, trusted form of what came over the wire."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from exitbrain.domain.receipt import RawFields, Refusal
from exitbrain.domain.values import Assumption, EntryId, Origin, Side, TimeOrigin

TRADE_INTENT = "trade.intent"
TRADE_CLOSED = "trade.closed"


@dataclass(slots=True)  # not frozen: one is made for every message
class IncomingMessage:
    """A message as it reached us, untrusted.

    `stream` is the name it came under, `source` the logical stream, `entry_id` the text id under which it is
    received, `stream_id` that id as time and sequence where it is one. `broken` says why the fields could not
    even be read (a line that is not JSON).
    """

    source: str
    stream: str
    entry_id: str
    stream_id: EntryId | None
    fields: RawFields
    origin: Origin
    broken: Refusal | None = None


class IntentKind(StrEnum):
    """What an intent asks for."""

    OPEN = "OPEN"
    REDUCE = "REDUCE"
    CLOSE = "CLOSE"
    NOTHING = "NOTHING"


@dataclass(slots=True)  # not frozen: one is made for every message
class MessageTime:
    """The time a message gives itself; None in both where it gives none."""

    at: datetime | None
    origin: TimeOrigin | None


@dataclass(slots=True)  # not frozen: one is made for every message
class TradeIntent:
    """What a signal wants: open, reduce or close a position, or nothing (HOLD, FLAT).

    None stands for what the message did not say. `order_id`, `atr_value` and `regime` travel along. `ids` are the
    `trace_id`, `event_id` and `correlation_id` it has.
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


@dataclass(slots=True)  # not frozen: one is made for every message
class TradeClosed:
    """A report that a position was closed; `pnl_percent` is the price return in percent."""

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


@dataclass(frozen=True, slots=True)
class Unusable:
    """A message that can not be used, with the refusal and whatever time it gave."""

    refusal: Refusal
    time: MessageTime


@dataclass(frozen=True, slots=True)
class ForeignStream:
    """A message of a stream that is not ours."""

    time: MessageTime


Translation = TradeIntent | TradeClosed | Unusable | ForeignStream
