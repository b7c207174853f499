"""Recorded messages from a file: one JSON object `{"stream", "stream_id", "fields"}` on each line."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from exitbrain.domain.messages import IncomingMessage
from exitbrain.domain.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import DEFAULT_PREFIX, Occurrences, from_fields, logical_source
from exitbrain.infrastructure.wire.json_text import NotJson, Number, decode_numbers
from exitbrain.infrastructure.wire.scalars import has_surrogate, is_absent, shown

UNKNOWN = "unknown"
"""The stream of a line that does not say from which it comes."""

LINE_ALLOWED = 'a JSON object {"stream": text, "stream_id": text or null, "fields": object}'
STREAM_MAX = 256
ESCAPED_MAX = 8
"""A line may be this many times the cap of a message: escaping makes six bytes of one, other keys add some."""

_GZIP_MAGIC = b"\x1f\x8b"


class InputUnreadable(Exception):
    """A file of messages can not be read; the text is one sentence for the user."""


def open_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, unpacked where it is gzip; "-" is standard input, plain lines.

    Raises InputUnreadable when the file can not be opened, or breaks off.
    """
    try:
        if path == "-":
            yield from _plain_lines(sys.stdin.buffer)
            return
        with Path(path).open("rb") as file:
            packed = file.peek(2)[:2] == _GZIP_MAGIC
            yield from gzip.GzipFile(fileobj=file) if packed else file
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputUnreadable(f"{path} can not be read: {reason}.") from error


def _plain_lines(stream: BinaryIO) -> Iterator[bytes]:
    first = stream.readline()
    if first.startswith(_GZIP_MAGIC):
        raise InputUnreadable("Standard input is packed with gzip; plain lines are expected.")
    yield first
    yield from stream


def read_messages(
    lines: Iterable[bytes], *, max_bytes: int, prefix: str = DEFAULT_PREFIX
) -> Iterator[IncomingMessage]:
    """Yield the message of each line that is not blank; a line that holds none gives a broken message.

    Streams may be named with `prefix` or with the default one. The lines count as one server, told by their first.
    """
    occurrences = Occurrences()
    server = ""
    for line in lines:
        text = line.strip()
        if text and not server:
            server = f"file:{sha256(text).hexdigest()[:16]}"
        if len(text) > ESCAPED_MAX * max_bytes:
            yield _too_long(text, max_bytes, occurrences)
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
    return 0 < len(name) <= STREAM_MAX and not isinstance(name, Number) and not has_surrogate(name)


def _not_decodable(line: bytes, max_bytes: int, occurrences: Occurrences) -> IncomingMessage:
    text = line.decode("utf-8", "backslashreplace")
    whole = from_fields(
        UNKNOWN, None, {"line": line}, origin=Origin.IMPORT, max_bytes=max_bytes, occurrence=occurrences
    )
    return replace(whole, broken=Refusal(Reason.NOT_DECODABLE, "line", shown(text), LINE_ALLOWED))


def _too_long(line: bytes, max_bytes: int, occurrences: Occurrences) -> IncomingMessage:
    """Return the message of a line too long to be decoded: its first part, its length, its SHA-256."""
    digest = sha256(line).hexdigest()
    stand_in = from_fields(
        UNKNOWN, None, {"sha256": digest}, origin=Origin.IMPORT, max_bytes=max_bytes, occurrence=occurrences
    )
    first_part = line[:max_bytes].decode("utf-8", "backslashreplace")
    allowed = f"at most {ESCAPED_MAX * max_bytes} bytes"
    return replace(
        stand_in,
        fields=RawFields({"line": first_part}, {}, len(line), digest),
        broken=Refusal(Reason.TOO_LARGE, "line", f"{len(line)} bytes", allowed),
    )
