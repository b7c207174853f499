"""Each reason to refuse a message, with a message made for it."""

import json
from collections.abc import Mapping

import pytest

from exitbrain.domain.messages import TRADE_CLOSED, IncomingMessage
from exitbrain.domain.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.unit.wire.made import refusal, refused_close, refused_intent, translated

NUMBERS = (
    "entry_price", "price", "quantity", "qty", "position_size_usd", "position_usd", "ai_size_usd", "leverage",
    "ai_leverage", "volatility_factor", "funding_rate", "exchange_divergence", "confidence", "atr_value",
)  # fmt: skip
ABOVE_ZERO = ("entry_price", "price", "quantity", "qty", "position_size_usd", "position_usd", "ai_size_usd")


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "given",
    [True, False, "nan", "inf", "-Infinity", float("nan"), float("inf"), "1e999", "ten", "1_000", "0x10", "1,5",
     "٣", "1 2", "--1", ".", [1], {"a": 1}, "9" * 65, "1e99999999999999999999"],
)  # fmt: skip
def test_what_is_no_finite_number_is_refused(name: str, given: object) -> None:
    found = refused_intent(**{name: given})
    assert (found.reason, found.field) == (Reason.BAD_NUMBER, name)
    assert found.value
    assert "number" in found.allowed


@pytest.mark.parametrize("name", ABOVE_ZERO)
@pytest.mark.parametrize("given", [0, "-0.0", -1, "1e-16", "1.1e15", "1e-999999"])
def test_prices_and_amounts_that_are_not_above_zero_or_not_of_this_world_are_refused(
    name: str, given: object
) -> None:
    found = refused_intent(**{name: given})
    assert (found.reason, found.field, found.value) == (Reason.BAD_NUMBER, name, str(given))
    assert "1e-15 to 1e15" in found.allowed


@pytest.mark.parametrize("name", ["funding_rate", "exchange_divergence", "atr_value", "volatility_factor"])
def test_a_ratio_too_large_to_compute_with_is_refused(name: str) -> None:
    found = refused_intent(**{name: "1.1e15"})
    assert (found.reason, found.field) == (Reason.BAD_NUMBER, name)
    assert "1e15" in found.allowed


def test_a_negative_volatility_is_refused() -> None:
    found = refused_intent(volatility_factor=-0.1)
    assert (found.reason, found.value) == (Reason.BAD_NUMBER, "-0.1")
    assert "from 0" in found.allowed


def test_a_quantity_that_leaves_the_bounds_only_by_division_is_refused() -> None:
    found = refused_intent(price="1e-15", position_size_usd="1e15")
    assert (found.reason, found.field, found.value) == (Reason.BAD_NUMBER, "quantity", "1E+15 / 1E-15")


def test_an_unusable_number_is_refused_although_a_later_name_has_a_good_one() -> None:
    assert refused_intent(entry_price="soon", price=5).field == "entry_price"


@pytest.mark.parametrize("given", [0, 0.99, 125.01, 126, -5, "1e15"])
def test_leverage_outside_1_to_125_is_refused(given: object) -> None:
    found = refused_intent(leverage=given)
    expected = Refusal(Reason.LEVERAGE_OUT_OF_RANGE, "leverage", str(given), "a number from 1 to 125")
    assert found == expected


@pytest.mark.parametrize("given", [None, "", "  "])
def test_a_message_without_symbol_is_refused(given: str | None) -> None:
    for found in (refused_intent(symbol=given), refused_close(symbol=given)):
        assert (found.reason, found.field, found.value) == (Reason.NO_SYMBOL, "symbol", "absent")
        assert "1 to 64 characters" in found.allowed


@pytest.mark.parametrize("given", ["X" * 65, "BTC\nUSDT", "BTC\x7f", "\ud800", True, ["BTCUSDT"]])
def test_a_symbol_that_no_venue_could_have_is_refused(given: object) -> None:
    found = refused_intent(symbol=given)
    assert (found.reason, found.field) == (Reason.BAD_VALUE, "symbol")


def test_an_intent_without_side_is_refused() -> None:
    found = refused_intent(side=None)
    assert (found.reason, found.field, found.value) == (Reason.NO_SIDE, "side", "absent")
    assert found.allowed == "BUY, SELL, LONG, SHORT, CLOSE, HOLD or FLAT"


@pytest.mark.parametrize(("name", "given"), [("side", "UP"), ("action", 1), ("direction", True)])
def test_a_side_that_is_none_is_refused_under_its_name(name: str, given: object) -> None:
    found = refused_intent(**{"side": None, name: given})
    assert (found.reason, found.field) == (Reason.BAD_VALUE, name)
    assert "BUY" in found.allowed


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("account", "A" * 65),
        ("account", "a\x00b"),
        ("account", "\udfff"),
        ("order_id", "x" * 257),
        ("order_id", "\ud800"),
        ("order_id", True),
        ("regime", {"name": "calm"}),
        ("regime", "r" * 257),
        ("reduce_only", "yes"),
        ("reduceOnly", 1),
        ("REDUCE_ONLY", "0"),
    ],
)
def test_a_text_or_flag_that_can_not_be_used_is_refused(name: str, given: object) -> None:
    found = refused_intent(**{name: given})
    assert (found.reason, found.field) == (Reason.BAD_VALUE, name)


@pytest.mark.parametrize(
    "payload",
    ["{", "not json", "[1]", '"text"', "null", "5", '{"symbol": "A"} x', "[" * 5000, '{"a":' * 65 + "1" + "}" * 65],
)  # fmt: skip
@pytest.mark.parametrize("wrapper", ["payload", "data"])
def test_a_payload_that_is_no_json_object_is_refused(wrapper: str, payload: str) -> None:
    found = refusal(translated({wrapper: payload, "symbol": "BTCUSDT", "side": "BUY"}))
    assert (found.reason, found.field) == (Reason.NOT_DECODABLE, wrapper)
    assert found.value.startswith(payload[:150])
    assert "JSON object" in found.allowed


def test_a_payload_that_nests_as_deep_as_allowed_is_read() -> None:
    deep = "[" * 63 + "]" * 63
    assert refusal(translated({"payload": f'{{"deep": {deep}}}'})).reason is Reason.NO_SYMBOL
    brackets_in_text = json.dumps({"text": '[{"\\' * 500})
    assert refusal(translated({"payload": brackets_in_text})).reason is Reason.NO_SYMBOL


def test_digits_by_the_thousand_are_refused_as_a_number() -> None:
    digits = "9" * 5000
    found = refusal(translated({"payload": f'{{"symbol": "A", "side": "BUY", "leverage": {digits}}}'}))
    assert (found.reason, found.field, len(found.value)) == (Reason.BAD_NUMBER, "leverage", 200)


@pytest.mark.parametrize("name", ["payload", "symbol", "leverage", "timestamp"])
def test_bytes_that_are_not_utf8_are_refused_where_they_are_read(name: str) -> None:
    found = refusal(translated({"symbol": b"BTCUSDT", "side": b"BUY", name: b"\xff\xfe"}))
    assert (found.reason, found.field, found.value) == (Reason.NOT_DECODABLE, name, "//4=")


def test_bytes_that_are_not_utf8_do_no_harm_where_nobody_reads() -> None:
    fields: Mapping[str, object] = {"payload": b'{"symbol": "A"}', "leverage": b"\xff", "model": b"\xff"}
    assert refusal(translated(fields)).reason is Reason.NO_SIDE


def test_an_envelope_that_is_not_utf8_is_refused_but_its_payload_still_tells_the_time() -> None:
    translation = translated(
        {"payload": '{"timestamp": 1766612429000, "symbol": "A", "side": "BUY"}', "order_id": b"\xff"}
    )
    assert refusal(translation).field == "order_id"
    assert translation.time.at is not None


def test_a_damaged_json_field_is_refused() -> None:
    fields = RawFields({"symbol": "{", "side": "BUY"}, {"symbol": "json"})
    message = IncomingMessage("trade.intent", "trade.intent", "1-1", None, fields, Origin.IMPORT)
    assert refusal(WireTranslator().translate(message)).field == "symbol"


def test_a_message_above_the_cap_is_refused() -> None:
    message = from_fields("trade.intent", "1-1", {"payload": "x" * 200}, origin=Origin.LIVE, max_bytes=100)
    found = refusal(WireTranslator().translate(message))
    assert (found.reason, found.value) == (Reason.TOO_LARGE, "207 bytes")
    assert "100 bytes" in found.allowed


@pytest.mark.parametrize("given", ["soon", "1e999", True, "NaN"])
@pytest.mark.parametrize("name", ["exit_price", "pnl_percent", "pnl_usd"])
def test_a_number_of_a_close_that_is_none_is_refused(name: str, given: object) -> None:
    found = refused_close(**{name: given})
    assert (found.reason, found.field) == (Reason.BAD_NUMBER, name)


def test_an_exit_price_of_zero_is_refused() -> None:
    assert refused_close(exit_price=0).field == "exit_price"


def test_a_close_reason_of_a_whole_page_is_refused() -> None:
    assert refused_close(exit_reason="r" * 1025).reason is Reason.BAD_VALUE


def test_a_refusal_shows_at_most_200_storable_characters() -> None:
    found = refused_intent(leverage="\ud800" + "x" * 1000)
    assert len(found.value) == 200
    assert found.value.startswith("\\ud800xxx")
    assert found.value.encode()


def test_a_refused_message_keeps_its_time() -> None:
    translation = translated({"payload": "{", "timestamp": "2026-01-08T00:00:00Z"})
    assert refusal(translation).reason is Reason.NOT_DECODABLE
    assert translation.time.at is not None
    assert translated({"symbol": "", "timestamp": "1766612429"}, TRADE_CLOSED).time.at is not None
