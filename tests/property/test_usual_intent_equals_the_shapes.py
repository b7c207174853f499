"""The quick reading of the usual intent gives what the shapes give, to the digit, or leaves the message to them."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from exitbrain.domain.messages.message import TRADE_INTENT, IncomingMessage
from exitbrain.domain.messages.receipt import RawFields
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.names import NAMES_READ
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.wire.usual_intent import usual_intent

USUAL = {
    "symbol": '"btcusdt"',
    "side": '"BUY"',
    "entry_price": "100.50",
    "position_size_usd": "200.0",
    "leverage": "20",
    "confidence": "0.72",
    "volatility_factor": "1.0843",
    "exchange_divergence": "0.0",
    "regime": '"trending"',
}
NAMES = st.sampled_from(
    [*USUAL, "quantity", "qty", "price", "position_usd", "ai_size_usd", "ai_leverage", "funding_rate", "atr_value",
     "action", "direction", "reduce_only", "reduceOnly", "REDUCE_ONLY", "intent_type", "timestamp", "order_id",
     "account", "trace_id", "event_id", "correlation_id", "stop_loss", "model", "Symbol", "symb\\u006fl", "source",
     "\\ufefforder_id", "\ufeffleverage", *sorted(NAMES_READ[TRADE_INTENT])]
)  # fmt: skip
NUMBERS = st.sampled_from(
    ["0", "-0", "-0.0", "00", "1.", ".5", "+1", "1_0", "1e5", "1E+2", "1e-16", "1e400", "-1", "126", "NaN", "Infinity",
     "1" * 64, "1" * 65, "0." + "1" * 62, "0." + "1" * 63, "1e999999999999999999999", "1e15", "1e-15", "3.0000000001"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["BUY", " sell ", "LONG", "CLOSE", "HOLD", "REDUCE_ONLY", "true", "", "None", "n/a", "0", "flat", "exit_long", "OPEN",
     "ETH/USDT:USDT", "BINANCE:ethusdt", "ETHUSDT_260327", "paper", "BOTH", "MARKET", "  ", "\u2003", "0.5", "1_0", "nan", "币安usdt",
     "ethusdt ", "x" * 64, "x" * 65, "x" * 256, "x" * 257, "\u200b", "2025-12-24T04:32:14.062679", "2025-12-24t04:32z",
     "1766612429", "1999-01-01T00:00:00Z", "a\tb", "a\x7fb", "\ufeffBUY", "\ufeffethusdt", "\ufeff", "\ufeff2025-12-24T04:32:14"]
)  # fmt: skip
STRANGE = st.sampled_from(
    ["null", "true", "{}", "[]", "[" * 63 + "]" * 63, "[" * 65 + "]" * 65, r'"\q"', r'"\ud800"', r'"\u0041"', r'"\ufeff7"', r'"\uFEFFx"', '"\x01"',
     '"', "", '{"symbol":"X"}', '"[{"', "tru", " 5 "]
)  # fmt: skip
VALUES = (
    NUMBERS
    | st.floats().map(json.dumps)
    | st.decimals(allow_nan=False, allow_infinity=False).map(str)
    | STRANGE
)
VALUES |= WORDS.map(lambda word: json.dumps(word, ensure_ascii=False))
SAID = st.lists(st.tuples(NAMES, VALUES), max_size=4)
AROUND = st.dictionaries(
    st.sampled_from(
        [
            "timestamp",
            "order_id",
            "account",
            "trace_id",
            "event_id",
            "correlation_id",
            "data",
            "symbol",
            "source",
            "paper_trade",
            "mode",
            "trade_id",
            "\ufefftrace_id",
        ]
    ),
    WORDS,
    max_size=3,
)
EDIT = st.tuples(
    st.integers(0, 200), st.integers(0, 3), st.text(max_size=2) | st.sampled_from(['"', "\\", ",", "}"])
)


def payload(said: list[tuple[str, str]], edits: list[tuple[int, int, str]]) -> str:
    """Write the usual payload with more said after it, where a name may come twice, and damage its text."""
    pairs = [*USUAL.items(), *said]
    text = "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}"
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]
    return text


def message(text: str, around: dict[str, str]) -> IncomingMessage:
    return IncomingMessage(
        TRADE_INTENT, TRADE_INTENT, "1-1", None, RawFields({"payload": text, **around}, {}), Origin.LIVE
    )


@given(SAID, st.just([]) | st.lists(EDIT, max_size=2), AROUND)
@example([("regime", '"a\x01"')], [], {})
@example([("model", r'"\q"')], [], {})
@example([("model", '"\x01"')], [], {})
@example([("model", r'"\ud800"')], [], {})
@example([("symb\\u006fl", '"ETHUSDT"')], [], {})
@example([("model", "[" * 64 + "]" * 64)], [], {})
@example([("atr_value", "0." + "1" * 63)], [], {})
@example([("entry_price", "100." + "1" * 61)], [], {})
@example([("symbol", '"' + "x" * 65 + '"')], [], {})
@example([("leverage", "126")], [], {})
@example([("leverage", "0.5")], [], {})
@example([("leverage", "null")], [], {})
@example([("confidence", "1e400")], [], {})
@example([("confidence", '"0.5"')], [], {})
@example([("volatility_factor", "-0.1")], [], {})
@example([("side", '"CLOSE"')], [], {})
@example([("action", '"HOLD"')], [], {})
@example([("entry_price", "1e-15"), ("position_size_usd", "1e15")], [], {})
@example([("order_id", '" "')], [], {"order_id": "A1", "trace_id": "x" * 257})
@example([("timestamp", '"soon"')], [], {"timestamp": "2025-12-24T04:32:14"})
@example([("timestamp", '"1766612429"'), ("source", '" "')], [], {"source": "bot"})
@example([("order_id", '"N/A"')], [], {"order_id": "7"})
@example([], [], {"order_id": "\ufeffA1", "source": "\ufeffbot", "timestamp": "1766612429"})
@example([("trace_id", '""')], [], {"trace_id": "unknown"})
@example([("symbol", '"eth/usdt"')], [], {"mode": "paper"})
@example([("symbol", '" BINANCE:ETHUSDT.P "')], [], {})
@example([("symbol", '"None"')], [], {})
@example([("positionSide", '"SHORT"')], [], {})
@example([("type", '"close"')], [], {})
@example([("quantity", "-1")], [], {})
@example([("quantity", "0")], [], {})
def test_the_quick_reading_gives_what_the_shapes_give(
    said: list[tuple[str, str]], edits: list[tuple[int, int, str]], around: dict[str, str]
) -> None:
    translator, received = WireTranslator(), message(payload(said, edits), around)

    # A repr tells -0.0 from 0.0 and 1.50 from 1.5, which are equal.
    assert repr(translator.translate(received)) == repr(translator.translate_by_shapes(received))


def test_the_usual_intent_is_read_quickly() -> None:
    assert usual_intent(
        message(payload([], []), {"timestamp": "2025-12-24T04:32:14Z", "trace_id": "t"}).fields
    )


def test_what_could_be_refused_is_left_to_the_shapes() -> None:
    assert usual_intent(message(payload([("leverage", "126")], []), {}).fields) is None
