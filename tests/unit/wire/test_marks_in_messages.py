"""Byte order marks in messages: of the payload, of names and of values; and payloads in another encoding."""

import json

import pytest

from exitbrain.domain.messages.message import TRADE_CLOSED, TradeClosed, TradeIntent
from exitbrain.domain.messages.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import Side
from exitbrain.infrastructure.wire.dead_letter import corrected, symbol_in
from tests.unit.wire.made import message, refusal, translated

SAID = {"symbol": "BTCUSDT", "side": "SELL", "leverage": "20", "order_id": "77"}
TEXT = json.dumps(SAID)
MARKED = {f"\ufeff{name}": f"\ufeff{value}" for name, value in SAID.items()}


@pytest.mark.parametrize(
    "fields",
    [
        {"payload": f"\ufeff{TEXT}"},
        {"payload": f"\ufeff {TEXT}\r\n".encode()},
        {"data": f"\ufeff{TEXT}"},
        {"\ufeffpayload": TEXT},
        {"payload": json.dumps(MARKED)},
        {"payload": json.dumps(MARKED, ensure_ascii=False)},
        {"payload": json.dumps(MARKED).replace("feff", "FEFF")},
        {"payload": MARKED},
        MARKED,
        {name.encode(): value.encode() for name, value in MARKED.items()},
        {"payload": json.dumps({**SAID, "order_id": None}), "order_id": "\ufeff77"},
    ],
)
def test_a_byte_order_mark_is_skipped_wherever_a_text_begins(fields: dict[str, object]) -> None:
    intent = translated(fields)

    assert isinstance(intent, TradeIntent)
    assert (intent.symbol, intent.side, intent.leverage, intent.order_id) == (
        "BTCUSDT",
        Side.SHORT,
        20.0,
        "77",
    )


def test_a_close_is_read_without_its_mark() -> None:
    close = translated({"payload": f"\ufeff{TEXT}", "timestamp": "\ufeff1766612429"}, TRADE_CLOSED)

    assert isinstance(close, TradeClosed)
    assert (close.symbol, close.order_id, close.assumptions) == ("BTCUSDT", "77", ())
    assert close.time.at is not None


def test_a_value_that_is_a_mark_alone_is_absent() -> None:
    intent = translated({"symbol": "BTCUSDT", "side": "BUY", "leverage": "\ufeff"})

    assert isinstance(intent, TradeIntent)
    assert intent.leverage is None


def test_the_raw_text_is_kept_with_its_mark() -> None:
    assert message({"payload": f"\ufeff{TEXT}"}).fields.values == {"payload": f"\ufeff{TEXT}"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("wrapper", ["payload", "data"])
def test_a_payload_in_another_encoding_is_refused_by_its_name(encoding: str, wrapper: str) -> None:
    refused = refusal(translated({wrapper: TEXT.encode(encoding)}))

    assert (refused.reason, refused.field) == (Reason.NOT_DECODABLE, wrapper)
    assert refused.allowed == f"text in UTF-8, not in {encoding[:6].upper()}"


@pytest.mark.parametrize("cut", ["/v8Ae", "/v8", "/", "é"])
def test_a_payload_that_is_no_whole_base64_is_not_decodable_and_no_error(cut: str) -> None:
    assert symbol_in(RawFields({"payload": cut}, {"payload": "base64"})) is None


def test_a_payload_in_no_encoding_that_shows_needs_utf8() -> None:
    refused = refusal(translated({"payload": b"\xff{}"}))

    assert refused == Refusal(Reason.NOT_DECODABLE, "payload", "/3t9", "text in UTF-8")


def test_a_correction_goes_into_a_payload_with_a_mark() -> None:
    fields = corrected(RawFields({"payload": f"\ufeff{TEXT}"}, {}), {"leverage": "10"})

    intent = translated(dict(fields.values))
    assert isinstance(intent, TradeIntent)
    assert (intent.symbol, intent.leverage) == ("BTCUSDT", 10.0)
