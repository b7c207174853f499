"""IncomingMessage from fields: names, ids, raw text, and the size cap."""

from base64 import b64encode
from hashlib import sha256

import pytest

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import RawFields, Reason
from exitbrain.domain.values import EntryId, Origin
from exitbrain.infrastructure.wire.incoming import Occurrences, from_fields


def incoming(
    fields: dict[str | bytes, object],
    stream_id: str | None = None,
    stream: str = "quantum:stream:trade.intent",
    max_bytes: int = 65536,
    occurrence: int | Occurrences = 1,
) -> IncomingMessage:
    """Build a message of the live stream."""
    return from_fields(
        stream, stream_id, fields, origin=Origin.LIVE, max_bytes=max_bytes, occurrence=occurrence
    )


def test_the_source_is_the_stream_without_its_prefix() -> None:
    assert incoming({}).source == "trade.intent"
    assert incoming({}).stream == "quantum:stream:trade.intent"
    assert incoming({}, stream="trade.closed").source == "trade.closed"


@pytest.mark.parametrize(
    ("text", "entry"),
    [("1766550734062-1", EntryId(1766550734062, 1)), (f"{2**64 - 1}-0", EntryId(2**64 - 1, 0))],
)
def test_a_stream_id_is_the_entry_id(text: str, entry: EntryId) -> None:
    message = incoming({}, text)
    assert (message.stream_id, message.entry_id, message.broken) == (entry, text, None)


def test_a_stream_id_with_leading_zeros_is_the_same_entry() -> None:
    assert incoming({}, "0005-01").entry_id == "5-1"


@pytest.mark.parametrize(
    "text", ["abc", "", "-1-0", "5", "5-", "1-2-3", f"{2**64}-0", f"1-{2**64}", "١-١", "1-1\n"]
)
def test_a_malformed_stream_id_breaks_the_message_and_its_content_names_it(text: str) -> None:
    message = incoming({"a": "b"}, text)
    assert message.broken is not None
    assert (message.broken.reason, message.broken.field) == (Reason.NOT_DECODABLE, "stream_id")
    assert message.broken.value == text
    assert (message.stream_id, message.entry_id) == (None, incoming({"a": "b"}).entry_id)


def test_the_entry_id_without_stream_id_is_a_sha256_of_stream_content_and_occurrence() -> None:
    ids = {
        incoming({"a": "1", "b": "2"}).entry_id,
        incoming({"b": "2", "a": "1"}).entry_id,
        incoming({b"a": b"1", "b": "2"}).entry_id,
    }
    assert len(ids) == 1
    ids.add(incoming({"a": "1", "b": "3"}).entry_id)
    ids.add(incoming({"a": "1", "b": 2}).entry_id)
    ids.add(incoming({"a": "1b", "": "2"}).entry_id)
    ids.add(incoming({"a": "1", "b": "2"}, stream="other").entry_id)
    ids.add(incoming({"a": "1", "b": "2"}, occurrence=2).entry_id)
    assert len(ids) == 6
    assert all(len(entry_id) == 64 and int(entry_id, 16) for entry_id in ids)


def test_the_entry_id_of_a_content_never_changes() -> None:
    # Stored receipts are found again by this id: changing how it is made would take every import twice.
    content = '"quantum:stream:trade.intent"[{"qty":"0.5","symbol":"A"},{"qty":"json"}]1'
    expected = sha256(content.encode()).hexdigest()
    assert incoming({"symbol": "A", "qty": 0.5}).entry_id == expected


def test_occurrences_number_equal_contents() -> None:
    seen = Occurrences()
    first, again, other = (incoming({"a": text}, occurrence=seen) for text in ("1", "1", "2"))
    assert first.entry_id == incoming({"a": "1"}).entry_id
    assert again.entry_id == incoming({"a": "1"}, occurrence=2).entry_id
    assert other.entry_id == incoming({"a": "2"}).entry_id


def test_an_occurrence_is_not_used_up_by_an_entry_with_a_stream_id() -> None:
    seen = Occurrences()
    incoming({"a": "1"}, "1-1", occurrence=seen)
    assert incoming({"a": "1"}, occurrence=seen).entry_id == incoming({"a": "1"}).entry_id


@pytest.mark.parametrize(
    ("value", "text", "encoding"),
    [
        ("text", "text", None),
        (b"text", "text", None),
        ("币安", "币安", None),
        (b"\xff\x00", "/wA=", "base64"),
        ("\ud800", '"\\ud800"', "json"),
        (0.1, "0.1", "json"),
        (1e22, "1e+22", "json"),
        (float("nan"), "NaN", "json"),
        (5, "5", "json"),
        (True, "true", "json"),
        (None, "null", "json"),
        ({"a": [1.50, "x", None]}, '{"a":[1.5,"x",null]}', "json"),
    ],
)
def test_every_value_becomes_text_that_can_be_stored(value: object, text: str, encoding: str | None) -> None:
    fields = incoming({"field": value}).fields
    assert fields == RawFields({"field": text}, {} if encoding is None else {"field": encoding})
    assert fields.values["field"].encode()


def test_a_field_name_that_is_not_utf8_is_written_out() -> None:
    assert list(incoming({b"\xff": "1", "\ud800": "2"}).fields.values) == ["\\xff", "\\ud800"]


def test_a_message_at_the_cap_is_whole_and_one_byte_more_is_cut() -> None:
    assert incoming({"ab": "x" * 98}, max_bytes=100).broken is None
    message = incoming({"ab": "x" * 99}, "1-1", max_bytes=100)
    assert message.broken is not None
    assert message.broken.reason is Reason.TOO_LARGE
    assert (message.fields.values, message.fields.length) == ({"ab": "x" * 98}, 101)


def test_the_cap_counts_utf8_bytes_and_cuts_between_characters() -> None:
    assert incoming({"a": "é" * 49 + "x"}, max_bytes=100).broken is None
    assert incoming({"a": "é" * 50, "b": "x"}, max_bytes=100).fields.values == {"a": "é" * 49}


def test_only_the_first_part_of_a_message_above_the_cap_is_kept_and_its_length() -> None:
    long = incoming({"a": "x" * 60, "b": "y" * 60, "c": "z"}, max_bytes=100)
    other = incoming({"a": "x" * 60, "b": "y" * 60, "c": "!"}, max_bytes=100)
    assert long.fields.values == other.fields.values == {"a": "x" * 60, "b": "y" * 38}
    assert long.fields.length == 124
    assert long.entry_id != other.entry_id


def test_of_a_message_above_a_large_cap_no_more_than_four_kibibytes_are_kept() -> None:
    message = incoming({"a": "x" * 70_000}, max_bytes=65_536)
    assert (message.fields.values, message.fields.length) == ({"a": "x" * 4095}, 70_001)


def test_what_is_empty_counts_as_a_byte() -> None:
    fields: dict[str | bytes, object] = {"a": "", "b": "", "c": ""}
    assert incoming(fields, max_bytes=6).broken is None
    assert incoming(fields, max_bytes=5).fields == RawFields({"a": "", "b": "", "c": ""}, {}, 6)


def test_bytes_count_as_they_came_not_as_the_text_that_stands_for_them() -> None:
    assert incoming({b"\xff": b"\xff" * 99}, max_bytes=100).broken is None
    cut = incoming({"a": b"\xff" * 100}, max_bytes=100).fields
    assert cut == RawFields({"a": b64encode(b"\xff" * 99).decode()}, {"a": "base64"}, 101)


def test_a_field_name_above_the_cap_is_cut_too() -> None:
    assert incoming({"n" * 200: "x"}, max_bytes=100).fields.values == {"n" * 100: ""}
