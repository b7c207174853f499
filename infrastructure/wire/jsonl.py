"""Read recorded messages from a file with one JSON object `{"stream", "stream_id", "fields"}` per line."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import Origin, changed
from exitbrain.infrastructure.files.decompression import GZIP_MAGIC
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileLimits
from exitbrain.infrastructure.files.lines import LongLine, lines_of
from exitbrain.infrastructure.files.opened import UNREADABLE, open_content, reason_of
from exitbrain.infrastructure.files.texts import other_encoding, without_marks
from exitbrain.infrastructure.wire.first_part import FIRST_PART_BYTES
from exitbrain.infrastructure.wire.incoming import DEFAULT_PREFIX, Occurrences, from_fields, logical_source
from exitbrain.infrastructure.wire.json_text import JsonNumber, NotJson, decode_numbers
from exitbrain.infrastructure.wire.scalars import has_surrogate, is_absent, shown

UNKNOWN = "unknown"
"""The stream of a line that names none."""

_LINE = '{"stream": text, "stream_id": text or null, "fields": object}'
LINE_ALLOWED = f"a JSON object {_LINE}"
STREAM_MAX = 256
ESCAPED_MAX = 8
"""How many times the message cap a line may be: escaping turns one byte into six, and other keys add more."""

LINE_MAX = ESCAPED_MAX * 131_072
"""Largest line in bytes of any file read by lines: ESCAPED_MAX times the largest message cap."""

HEAD_LINES = 20
"""A file of messages must have a JSON object within this many non-blank lines."""

_BEGINNING_SHOWN = 60
_NOT_THIS_WAY = {"[": ", not an array", "{": ", not an object over several lines"}


class InputUnreadable(ExitBrainError):
    """A file of messages cannot be read; the text is one sentence for the user."""


class NoMessages(ExitBrainError):
    """A file holds something other than recorded messages; the text is one sentence for the user."""


def open_messages(path: str, limits: FileLimits = DEFAULT_LIMITS) -> Iterator[bytes]:
    """Like `open_lines`, after checking that one of the first `HEAD_LINES` lines is a JSON object.

    Blank lines do not count; a file with nothing else is valid and has no messages.
    Raises InputUnreadable, or NoMessages if none of these lines is an object.
    """
    lines = open_lines(path, limits)
    head: list[bytes] = []
    for line in lines:
        if not line.strip():
            continue
        head.append(line)
        if _is_object(line):
            return chain(head, lines)
        if len(head) == HEAD_LINES:
            break
    if head:
        raise NoMessages(_why_no_messages("standard input" if path == "-" else path, head))
    return iter(())


def _is_object(line: bytes) -> bool:
    try:
        return line.lstrip().startswith(b"{") and isinstance(decode_numbers(line.decode()), dict)
    except (NotJson, UnicodeDecodeError):
        return False


def _why_no_messages(name: str, head: Sequence[bytes]) -> str:
    encoding = other_encoding(b"".join(head))
    if encoding is not None:
        return f"{name} is {encoding}; save it as UTF-8."
    first = head[0].decode("utf-8", "backslashreplace").strip()
    return (
        f"{name} holds no messages: it begins with {shown(first[:_BEGINNING_SHOWN])!r}, and none of its first "
        f"{HEAD_LINES} lines is a JSON object; expected one JSON object per line{_NOT_THIS_WAY.get(first[:1], '')}, "
        f"{_LINE}."
    )


def open_lines(path: str, limits: FileLimits = DEFAULT_LIMITS) -> Iterator[bytes]:
    """Yield the lines of a plain or gzip file without byte order marks; "-" is standard input, never gzip.

    A line above LINE_MAX bytes is cut and comes as a LongLine. Standard input may be endless. Raises
    InputUnreadable if the file cannot be opened, breaks off, or exceeds the limits.
    """
    try:
        if path == "-":
            yield from map(_without_marks, _plain_lines(sys.stdin.buffer))
            return
        with open_content(Path(path), limits) as content:
            for number, line in enumerate(lines_of(content, LINE_MAX), start=1):
                if number > limits.max_rows:
                    limits.check_rows(number)
                yield _without_marks(line)
    except UNREADABLE as error:
        raise InputUnreadable(f"{path} cannot be read: {reason_of(error)}.") from error


def _plain_lines(stream: BinaryIO) -> Iterator[bytes]:
    for number, line in enumerate(lines_of(stream, LINE_MAX)):
        if number == 0 and line.startswith(GZIP_MAGIC):
            raise InputUnreadable("Standard input is packed with gzip; plain lines are expected.")
        yield line


def _without_marks(line: bytes) -> bytes:
    plain = without_marks(line)
    return LongLine.of(plain, line.length) if isinstance(line, LongLine) else plain


def read_messages(
    lines: Iterable[bytes], *, max_bytes: int, prefix: str = DEFAULT_PREFIX
) -> Iterator[IncomingMessage]:
    """Yield the message of each non-blank line; a line without one gives a broken message.

    Stream names may have `prefix` or the default one. All lines count as one server, identified by the first
    line.
    """
    occurrences = Occurrences()
    server = ""
    for line in lines:
        text = line.strip()
        if text and not server:
            server = f"file:{sha256(text).hexdigest()[:16]}"
        length = line.length if isinstance(line, LongLine) else len(text)
        if length > ESCAPED_MAX * max_bytes:
            yield _too_long(text, length, max_bytes, occurrences)
        elif text:
            yield _message(text, max_bytes, occurrences, prefix, server)


def _message(
    line: bytes, max_bytes: int, occurrences: Occurrences, prefix: str, server: str
) -> IncomingMessage:
    try:
        content = decode_numbers(line.decode())
    except (NotJson, UnicodeDecodeError):
        return _not_decodable(line, max_bytes, occurrences)
    if not isinstance(content, dict):
        return _not_decodable(line, max_bytes, occurrences)
    stream, stream_id, fields = (content.get(key) for key in ("stream", "stream_id", "fields"))
    if not isinstance(stream, str) or not _is_stream(stream) or not isinstance(fields, dict):
        return _not_decodable(line, max_bytes, occurrences)
    return from_fields(
        stream,
        None if is_absent(stream_id) else stream_id if isinstance(stream_id, str) else shown(stream_id),
        fields,
        origin=Origin.IMPORT,
        max_bytes=max_bytes,
        occurrence=occurrences,
        source=logical_source(logical_source(stream), prefix),
        server=server,
    )


def _is_stream(name: str) -> bool:
    return 0 < len(name) <= STREAM_MAX and not isinstance(name, JsonNumber) and not has_surrogate(name)


def _not_decodable(line: bytes, max_bytes: int, occurrences: Occurrences) -> IncomingMessage:
    text = line.decode("utf-8", "backslashreplace")
    whole = from_fields(
        UNKNOWN, None, {"line": line}, origin=Origin.IMPORT, max_bytes=max_bytes, occurrence=occurrences
    )
    encoding = other_encoding(line)
    allowed = LINE_ALLOWED if encoding is None else f"{LINE_ALLOWED} in UTF-8, not in {encoding}"
    return changed(whole, broken=Refusal(Reason.NOT_DECODABLE, "line", shown(text), allowed))


def _too_long(beginning: bytes, length: int, max_bytes: int, occurrences: Occurrences) -> IncomingMessage:
    """Return the message of a line too long to decode or to hold: its first part and its length."""
    kept = {"sha256": sha256(beginning).hexdigest(), "length": str(length)}
    stand_in = from_fields(
        UNKNOWN, None, kept, origin=Origin.IMPORT, max_bytes=max_bytes, occurrence=occurrences
    )
    first_part = beginning[: min(FIRST_PART_BYTES, max_bytes)].decode("utf-8", "backslashreplace")
    allowed = f"at most {ESCAPED_MAX * max_bytes} bytes"
    return changed(
        stand_in,
        fields=RawFields({"line": first_part}, {}, length),
        broken=Refusal(Reason.TOO_LARGE, "line", f"{length} bytes", allowed),
    )
