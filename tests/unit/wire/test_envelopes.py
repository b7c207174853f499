"""The envelopes a message may come in, and what the fields around a payload may add."""

import json

import pytest

from exitbrain.domain.messages.message import ForeignStream, TradeIntent
from exitbrain.domain.values import Side, TimeOrigin
from tests.unit.wire.made import translated

SAID = {"symbol": "BTCUSDT", "side": "SELL", "price": "100", "qty": "2", "leverage": "5", "regime": "calm"}


@pytest.mark.parametrize(
    "fields",
    [
        {"event_type": "trade.intent", "payload": json.dumps(SAID), "source": "bot", "trace_id": ""},
        {"payload": json.dumps(SAID)},
        {"payload": SAID},
        {"payload": "", "data": json.dumps(SAID)},
        {"payload": None, "data": SAID},
        {"data": json.dumps(SAID)},
        SAID,
        SAID | {"price": 100, "leverage": 5.0, "payload": " "},
        {name: value.encode() for name, value in SAID.items()},
    ],
    ids=["full", "payload", "object", "data", "data object", "data alone", "flat", "flat values", "bytes"],
)
def test_the_same_message_reads_the_same_in_every_envelope(fields: dict[str, object]) -> None:
    assert translated(fields) == translated({"payload": json.dumps(SAID)})


def test_a_payload_wins_over_flat_fields_which_add_nothing_but_time_and_ids() -> None:
    fields = {"payload": json.dumps(SAID), "symbol": "OTHER", "confidence": "0.9", "leverage": "nonsense"}
    around = {"order_id": "7", "account": "desk", "timestamp": "2026-01-08T00:00:00Z"}
    translation = translated(fields | around)
    assert isinstance(translation, TradeIntent)
    assert (translation.symbol, translation.confidence, translation.leverage) == ("BTCUSDT", None, 5.0)
    assert (translation.order_id, translation.account) == ("7", "desk")
    assert translation.time.origin is TimeOrigin.ENVELOPE


def test_the_ids_of_the_payload_win_over_those_around_it() -> None:
    payload = json.dumps(SAID | {"order_id": 1, "account": "inner"})
    translation = translated({"payload": payload, "order_id": "2", "account": "outer"})
    assert isinstance(translation, TradeIntent)
    assert (translation.order_id, translation.account) == ("1", "inner")


def test_a_payload_wins_over_data() -> None:
    translation = translated({"data": "{", "payload": json.dumps(SAID)})
    assert isinstance(translation, TradeIntent)


def test_a_message_of_another_stream_is_foreign_and_still_tells_its_time() -> None:
    translation = translated({"timestamp": "1766612429", "payload": "{"}, "market.tick")
    assert isinstance(translation, ForeignStream)
    assert translation.time.origin is TimeOrigin.ENVELOPE


def test_empty_text_counts_as_absent_in_a_flat_message_too() -> None:
    translation = translated(SAID | {"side": "", "action": "BUY", "leverage": " "})
    assert isinstance(translation, TradeIntent)
    assert (translation.side, translation.leverage) == (Side.LONG, None)


def test_a_number_of_an_import_keeps_its_digits() -> None:
    translation = translated(SAID | {"price": "0.10"})
    assert isinstance(translation, TradeIntent)
    assert str(translation.entry_price) == "0.10"
