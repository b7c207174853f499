"""What is published of a world in memory, as a reader of the streams gets it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from exitbrain.application.ports.publisher import Outgoing
from exitbrain.application.recording.opening import identity_of
from exitbrain.domain.messages.message import TRADE_INTENT
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import StreamFields, from_fields
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.world import MAX_BYTES, NOON_MS, World


@dataclass(frozen=True)
class Read:
    """A published entry with its payload read."""

    stream: str
    fields: dict[str, str]
    payload: Any
    log_position: int

    @property
    def event_type(self) -> str:
        return self.fields["event_type"]


def outgoing(world: World) -> list[Outgoing]:
    """Return everything the log of a world means to the outside."""
    language = Published(identity_of(world.ledger), PolicyUnits(world.ledger.register), WireTranslator())
    found: list[Outgoing] = []
    receipt: MessageReceived | None = None
    for entry in world.ledger.log():
        if isinstance(entry.event, MessageReceived):
            receipt = entry.event
        found += language.entries(entry, receipt)
    return found


def published(world: World, *event_types: str) -> list[Read]:
    """Return what is published, of these event types or of all."""
    entries = [
        Read(one.stream, one.fields, msgspec.json.decode(one.fields["payload"]), one.log_position)
        for one in outgoing(world)
    ]
    return [one for one in entries if not event_types or one.event_type in event_types]


def only(world: World, event_type: str) -> Read:
    """Return the one entry of an event type."""
    (entry,) = published(world, event_type)
    return entry


def take(world: World, fields: StreamFields, source: str = TRADE_INTENT, number: int = 1) -> None:
    """Record a message of these raw fields as a live one."""
    stream = f"quantum:stream:{source}"
    entry_id = f"{NOON_MS + 1000 * number}-0"
    world.recorder.handle(from_fields(stream, entry_id, fields, origin=Origin.LIVE, max_bytes=MAX_BYTES))
