"""Each reason to refuse a message, with a message made for it."""

import json
from collections.abc import Mapping

import pytest

from exitbrain.domain.messages.message import TRADE_CLOSED, IncomingMessage
from exitbrain.domain.messages.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.unit.wire.made import refusal, refused_close, refused_intent, translated


@pytest.mark.parametrize("name", ["leverage", "ai_leverage"])
@pytest.mark.parametrize(
    "given",
    [True, False, "nan", "inf", "-Infinity", float("nan"), float("inf"), "1e999", "ten", "1_000", "0x10", "1,5",
     "٣", "1 2", "--1", [1], {"a": 1}, "9" * 65, "1e99999999999999999999"],
)  # fmt: skip
def test_leverage_that_is_no_finite_number_is_refused(name: str, given: object) -> None:
    found = refused_intent(**{name: given})
    assert (found.reason, found.field) == (Reason.BAD_NUMBER, name)
    assert found.value
    assert "number" in found.allowed


@pytest.mark.parametrize("name", ["quantity", "qty", "position_size_usd", "position_usd", "ai_size_usd"])
@pytest.mark.parametrize("side", ["BUY", "long"])
def test_a_size_below_zero_contradicts_a_buy(name: str, side: str) -> None:
    found = refused_intent(**{"side": side, name: -2})
    assert (found.reason, found.field, found.value) == (Reason.BAD_NUMBER, name, "-2")
    assert "above 0" in found.allowed


def test_a_quantity_that_leaves_the_bounds_only_by_division_is_refused() -> None:
    found = refused_intent(price="1e-15", position_size_usd="1e15")
    assert (found.reason, found.field, found.value) == (Reason.BAD_NUMBER, "quantity", "1E+15 / 1E-15")


@pytest.mark.parametrize("given", [0, "0", -1, 0.99, 125.01, 126, -5, "1e15"])
def test_leverage_outside_1_to_125_is_refused(given: object) -> None:
    found = refused_intent(leverage=given)
    expected = Refusal(Reason.LEVERAGE_OUT_OF_RANGE, "leverage", str(given), "a number from 1 to 125")
    assert found == expected


@pytest.mark.parametrize("given", [None, "", "  "])
def test_a_message_without_symbol_is_refused(given: str | None) -> None:
    for found in (refused_intent(symbol=given), refused_close(symbol=given)):
        assert (found.reason, found.field, found.value) == (Reason.NO_SYMBOL, "symbol", "absent")
        assert "1 to 64 characters" in found.allowed


@pytest.mark.parametrize("given", ["None", "null", "nan", "N/A", "unknown", "?", "-", 0, "Undefined"])
def test_a_placeholder_is_no_symbol(given: object) -> None:
    for found in (refused_intent(symbol=given), refused_close(symbol=given)):
        assert (found.reason, found.field, found.value) == (Reason.NO_SYMBOL, "symbol", str(given))


@pytest.mark.parametrize("given", ["X" * 65, "BTC\nUSDT", "BTC\x7f", "\ud800", True, ["BTCUSDT"]])
def test_a_symbol_that_no_venue_could_have_is_refused(given: object) -> None:
    found = refused_intent(symbol=given)
    assert (found.reason, found.field) == (Reason.BAD_VALUE, "symbol")


def test_an_intent_without_side_is_refused() -> None:
    found = refused_intent(side=None)
    assert (found.reason, found.field, found.value) == (Reason.NO_SIDE, "side", "absent")
    assert found.allowed == "BUY, SELL, LONG or SHORT, a word that says exit, HOLD or FLAT"


@pytest.mark.parametrize("name", ["side", "action", "direction", "intent_type"])
@pytest.mark.parametrize("word", ["OPEN", "entry", "Increase", "scale-in", "ADD", "BUY_TO_OPEN"])
def test_an_entry_word_without_a_side_is_refused(name: str, word: str) -> None:
    found = refused_intent(**{"side": None, name: word})
    assert (found.reason, found.field, found.value) == (Reason.NO_SIDE, "side", "absent")


def test_a_side_that_is_only_a_placeholder_is_refused_as_it_was_given() -> None:
    found = refused_intent(side="None", action="-")
    assert (found.reason, found.field, found.value) == (Reason.BAD_VALUE, "side", "None")


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
        ("reduce_only", "maybe"),
        ("reduceOnly", 2),
        ("REDUCE_ONLY", ["true"]),
        ("closePosition", "perhaps"),
        ("close_position", "LONG"),
        ("paper_trade", "maybe"),
        ("dry_run", {"on": True}),
        ("positionSide", "UP"),
        ("position_side", ["LONG"]),
        ("market_position", "up"),
        ("market_position", 0),
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


@pytest.mark.parametrize("name", ["payload", "symbol", "leverage", "side", "reduce_only", "account"])
def test_bytes_that_are_not_utf8_are_refused_where_they_are_read(name: str) -> None:
    found = refusal(translated({"symbol": b"BTCUSDT", "side": b"BUY", name: b"\xff\xfe"}))
    assert (found.reason, found.field, found.value) == (Reason.NOT_DECODABLE, name, "//4=")


def test_bytes_that_are_not_utf8_do_no_harm_where_nobody_reads() -> None:
    fields: Mapping[str, object] = {"payload": b'{"symbol": "A"}', "leverage": b"\xff", "model": b"\xff"}
    assert refusal(translated(fields)).reason is Reason.NO_SIDE


def test_an_account_around_a_payload_that_is_not_utf8_is_refused_but_the_payload_still_tells_the_time() -> (
    None
):
    translation = translated(
        {"payload": '{"timestamp": 1766612429000, "symbol": "A", "side": "BUY"}', "account": b"\xff"}
    )
    assert refusal(translation).field == "account"
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
