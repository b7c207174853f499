"""IncomingMessage from the fields of a stream entry: every value as storable text, within the size cap."""

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

# One type for what Redis gives and what a file gives: a Mapping is not covariant in its keys.
StreamFields = Mapping[str, object] | Mapping[bytes, object] | Mapping[str | bytes, object]

DEFAULT_PREFIX = "quantum"
"""What names of streams begin with, unless a setting says otherwise; also in recorded files."""

STREAM_ID_END = 2**64
STREAM_ID_ALLOWED = "milliseconds-sequence, each from 0 to 2^64 - 1"

_STREAM_ID = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")


class Occurrences:
    """Number equal contents that have no id of their own, in the order they come.

    Memory grows by one 16-byte digest for each distinct content, so it lasts for one file.
    """

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def next(self, content: bytes) -> int:
        """Return which occurrence of this content (a digest) it is; the first is 1."""
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

    Its entry id is the stream id, else the SHA-256 of stream, fields and `occurrence`. A malformed stream id
    and fields above `max_bytes` (names and values, see `size_of`) make a broken message, not an error. `source` is the
    logical stream, the name without the default prefix where it is not given; `server` gave the stream id.
    """
    raw = raw_fields(fields)
    entry, broken = _stream_id(stream_id)
    entry_id = str(entry) if entry is not None else _content_id(stream, raw, occurrence)
    # As text they are never smaller than as bytes, so nearly all need no closer look.
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
    """Build the live message of an entry above `max_bytes`, of which only the first part was read.

    `parts` are names and values in turn, `size` is that of the whole.
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
    """Return the logical stream of a name: what stands behind the prefix of streams."""
    return stream.removeprefix(f"{prefix}:stream:")


def raw_fields(fields: StreamFields) -> RawFields:
    """Return fields with every value as text that can be stored, saying what stands for something else."""
    values: dict[str, str] = {}
    encoded: dict[str, str] = {}
    for key, value in fields.items():
        name = key if isinstance(key, str) else key.decode("utf-8", "backslashreplace")
        name = name.encode("utf-8", "backslashreplace").decode() if has_surrogate(name) else name
        if type(value) is str and value.isascii():  # nearly all are
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
    """Yield names and values in turn, as bytes."""
    for name, value in fields.items():
        yield name if isinstance(name, bytes) else name.encode("utf-8", "backslashreplace")
        yield value if isinstance(value, bytes) else _as_text(value)[0].encode()


def _cut(parts: Sequence[bytes], size: int, encoded: Mapping[str, str]) -> RawFields:
    """Return the fields of a first part; `encoded` says which values of the whole are JSON."""
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
