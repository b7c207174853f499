"""Whatever reaches us over the wire has exactly one translation, the same each time, and never raises."""

import json
from decimal import Decimal
from math import isfinite

from hypothesis import example, given
from hypothesis import strategies as st

from exitbrain.domain.messages.message import (
    BOOK_CLOSE,
    TRADE_CLOSED,
    TRADE_INTENT,
    BookClose,
    ForeignStream,
    IncomingMessage,
    IntentKind,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.jsonl import read_messages
from exitbrain.infrastructure.wire.names import NAMES_READ
from exitbrain.infrastructure.wire.translator import WireTranslator

CAP = 400
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
WORDS = st.sampled_from(
    ["BUY", "sell", "LONG", "CLOSE", "HOLD", "flat", "OPEN_LONG", "tp1", "partial", "paper", "N/A", "ETH/USDT:USDT", "BTCUSDT", "币安USDT", "REDUCE_ONLY", "true", "", " ", "nan", "1e999",
     "0", "-1", "5", "0.5", "1e-15", "1e15", "1766612429", "2025-12-24T04:32:14", "1e-99999999", "9" * 80]
)  # fmt: skip
SCALARS = WORDS | TEXT | st.none() | st.booleans() | st.integers() | st.floats()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
READ = sorted(frozenset().union(*NAMES_READ.values()))
NAMES = st.sampled_from(READ) | TEXT
SAID = st.dictionaries(NAMES, VALUES, max_size=12)
# One step from a usable message, so that most of the search happens beyond the first check.
ALMOST = SAID.map(lambda said: {"symbol": "BTCUSDT", "side": "BUY"} | said)
PAYLOADS = (SAID | ALMOST).map(json.dumps)
RAW_VALUES = VALUES | st.binary(max_size=20) | PAYLOADS
FIELDS = (
    ALMOST
    | st.fixed_dictionaries({"payload": PAYLOADS}, optional={"timestamp": RAW_VALUES, "order_id": RAW_VALUES})
    | st.dictionaries(NAMES | st.sampled_from(["payload", "data"]), RAW_VALUES, max_size=8)
    | st.dictionaries(st.binary(max_size=5), st.binary(max_size=20), max_size=8)
)
SOURCES = st.sampled_from([TRADE_INTENT, TRADE_CLOSED, BOOK_CLOSE, "market.tick"])
IDS = st.none() | TEXT | st.sampled_from(["1-1", f"{2**63}-1", "-1-1"])


def translated(message: IncomingMessage) -> Translation:
    """Translate twice and check what holds for every message."""
    translation = WireTranslator().translate(message)
    assert WireTranslator().translate(message) == translation
    assert isinstance(translation, TradeIntent | TradeClosed | BookClose | Unusable | ForeignStream)
    for name, text in message.fields.values.items():
        assert name.encode() is not None
        assert text.encode() is not None
    time = translation.time
    assert (time.at is None) == (time.origin is None) == (time.clock is None)
    assert time.clock is None or len(time.clock.encode()) < 1000
    if isinstance(translation, Unusable):
        refusal = translation.refusal
        assert refusal.field
        assert refusal.allowed
        assert len(refusal.value.encode()) <= 800
        assert len(refusal.value) <= 200
        assert (
            translation.is_exit
            or message.source in (TRADE_INTENT, "market.tick", "unknown")
            or message.broken
        )
    if isinstance(translation, TradeIntent):
        _check_intent(translation)
    if isinstance(translation, TradeIntent | TradeClosed):
        assert set(translation.unusable) <= {each.field for each in translation.assumptions}
        assert translation.remaining is None or translation.remaining >= 0
        for each in translation.assumptions:
            assert each.value.encode() is not None
    return translation


def _check_intent(intent: TradeIntent) -> None:
    assert 1 <= len(intent.symbol) <= 64
    assert intent.side is not None or intent.kind is not IntentKind.OPEN
    assert intent.leverage is None or 1 <= intent.leverage <= 125
    for amount in (intent.entry_price, intent.quantity):
        assert amount is None or Decimal("1e-15") <= amount <= Decimal("1e15")
    for ratio in (intent.volatility, intent.funding, intent.divergence, intent.atr_value):
        assert ratio is None or abs(ratio) <= 1e15
    assert intent.confidence is None or isfinite(intent.confidence)
    for text in (intent.symbol, intent.account or "", intent.order_id, intent.regime or ""):
        assert text.encode() is not None


@given(SOURCES, IDS, FIELDS)
@example(TRADE_INTENT, None, {"payload": "[" * 100_000})
@example(TRADE_INTENT, None, {"payload": '{"symbol":"A","side":"BUY","price":' + "9" * 5000 + "}"})
@example(TRADE_INTENT, "1-1", {"symbol": "A", "side": "BUY", "price": "1e-15", "position_usd": "1e15"})
def test_any_fields_have_exactly_one_translation(
    source: str, stream_id: str | None, fields: dict[str | bytes, object]
) -> None:
    message = from_fields(source, stream_id, fields, origin=Origin.LIVE, max_bytes=1_000_000)
    translation = translated(message)
    assert isinstance(translation, Unusable) or isinstance(translation, ForeignStream) == (
        source == "market.tick"
    )


@given(FIELDS, st.integers(min_value=0, max_value=60))
def test_what_is_kept_of_a_message_stays_within_its_cap_but_for_how_bytes_are_written(
    fields: dict[str | bytes, object], cap: int
) -> None:
    message = from_fields(TRADE_INTENT, None, fields, origin=Origin.LIVE, max_bytes=cap)
    kept = sum(len(name.encode()) + len(text.encode()) for name, text in message.fields.values.items())
    assert kept <= 4 * cap
    assert message.fields.length is None or message.fields.length > cap
    translated(message)


LINES = (
    st.binary(max_size=60)
    | VALUES.map(json.dumps).map(str.encode)
    | st.fixed_dictionaries(
        {"stream": SOURCES | VALUES, "fields": SAID | VALUES}, optional={"stream_id": IDS | VALUES}
    ).map(lambda line: json.dumps(line).encode())
)


@given(st.lists(LINES, max_size=6))
@example([b"[" * 10_000, b'{"stream":"trade.intent","fields":{"price":' + b"9" * 3000 + b"}}"])
def test_any_line_that_is_not_blank_is_exactly_one_message(lines: list[bytes]) -> None:
    messages = list(read_messages(lines, max_bytes=CAP))
    assert len(messages) == len([line for line in lines if line.strip()])
    assert len(
        {(message.source, message.entry_id) for message in messages if message.stream_id is None}
    ) == len([message for message in messages if message.stream_id is None])
    for message in messages:
        translated(message)
    assert list(read_messages(lines, max_bytes=CAP)) == messages
