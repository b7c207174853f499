"""Build an IncomingMessage from stream fields: every value as storable text, within the size cap."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import EntryId, Origin, changed
from exitbrain.infrastructure.wire.first_part import first_part, in_pairs, size_of
from exitbrain.infrastructure.wire.json_text import JsonNumber, encode
from exitbrain.infrastructure.wire.scalars import has_surrogate, shown

# Fields from Redis or from a file; a union, because Mapping is not covariant in its keys.
StreamFields = Mapping[str, object] | Mapping[bytes, object] | Mapping[str | bytes, object]

DEFAULT_PREFIX = "quantum"
"""The default prefix of stream names, also in recorded files."""

STREAM_ID_END = 2**64
STREAM_ID_ALLOWED = "milliseconds-sequence, each from 0 to 2^64 - 1"

_STREAM_ID = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")


class Occurrences:
    """Number entries that have equal content and no id, in order of arrival.

    Memory grows by one 16-byte digest for each distinct content, so use one instance per file.
    """

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def next(self, content: bytes) -> int:
        """Return the number of this occurrence of a content (a digest), from 1."""
        self._counts[content[:16]] = count = self._counts.get(content[:16], 0) + 1
        return count


def from_fields(
    stream: str,
    stream_id: str | None,
    fields: StreamFields,
    *,
    origin: Origin,
    max_bytes: int,
    occurrence: int | Occurrences = 1,
    source: str | None = None,
    server: str | None = None,
) -> IncomingMessage:
    """Build the message of one stream entry.

    The entry id is the stream id, else the SHA-256 of stream, fields and `occurrence`. A malformed stream id,
    or fields above `max_bytes` (names and values, see `size_of`), make a broken message, not an error.
    `source` is the logical stream, by default the stream name without the default prefix; `server` is the
    server that gave the stream id.
    """
    raw = raw_fields(fields)
    entry, broken = _stream_id(stream_id)
    entry_id = str(entry) if entry is not None else _content_id(stream, raw, occurrence)
    # This bound is never below the size in bytes, so nearly every message passes without an exact count.
    if _size("".join([*raw.values, *raw.values.values()])) + 2 * len(raw.values) > max_bytes:
        size = size_of(_parts(fields))
        if size > max_bytes:
            broken = broken or _too_large(size, max_bytes)
            raw = _cut(first_part(_parts(fields), max_bytes), size, raw.encoded)
    source = logical_source(stream) if source is None else source
    return IncomingMessage(
        source=source,
        stream=stream,
        entry_id=entry_id,
        stream_id=entry,
        fields=raw,
        origin=origin,
        broken=broken,
        server=server,
    )


def from_first_part(
    stream: str,
    stream_id: str,
    size: int,
    parts: Sequence[bytes],
    *,
    max_bytes: int,
    source: str,
    server: str | None,
) -> IncomingMessage:
    """Build the live message of an entry above `max_bytes` from its first part.

    `parts` alternates names and values; `size` is the size of the whole entry.
    """
    entry, broken = _stream_id(stream_id)
    raw = _cut(parts, size, {})
    entry_id = str(entry) if entry is not None else _content_id(stream, raw, 1)
    broken = broken or _too_large(size, max_bytes)
    return IncomingMessage(
        source=source,
        stream=stream,
        entry_id=entry_id,
        stream_id=entry,
        fields=raw,
        origin=Origin.LIVE,
        broken=broken,
        server=server,
    )


def logical_source(stream: str, prefix: str = DEFAULT_PREFIX) -> str:
    """Return the logical stream: the stream name without its prefix."""
    return stream.removeprefix(f"{prefix}:stream:")


def raw_fields(fields: StreamFields) -> RawFields:
    """Return fields with every value as storable text, recording which values are encoded."""
    values: dict[str, str] = {}
    encoded: dict[str, str] = {}
    for key, value in fields.items():
        name = key if isinstance(key, str) else key.decode("utf-8", "backslashreplace")
        name = name.encode("utf-8", "backslashreplace").decode() if has_surrogate(name) else name
        if type(value) is str and value.isascii():  # nearly every value
            values[name] = value
            continue
        values[name], encoding = _as_text(value)
        if encoding is not None:
            encoded[name] = encoding
    return RawFields(values, encoded)


def _as_text(value: object) -> tuple[str, str | None]:
    if isinstance(value, bytes):
        try:
            return value.decode(), None
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii"), "base64"
    if isinstance(value, str) and not isinstance(value, JsonNumber) and not has_surrogate(value):
        return value, None
    return encode(value), "json"


def _stream_id(text: str | None) -> tuple[EntryId | None, Refusal | None]:
    if text is None:
        return None, None
    match = _STREAM_ID.fullmatch(text)
    if match is not None:
        entry = EntryId(int(match[1]), int(match[2]))
        if max(entry.ms, entry.seq) < STREAM_ID_END:
            return entry, None
    return None, Refusal(Reason.NOT_DECODABLE, "stream_id", shown(text), STREAM_ID_ALLOWED)


def _too_large(size: int, max_bytes: int) -> Refusal:
    allowed = f"at most {max_bytes} bytes of names and values"
    return Refusal(Reason.TOO_LARGE, "message", f"{size} bytes", allowed)


def _parts(fields: StreamFields) -> Iterator[bytes]:
    """Yield alternating names and values as bytes."""
    for name, value in fields.items():
        yield name if isinstance(name, bytes) else name.encode("utf-8", "backslashreplace")
        yield value if isinstance(value, bytes) else _as_text(value)[0].encode()


def _cut(parts: Sequence[bytes], size: int, encoded: Mapping[str, str]) -> RawFields:
    """Return the fields of a first part; `encoded` names the fields of the whole that are JSON."""
    kept = raw_fields(in_pairs(parts))
    for name in kept.values:
        if encoded.get(name) == "json":
            kept.encoded[name] = "json"
    return changed(kept, length=size)


def _content_id(stream: str, raw: RawFields, occurrence: int | Occurrences) -> str:
    content = sha256(json.dumps(stream).encode() + _canonical(raw))
    number = occurrence if isinstance(occurrence, int) else occurrence.next(content.digest())
    content.update(str(number).encode())
    return content.hexdigest()


def _canonical(raw: RawFields) -> bytes:
    """Return the fields in a form that does not depend on their order."""
    return json.dumps([raw.values, raw.encoded], sort_keys=True, separators=(",", ":")).encode()


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
