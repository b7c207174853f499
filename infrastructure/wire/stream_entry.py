"""IncomingMessage from a live stream entry, also from one that was trimmed before it could be read."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha1
from itertools import chain

from exitbrain.domain.messages import IncomingMessage
from exitbrain.domain.receipt import Reason, Refusal
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields


def from_entry(
    stream: str, entry_id: str, fields: Mapping[bytes, object] | Mapping[str, object], *, max_bytes: int
) -> IncomingMessage:
    """Build the message of an entry; one without fields was trimmed, for no entry is added without any."""
    message = from_fields(stream, entry_id, fields, origin=Origin.LIVE, max_bytes=max_bytes)
    if fields:
        return message
    return replace(message, broken=Refusal(Reason.TRIMMED, "entry", entry_id, "an entry still in the stream"))


def digest_of(fields: Mapping[bytes, bytes] | Mapping[str, str]) -> str:
    """Return the SHA-1 of the names and values of an entry in their order, which a Redis script can compute too."""
    parts = [part if isinstance(part, bytes) else part.encode() for part in chain(*fields.items())]
    return sha1(b"\0".join(parts), usedforsecurity=False).hexdigest()


def id_in_numbers(entry_id: str) -> tuple[int, int]:
    """Return the id of an entry as milliseconds and sequence, by which ids compare."""
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq)
