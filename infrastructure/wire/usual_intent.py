"""Read a usual intent in one pass: a payload of JSON numbers and words under their primary names.

This is three times as fast as `shapes`, which stays the reference and reads anything unusual or refusable.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import cast

import msgspec

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.message import TRADE_INTENT, IntentKind, TradeIntent
from exitbrain.domain.messages.receipt import RawFields
from exitbrain.domain.values import DECIMAL, LEVERAGE_MAX, LEVERAGE_MIN
from exitbrain.infrastructure.files.texts import MARK, holds_mark
from exitbrain.infrastructure.wire.envelope import IDS
from exitbrain.infrastructure.wire.json_text import NESTING_MAX
from exitbrain.infrastructure.wire.message_time import producer_of, time_of
from exitbrain.infrastructure.wire.names import NAMES_OF_ENTRY
from exitbrain.infrastructure.wire.paper import PAPER_NAMES
from exitbrain.infrastructure.wire.placeholders import is_placeholder
from exitbrain.infrastructure.wire.scalars import (
    CONTEXT_MAX,
    DIGITS_MAX,
    FINITE,
    LARGEST,
    SIDE_OF,
    SMALLEST,
    account_of,
    symbol_of,
)

_ABSENT = msgspec.Raw(b"")


class _Payload(msgspec.Struct, gc=False):
    """The payload of a usual intent; `_Whole` allows only null under the other names that are read."""

    symbol: str
    side: str
    entry_price: msgspec.Raw = _ABSENT
    quantity: msgspec.Raw = _ABSENT
    position_size_usd: msgspec.Raw = _ABSENT
    leverage: msgspec.Raw = _ABSENT
    volatility_factor: msgspec.Raw = _ABSENT
    funding_rate: msgspec.Raw = _ABSENT
    exchange_divergence: msgspec.Raw = _ABSENT
    confidence: msgspec.Raw = _ABSENT
    atr_value: msgspec.Raw = _ABSENT
    regime: str | None = None
    timestamp: str | None = None
    order_id: str | None = None
    account: str | None = None
    trace_id: str | None = None
    event_id: str | None = None
    correlation_id: str | None = None
    source: str | None = None


_READ_HERE = frozenset(field.encode_name for field in msgspec.structs.fields(_Payload))
_Whole = msgspec.defstruct(
    "_Whole",
    [
        (f"other_{number}", None, msgspec.field(default=None, name=name))
        for number, name in enumerate(sorted(NAMES_OF_ENTRY - _READ_HERE))
    ],
    bases=(_Payload,),
    gc=False,
)
_decode = cast("Callable[[str], _Payload]", msgspec.json.Decoder(_Whole).decode)
_IDS = NAMES_OF_ENTRY.intersection(IDS)
_OPEN = IntentKind.OPEN


class _Unusual(ExitBrainError, ValueError):
    """A value that only the shapes can interpret."""


def usual_intent(fields: RawFields) -> TradeIntent | None:
    """Return the opening intent in these fields, None if the shapes must read them."""
    text = fields.values.get("payload")
    if text is None or fields.encoded or text.count("{") + text.count("[") > NESTING_MAX:
        return None
    if holds_mark(text) or not all(map(str.isascii, fields.values)):
        return None
    try:  # the decoder accepts only text that `json_text` accepts, skipped parts included
        return _intent(_decode(text), fields.values)
    except (msgspec.MsgspecError, ValueError, InvalidOperation):
        return None


def _intent(said: _Payload, around: dict[str, str]) -> TradeIntent:
    if not PAPER_NAMES.isdisjoint(around):
        raise _Unusual
    if not _IDS.isdisjoint(around):
        _take_ids(said, around)
    side = SIDE_OF.get(said.side.strip().upper())
    if side is None:
        raise _Unusual
    price, quantity = _amount(said.entry_price), _amount(said.quantity)
    usd = _amount(said.position_size_usd)
    if quantity is None and usd is not None and price is not None:
        quantity = DECIMAL.divide(usd, price)
        if not SMALLEST <= quantity <= LARGEST:
            raise _Unusual
    inside, outside, source = said.timestamp, around.get("timestamp"), around.get("source")
    time, assumptions = time_of(
        None if inside is None else _present(inside),
        None if outside is None else _present(outside),
        producer_of(said.source, None if source is None else _present(source), TRADE_INTENT),
    )
    symbol = symbol_of(said.symbol)
    # Positional: CPython passes more than 15 keywords in a dict, which takes eight times as long.
    return TradeIntent(
        _OPEN,
        None if said.account is None or not _present(said.account) else _account(said.account),
        symbol.name,
        side,
        price,
        quantity,
        _double(said.leverage, LEVERAGE_MIN, LEVERAGE_MAX),
        _double(said.volatility_factor, 0.0, 1e15),
        _double(said.funding_rate, -1e15, 1e15),
        _double(said.exchange_divergence, -1e15, 1e15),
        _double(said.confidence, -FINITE, FINITE),
        "" if said.order_id is None else _id(said.order_id) or "",
        _double(said.atr_value, -1e15, 1e15),
        None if said.regime is None else _context(said.regime),
        time,
        _ids(said.trace_id, said.event_id, said.correlation_id),
        assumptions + symbol.doubts,
        said.quantity is not _ABSENT,
        None,
        None,
        False,
        False,
        symbol.spot,
    )


def _take_ids(said: _Payload, around: dict[str, str]) -> None:
    """Take ids missing from the payload from the fields around it."""
    for name in _IDS:
        if name in around and not _present(getattr(said, name) or ""):
            setattr(said, name, around[name])


def _present(text: str) -> str | None:
    if text.startswith(MARK):
        raise _Unusual
    return None if not text or text.isspace() else text


def _context(text: str) -> str | None:
    if len(text) > CONTEXT_MAX:
        raise _Unusual
    return _present(text)


def _id(text: str) -> str | None:
    """Return an id; a placeholder is unusual, and blank text is simply no id."""
    present = _present(text)
    if present is not None and is_placeholder(text):
        raise _Unusual
    return present


def _account(text: str) -> str:
    name = account_of(text)
    if is_placeholder(name):
        raise _Unusual
    return name


def _ids(trace_id: str | None, event_id: str | None, correlation_id: str | None) -> dict[str, str]:
    ids: dict[str, str] = {}
    if trace_id is not None and _id(trace_id):
        ids["trace_id"] = trace_id
    if event_id is not None and _id(event_id):
        ids["event_id"] = event_id
    if correlation_id is not None and _id(correlation_id):
        ids["correlation_id"] = correlation_id
    return ids


def _double(raw: msgspec.Raw, smallest: float, largest: float) -> float | None:
    if raw is _ABSENT:
        return None
    number = float(raw)  # from bytes; fails for quoted text, true and null
    if len(raw) > DIGITS_MAX or not smallest <= number <= largest:
        raise _Unusual
    return number


def _amount(raw: msgspec.Raw) -> Decimal | None:
    if raw is _ABSENT:
        return None
    number = Decimal(str(raw, "ascii"))
    if len(raw) > DIGITS_MAX or not SMALLEST <= number <= LARGEST:
        raise _Unusual
    return number
