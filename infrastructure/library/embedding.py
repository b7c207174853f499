"""For hosts: turn their messages into ours, and events into text they can store."""

from collections.abc import Mapping
from types import NoneType
from typing import cast

from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.events import Record
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.library.arguments import check
from exitbrain.infrastructure.wire.incoming import from_fields

MESSAGE_BYTES_MAX = 65_536


def incoming_message(
    stream: str,
    fields: Mapping[str, object] | Mapping[bytes, object],
    *,
    entry_id: str | None = None,
    origin: Origin = Origin.LIVE,
    max_bytes: int = MESSAGE_BYTES_MAX,
    server: str | None = None,
) -> IncomingMessage:
    """Build the message that `ExitBrain.handle` and `decide` take.

    `stream` is `trade.intent` or `trade.closed`, with or without `quantum:stream:`, or `book.close` for an operator's
    word that a position has ended; `fields` hold text, bytes or JSON values. `entry_id` is the stream id, `milliseconds-sequence`. Without one the content is the identity: the
    same fields again are the same message, so give them a time or an `event_id` of yours. `server` names what gave the
    stream id, say the run id of a Redis: ids of one server tell which of two messages came first. Never raises for what
    the fields contain: such a message is refused by its receipt.
    """
    check("stream", stream, str, "the name of a stream, such as trade.intent")
    check("fields", fields, Mapping, "a mapping from names of fields to text, bytes or JSON values")
    check("entry_id", entry_id, (str, NoneType), "the stream id as text, such as 1767268800000-0, or None")
    check("origin", origin, Origin, "Origin.LIVE or Origin.IMPORT")
    check("max_bytes", max_bytes, int, "a whole number of bytes")
    check("server", server, (str, NoneType), "the name of what gave the stream id, or None")
    named = cast(Mapping[str | bytes, object], fields)  # the keys of a Mapping are invariant
    return from_fields(stream, entry_id, named, origin=origin, max_bytes=max_bytes, server=server)


def encode_event(record: Record) -> tuple[str, bytes]:
    """Return topic and JSON text of the event of a record, for the host's own store.

    Both are stable: every later version reads them.
    """
    check("record", record, Record, "a Record, such as those of Decided.records")
    stored = MAPPER.to_stored_event(record)
    return stored.topic, stored.state


def decode_event(topic: str, state: bytes, *, log_position: int) -> ExitEvent:
    """Return the event that `encode_event` wrote; raises UnreadableEvent, which names the log position."""
    check("topic", topic, str, "the topic that encode_event returned")
    check("state", state, bytes, "the bytes that encode_event returned")
    event: ExitEvent = MAPPER.to_domain_event(log_position, topic, state)
    return event
