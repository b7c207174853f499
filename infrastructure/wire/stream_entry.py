"""Build an IncomingMessage from a live stream entry, even one trimmed before it was read."""

from collections.abc import Mapping, Sequence
from hashlib import sha1
from itertools import chain

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import EntryId, Origin, changed
from exitbrain.infrastructure.wire.incoming import STREAM_ID_END, from_fields, from_first_part, logical_source

Content = bytes | Sequence[bytes | int]
"""Alternating names and values of an entry: joined by NUL if none contains one, else a list.

For an entry above the size cap: a list of its size in bytes and its first part.
"""


def from_entry(
    stream: str,
    entry_id: str,
    fields: Mapping[bytes, object] | Mapping[str, object],
    *,
    max_bytes: int,
    source: str | None = None,
    server: str | None = None,
) -> IncomingMessage:
    """Build the message of an entry. One without fields was trimmed: every entry is added with fields."""
    message = from_fields(
        stream, entry_id, fields, origin=Origin.LIVE, max_bytes=max_bytes, source=source, server=server
    )
    if fields:
        return message
    return changed(message, broken=Refusal(Reason.TRIMMED, "entry", entry_id, "an entry still in the stream"))


def from_content(
    stream: str,
    entry_id: str,
    content: Content,
    *,
    max_bytes: int,
    source: str | None = None,
    server: str | None = None,
) -> tuple[IncomingMessage, str]:
    """Build the message of an entry returned by a Redis script, and the digest of its content."""
    source = logical_source(stream) if source is None else source
    if isinstance(content, bytes):
        message = _plain(source, stream, entry_id, content, max_bytes, server)
        if message is not None:
            return message, _sha1(content)
    size, parts = taken_apart(content)
    if size is None:
        message = _from_parts(parts, source, stream, entry_id, max_bytes, server)
        return message, _sha1(b"\0".join(parts))
    message = from_first_part(
        stream, entry_id, size, parts, max_bytes=max_bytes, source=source, server=server
    )
    return message, _sha1(b"\0".join([b"%d" % size, *parts]))


def taken_apart(content: Content) -> tuple[int | None, list[bytes]]:
    """Return alternating names and values, and the full size if they are only the first part."""
    if isinstance(content, bytes):
        return None, content.split(b"\0")
    parts = [part for part in content if isinstance(part, bytes)]
    size = content[0] if content else None
    return size if isinstance(size, int) else None, parts


def _from_parts(
    parts: Sequence[bytes], source: str, stream: str, entry_id: str, max_bytes: int, server: str | None
) -> IncomingMessage:
    fields = dict(zip(parts[::2], parts[1::2], strict=True))
    return from_entry(stream, entry_id, fields, max_bytes=max_bytes, source=source, server=server)


def _plain(
    source: str, stream: str, entry_id: str, joined: bytes, max_bytes: int, server: str | None
) -> IncomingMessage | None:
    """Build the message of an ordinary entry; None for any other.

    All text is decoded at once. Its size is that of the text: the separators outweigh empty values.
    """
    try:
        parts = joined.decode().split("\0")
    except UnicodeDecodeError:
        return None
    values = dict(zip(parts[::2], parts[1::2], strict=True))
    ms, seq = id_in_numbers(entry_id)
    if len(joined) > max_bytes or 2 * len(values) != len(parts) or max(ms, seq) >= STREAM_ID_END:
        return None
    raw = RawFields(values, {})
    return IncomingMessage(
        source=source,
        stream=stream,
        entry_id=entry_id,
        stream_id=EntryId(ms, seq),
        fields=raw,
        origin=Origin.LIVE,
        broken=None,
        server=server,
    )


def digest_of(fields: Mapping[bytes, bytes] | Mapping[str, str]) -> str:
    """Return the SHA-1 of an entry's names and values in order, as a Redis script computes it."""
    parts = [part if isinstance(part, bytes) else part.encode() for part in chain(*fields.items())]
    return _sha1(b"\0".join(parts))


def _sha1(content: bytes) -> str:
    return sha1(content, usedforsecurity=False).hexdigest()


def id_in_numbers(entry_id: str) -> tuple[int, int]:
    """Return an entry id as milliseconds and sequence, which can be compared."""
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq)
