"""A refused message read back from what was published, and corrected where it is read."""

import json
from typing import Any

import pytest

from exitbrain.application.ports.dead_letters import DeadLetter, UnreadableLetter
from exitbrain.domain.messages.receipt import RawFields, Reason
from exitbrain.infrastructure.wire.dead_letter import corrected, letter_of, symbol_in
from tests.unit.wire.published_world import only, take
from tests.world import World


def test_a_refused_message_is_read_back_as_it_came() -> None:
    world = World()
    take(world, {b"symbol": b"BTCUSDT", b"side": b"UP", b"blob": b"\xff", b"retry_of": b"5-0"})
    letter = letter_of("9-0", only(world, "message_refused").fields)

    assert isinstance(letter, DeadLetter)
    assert (letter.source, letter.entry_id) == ("trade.intent", "1767268801000-0")
    assert letter.fields == RawFields(
        {"symbol": "BTCUSDT", "side": "UP", "blob": "/w==", "retry_of": "5-0"}, {"blob": "base64"}
    )
    assert (letter.refusal.reason, letter.refusal.field) == (Reason.BAD_VALUE, "side")
    assert letter.first_id == "5-0"


@pytest.mark.parametrize(
    "fields", [{}, {"payload": "not JSON"}, {"payload": '{"order": 1}'}, {"payload": "[" * 100_000}]
)
def test_an_entry_that_is_none_of_ours_is_said_to_be_unreadable(fields: dict[str, str]) -> None:
    letter = letter_of("9-0", fields)

    assert isinstance(letter, UnreadableLetter)
    assert letter.id == "9-0"
    assert letter.why


def values(fields: dict[str, str], encoded: dict[str, str] | None = None, **corrections: str) -> Any:
    return corrected(RawFields(fields, encoded or {}), corrections).values


def test_a_correction_goes_where_the_message_is_read_and_leaves_other_digits_alone() -> None:
    payload = '{"leverage": 400, "entry_price": 3000.10, "size": 1e2}'

    corrected_fields = values({"payload": payload, "leverage": "7"}, leverage="20")

    assert corrected_fields == {
        "payload": '{"leverage":"20","entry_price":3000.10,"size":1e2}',
        "leverage": "7",
    }
    assert json.loads(values({"data": '{"side": "UP"}'}, side="BUY")["data"]) == {"side": "BUY"}


def test_a_correction_of_a_flat_message_is_a_field() -> None:
    assert values({"symbol": "X", "side": "UP"}, side="BUY") == {"symbol": "X", "side": "BUY"}


def test_a_payload_that_is_no_json_can_be_replaced_and_corrected_at_once() -> None:
    assert values({"payload": "{"}, payload='{"symbol": "X"}') == {"payload": '{"symbol":"X"}'}
    assert json.loads(values({"payload": "{"}, payload='{"symbol": "X"}', side="BUY")["payload"]) == {
        "symbol": "X",
        "side": "BUY",
    }


def test_a_field_that_was_no_text_is_text_once_corrected() -> None:
    fields = corrected(
        RawFields({"side": "/w==", "blob": "/w=="}, {"side": "base64", "blob": "base64"}), {"side": "BUY"}
    )

    assert fields == RawFields({"side": "BUY", "blob": "/w=="}, {"blob": "base64"})


def test_a_wrapper_of_bytes_is_not_looked_into() -> None:
    assert values({"payload": "/w=="}, {"payload": "base64"}, side="BUY") == {
        "payload": "/w==",
        "side": "BUY",
    }


@pytest.mark.parametrize(
    ("fields", "symbol"),
    [
        ({"payload": '{"symbol": "BTCUSDT"}'}, "BTCUSDT"),
        ({"symbol": "ETHUSDT"}, "ETHUSDT"),
        ({"payload": "{"}, None),
        ({"payload": '{"symbol": ["x"]}'}, None),
        ({"symbol": "X" * 65}, None),
    ],
)
def test_the_symbol_of_a_refused_message_is_shown_where_it_names_one(
    fields: dict[str, str], symbol: str | None
) -> None:
    assert symbol_in(RawFields(fields, {})) == symbol
