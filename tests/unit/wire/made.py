"""Messages made for a test: a complete intent or close, with what the test says changed."""

import json
from collections.abc import Mapping

from exitbrain.domain.messages.message import (
    TRADE_CLOSED,
    TRADE_INTENT,
    IncomingMessage,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.messages.receipt import Refusal
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.translator import WireTranslator

INTENT: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY"}
CLOSE: dict[str, object] = {"symbol": "BTCUSDT"}


def translated(fields: Mapping[str, object], source: str = TRADE_INTENT) -> Translation:
    """Translate the raw fields of one message."""
    return WireTranslator().translate(message(fields, source))


def message(fields: Mapping[str, object], source: str = TRADE_INTENT) -> IncomingMessage:
    """Build a message of raw fields, as an import without stream id does."""
    return from_fields(f"quantum:stream:{source}", None, fields, origin=Origin.IMPORT, max_bytes=65536)


def intent(**fields: object) -> TradeIntent:
    """Translate an intent whose payload is complete but for `fields`; it must be usable."""
    translation = translated({"payload": json.dumps(INTENT | fields)})
    assert isinstance(translation, TradeIntent)
    return translation


def refused_intent(**fields: object) -> Refusal:
    """Translate an intent like `intent`; it must be refused."""
    return refusal(translated({"payload": json.dumps(INTENT | fields)}))


def close(**fields: object) -> TradeClosed:
    """Translate a close whose payload is complete but for `fields`; it must be usable."""
    translation = translated({"payload": json.dumps(CLOSE | fields)}, TRADE_CLOSED)
    assert isinstance(translation, TradeClosed)
    return translation


def refused_close(**fields: object) -> Refusal:
    """Translate a close like `close`; it must be refused."""
    return refusal(translated({"payload": json.dumps(CLOSE | fields)}, TRADE_CLOSED))


def refusal(translation: Translation) -> Refusal:
    """Return why a message is unusable; it must be."""
    assert isinstance(translation, Unusable), translation
    return translation.refusal
