"""Map events to stored events and back, as JSON whose first key `v` is the version of the event's class.

It replaces the library's `Mapper`, which builds objects from `__dict__` without checks: here a stored event
is decoded into its typed class or not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from eventsourcing.persistence import StoredEvent

from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.domain.catalogue import EVENT_CLASSES
from exitbrain.domain.errors import DomainError
from exitbrain.domain.events import Event, Record
from exitbrain.domain.plans.exit_plan import LevelsComputed, LevelsRefused, Revised

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turn the content of one version into that of the next; what the old one did not know becomes absent (None)."""


@dataclass(frozen=True, slots=True)
class StoredClass:
    """An event class as it is stored now; `upcasters[n]` leads from version n + 1 to n + 2."""

    cls: type[Event]
    upcasters: tuple[Upcaster, ...] = ()

    @property
    def version(self) -> int:
        """Return the version that is written."""
        return len(self.upcasters) + 1


STORED_CLASSES = tuple(StoredClass(cls) for cls in EVENT_CLASSES)


class _Version(msgspec.Struct):
    v: int


class _Codec:
    """Write one stored class, and read it in all its versions as some type."""

    def __init__(self, stored: StoredClass, read_as: type) -> None:
        self.topic = stored.cls.TOPIC
        self.head = f'{{"v":{stored.version},'.encode()
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(read_as).decode
        self._stored = stored
        self._read_as = read_as

    def decode_any(self, state: bytes) -> Any:
        """Decode a state that does not begin as the present version does."""
        version = msgspec.json.decode(state, type=_Version).v
        if not 1 <= version <= self._stored.version:
            raise ValueError(
                f"class version {version}, while this version reads up to {self._stored.version}"
            )
        content = msgspec.json.decode(state)
        for upcast in self._stored.upcasters[version - 1 :]:
            content = upcast(content)
        return msgspec.convert(content, self._read_as)


class EventMapper:
    """Map events to stored events and back.

    `read_as` names a narrower class for an event class: fields that it lacks are skipped unread, which makes
    reading several times as fast.
    """

    def __init__(
        self,
        stored_classes: Sequence[StoredClass] = STORED_CLASSES,
        *,
        read_as: Mapping[type, type] | None = None,
    ) -> None:
        narrow = read_as or {}
        codecs = [_Codec(stored, narrow.get(stored.cls, stored.cls)) for stored in stored_classes]
        self._by_topic = {codec.topic: codec for codec in codecs}
        self._by_class: dict[type, _Codec] = {
            stored.cls: codec for stored, codec in zip(stored_classes, codecs, strict=True)
        }
        self._encode = msgspec.json.Encoder().encode

    @property
    def topics(self) -> frozenset[str]:
        """Return the topics that can be read."""
        return frozenset(self._by_topic)

    def head_of(self, topic: str) -> bytes:
        """Return how the state of the present version of a topic begins."""
        return self._by_topic[topic].head

    def to_stored_event(self, record: Record) -> StoredEvent:
        """Encode an event. Its numbers must be finite: JSON has no others."""
        codec = self._by_class.get(type(record.event))
        if codec is None:
            raise TypeError(f"{type(record.event).__name__} is not among the stored event classes")
        state = codec.head + self._encode(record.event)[1:]
        return StoredEvent(record.stream_id, record.version, codec.topic, state)

    def to_domain_event(self, position: int, topic: str, state: bytes) -> Any:
        """Decode the event at a log position; raises UnreadableEvent."""
        codec = self._by_topic.get(topic)
        if codec is None:
            raise UnreadableEvent(position, topic, "this version of ExitBrain does not know the topic")
        try:
            if state.startswith(codec.head):
                return codec.decode(state)
            return codec.decode_any(state)
        # ValueError: text that is not UTF-8; RecursionError: brackets without end.
        except (msgspec.MsgspecError, DomainError, ValueError, RecursionError) as e:
            raise UnreadableEvent(position, topic, str(e)) from e


def stream_hex(event: StoredEvent) -> str:
    """Return the stream id of a stored event as 32 hex digits."""
    stream_id = event.originator_id
    return stream_id.hex if isinstance(stream_id, UUID) else stream_id


MAPPER = EventMapper()
FOLDING_MAPPER = EventMapper(read_as={LevelsComputed: Revised, LevelsRefused: Revised})
"""Read of a decision only what the state of a plan is made of."""
