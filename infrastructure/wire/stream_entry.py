"""IncomingMessage from a live stream entry, also from one that was trimmed before it could be read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha1
from itertools import chain

from exitbrain.domain.messages import IncomingMessage
from exitbrain.domain.receipt import RawFields, Reason, Refusal
from exitbrain.domain.values import EntryId, Origin
from exitbrain.infrastructure.wire.incoming import STREAM_ID_END, from_fields, logical_source

Content = bytes | Sequence[bytes]
"""Names and values of an entry in turn: joined by a NUL where none is in them, else a list."""


def from_entry(
    stream: str,
    entry_id: str,
    fields: Mapping[bytes, object] | Mapping[str, object],
    *,
    max_bytes: int,
    source: str | None = None,
    server: str | None = None,
) -> IncomingMessage:
    """Build the message of an entry; one without fields was trimmed, for no entry is added without any."""
    message = from_fields(
        stream, entry_id, fields, origin=Origin.LIVE, max_bytes=max_bytes, source=source, server=server
    )
    if fields:
        return message
    return replace(message, broken=Refusal(Reason.TRIMMED, "entry", entry_id, "an entry still in the stream"))


def from_content(
    stream: str,
    entry_id: str,
    content: Content,
    *,
    max_bytes: int,
    source: str | None = None,
    server: str | None = None,
) -> tuple[IncomingMessage, str]:
    """Build the message of an entry as a Redis script gives it, and the digest of what it holds."""
    source = logical_source(stream) if source is None else source
    joined = content if isinstance(content, bytes) else b"\0".join(content)
    digest = sha1(joined, usedforsecurity=False).hexdigest()
    message = (
        _plain(source, stream, entry_id, content, max_bytes, server) if isinstance(content, bytes) else None
    )
    if message is None:
        pairs = joined.split(b"\0") if isinstance(content, bytes) else content
        fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
        message = from_entry(stream, entry_id, fields, max_bytes=max_bytes, source=source, server=server)
    return message, digest


def _plain(
    source: str, stream: str, entry_id: str, joined: bytes, max_bytes: int, server: str | None
) -> IncomingMessage | None:
    """Build the message of an entry with nothing special about it, as nearly all are; None for any other.

    All its text is decoded at once, and its size is that of the text without what separates it.
    """
    try:
        parts = joined.decode().split("\0")
    except UnicodeDecodeError:
        return None
    values = dict(zip(parts[::2], parts[1::2], strict=True))
    ms, seq = id_in_numbers(entry_id)
    size = len(joined) - len(parts) + 1
    if size > max_bytes or 2 * len(values) != len(parts) or max(ms, seq) >= STREAM_ID_END:
        return None
    raw = RawFields(values, {})
    return IncomingMessage(source, stream, entry_id, EntryId(ms, seq), raw, Origin.LIVE, None, server)


def digest_of(fields: Mapping[bytes, bytes] | Mapping[str, str]) -> str:
    """Return the SHA-1 of the names and values of an entry in their order, which a Redis script can compute too."""
    parts = [part if isinstance(part, bytes) else part.encode() for part in chain(*fields.items())]
    return sha1(b"\0".join(parts), usedforsecurity=False).hexdigest()


def id_in_numbers(entry_id: str) -> tuple[int, int]:
    """Return the id of an entry as milliseconds and sequence, by which ids compare."""
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq)
