"""Recorded messages of a file: lines that are messages, lines that are not, and files that cannot be read."""

import gzip
import io
import json
from hashlib import sha256
from pathlib import Path

import pytest

from exitbrain.domain.messages.message import IncomingMessage, TradeIntent
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import EntryId, Origin
from exitbrain.infrastructure.wire.jsonl import InputUnreadable, open_lines, read_messages
from exitbrain.infrastructure.wire.translator import WireTranslator

CAP = 1000


def read(*lines: bytes) -> list[IncomingMessage]:
    """Read lines as messages."""
    return list(read_messages(lines, max_bytes=CAP))


def line(**content: object) -> bytes:
    """Return the line of one recorded message."""
    return json.dumps({"stream": "quantum:stream:trade.intent", "fields": {}} | content).encode()


def test_a_line_is_a_message_of_origin_import() -> None:
    (message,) = read(line(stream_id="5-1", fields={"symbol": "A"}, note="ignored", which=[1]))
    assert (message.stream, message.source) == ("quantum:stream:trade.intent", "trade.intent")
    assert (message.entry_id, message.stream_id, message.origin) == ("5-1", EntryId(5, 1), Origin.IMPORT)
    assert (message.fields.values, message.broken) == ({"symbol": "A"}, None)


@pytest.mark.parametrize("missing", [{}, {"stream_id": None}, {"stream_id": ""}])
def test_a_line_without_stream_id_is_known_by_its_content(missing: dict[str, object]) -> None:
    (message,) = read(line(fields={"symbol": "A"}, **missing))
    assert (message.stream_id, len(message.entry_id), message.broken) == (None, 64, None)


@pytest.mark.parametrize("stream_id", ["abc", 5, [1], False])
def test_a_line_with_a_malformed_stream_id_is_broken(stream_id: object) -> None:
    (message,) = read(line(stream_id=stream_id))
    assert message.broken is not None
    assert message.broken.field == "stream_id"


def test_the_same_content_twice_is_two_messages_and_the_same_file_twice_the_same_messages() -> None:
    lines = [line(fields={"a": "1"}), b"{", line(fields={"a": "1"}), b"{", line(fields={"a": "2"})]
    entries = [message.entry_id for message in read(*lines)]
    assert len(set(entries)) == 5
    assert [message.entry_id for message in read(*lines, line(fields={"a": "1"}))][:5] == entries


def test_blank_lines_are_skipped() -> None:
    assert len(read(b"\n", b"  \r\n", line() + b"\n", b"")) == 1


@pytest.mark.parametrize(
    "bad",
    [b"{", b"not json", b"[]", b'"text"', b"5", b"{}", b'{"stream": "a"}', b'{"fields": {}}', b"[" * 5000,
     line(stream=5), line(stream=""), line(stream="\ud800"), line(stream="s" * 257), line(fields="a=b")],
)  # fmt: skip
def test_a_line_that_is_no_message_is_broken_and_keeps_its_text(bad: bytes) -> None:
    (message,) = read(bad + b"\n")
    assert message.broken is not None
    assert (message.source, message.stream, message.stream_id) == ("unknown", "unknown", None)
    assert (message.broken.reason, message.broken.field) == (Reason.NOT_DECODABLE, "line")
    assert message.broken.value[:100] == bad.decode()[:100]
    assert message.fields.values["line"] == bad.decode()[: CAP - 4]


def test_a_line_that_is_not_utf8_is_broken_and_keeps_its_bytes() -> None:
    (message,) = read(b'{"stream": "\xff"}')
    assert message.broken is not None
    assert message.fields.encoded == {"line": "base64"}


def test_a_message_within_the_cap_is_read_although_escaping_makes_its_line_longer() -> None:
    (message,) = read(line(fields={"payload": "\x01" * 900}))
    assert message.broken is None


def test_fields_above_the_cap_break_the_message_of_a_known_stream() -> None:
    (message,) = read(line(fields={"payload": "x" * CAP}))
    assert message.broken is not None
    assert (message.source, message.broken.reason) == ("trade.intent", Reason.TOO_LARGE)


def test_a_line_far_above_the_cap_is_not_decoded_but_cut() -> None:
    long = line(fields={"payload": "x" * 8 * CAP})
    first, again = read(long, long)
    assert first.broken is not None
    assert (first.source, first.broken.reason) == ("unknown", Reason.TOO_LARGE)
    assert first.fields.values == {"line": long[:CAP].decode()}
    assert first.fields.length == len(long)
    assert first.entry_id != again.entry_id


def test_numbers_of_a_file_keep_their_digits() -> None:
    fields = b'{"symbol": "A", "side": "BUY", "price": 0.100000000000000000000001, "n": [1.50, NaN, 1E5, -0]}'
    (message,) = read(b'{"stream": "trade.intent", "fields": ' + fields + b"}")
    assert message.fields.values["n"] == "[1.50,NaN,1E5,-0]"
    translation = WireTranslator().translate(message)
    assert isinstance(translation, TradeIntent)
    assert str(translation.entry_price) == "0.100000000000000000000001"


def test_a_number_of_more_digits_than_python_reads_does_not_spoil_its_line() -> None:
    digits = b"9" * 5000
    content = b'{"stream": "trade.intent", "fields": {"n": ' + digits + b"}}"
    (message,) = read_messages([content], max_bytes=65536)
    assert message.fields.values == {"n": digits.decode()}


def test_a_payload_that_is_an_object_in_the_file_is_read() -> None:
    (message,) = read(line(fields={"payload": {"symbol": "A", "side": "BUY", "leverage": 5}}))
    translation = WireTranslator().translate(message)
    assert isinstance(translation, TradeIntent)
    assert translation.leverage == 5.0


@pytest.mark.parametrize("name", ["messages.jsonl", "messages.without-its-ending"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read_packed_or_not_whatever_its_name(tmp_path: Path, name: str, packed: bool) -> None:
    content = b"one\ntwo"
    (tmp_path / name).write_bytes(gzip.compress(content) if packed else content)
    assert list(open_lines(str(tmp_path / name))) == [b"one\n", b"two"]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert list(open_lines(str(tmp_path / "empty"))) == []


def test_a_file_that_can_not_be_opened_is_one_sentence(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / "missing", "No such file or directory"),
        (tmp_path, "it is a folder; allowed: a regular file"),
    ):
        with pytest.raises(InputUnreadable) as caught:
            list(open_lines(str(path)))
        assert str(caught.value) == f"{path} cannot be read: {why}."


@pytest.mark.parametrize("damage", ["cut", "turned"])
def test_a_packed_file_that_breaks_off_is_one_sentence(tmp_path: Path, damage: str) -> None:
    content = bytearray(gzip.compress(bytes(range(256)) * 50))
    if damage == "cut":
        del content[-20:]
    else:
        content[20:40] = b"\xff" * 20
    (tmp_path / "file.gz").write_bytes(content)
    with pytest.raises(InputUnreadable, match=r"file\.gz cannot be read: .+\."):
        list(open_lines(str(tmp_path / "file.gz")))


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))
    assert list(open_lines("-")) == [b"one\n", b"two\n"]


def test_packed_standard_input_is_refused_instead_of_read_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"one\n"))))
    with pytest.raises(InputUnreadable, match="packed with gzip"):
        list(open_lines("-"))


def test_a_file_counts_as_one_server_told_by_its_first_line_that_is_not_blank() -> None:
    first = line(stream_id="5-1")
    messages = read(b"\n", first + b"\n", line(stream_id="6-1"), line())
    assert {message.server for message in messages} == {f"file:{sha256(first).hexdigest()[:16]}"}
    assert [message.server for message in read(line(stream_id="6-1"))] != [messages[0].server]


@pytest.mark.parametrize("prefix", ["quantum", "desk", "a:b"])
def test_streams_are_named_with_the_prefix_in_force_or_the_usual_one(prefix: str) -> None:
    streams = [
        f"{prefix}:stream:trade.intent",
        "quantum:stream:trade.closed",
        "trade.intent",
        "other:stream:trade.intent",
    ]
    lines = [line(stream=stream) for stream in streams]
    sources = [message.source for message in read_messages(lines, max_bytes=CAP, prefix=prefix)]
    assert sources == ["trade.intent", "trade.closed", "trade.intent", "other:stream:trade.intent"]
