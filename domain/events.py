"""The base classes of events and aggregates, the record of an event, and the stamp with cause and times."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.values import CausedBy, EntryId, TimeOrigin

if TYPE_CHECKING:  # the catalogue imports every event, and most events import Stamp
    from exitbrain.domain.catalogue import ExitEvent


class About(StrEnum):
    """The subject of an event."""

    STORE = "store"
    REGISTER = "register"
    RECEIPT = "receipt"
    CLAIM = "claim"
    INSTRUMENT = "instrument"
    POSITION = "position"
    PLAN = "plan"


class Event(Struct, frozen=True):
    """An event of the record. Each class declares its own facts; all lists of events are derived from them.

    `TOPIC` is its stored name and never changes. `LABEL` names it in a few words, and `PUBLISHED_AS` lists
    the types of its published entries.
    """

    TOPIC: ClassVar[str]
    LABEL: ClassVar[str]
    ABOUT: ClassVar[About]
    PUBLISHED_AS: ClassVar[tuple[str, ...]] = ()


class Record(Struct, frozen=True):
    """An event with its stream (aggregate) and its version there, counted from 1."""

    stream_id: UUID
    version: int
    event: "ExitEvent"


class Stamp(Struct, frozen=True, omit_defaults=True, rename={"cause_id": "receipt_id"}):
    """The cause of an event, and its two times (UTC).

    The cause is a message and `receipt_id` its receipt, unless `by` says otherwise; only then is `by` stored.
    `entry_id` is the Redis stream id, None for messages without one.
    """

    cause_id: UUID
    source: str
    entry_id: EntryId | None
    occurred_at: datetime
    time_origin: TimeOrigin
    recorded_at: datetime
    by: CausedBy = CausedBy.MESSAGE


class Aggregate:
    """An entity whose state is built from its events."""

    __slots__ = ("id", "pending", "version")

    def __init__(self, stream_id: UUID) -> None:
        self.id = stream_id
        self.version = 0
        self.pending: list[Record] = []

    def apply(self, event: Any) -> None:
        """Update the state from an event, without deciding anything and without failing."""
        raise NotImplementedError

    def fold(self, record: Record) -> None:
        """Apply the next record of the stream; records must come in order, starting with the first."""
        self.apply(record.event)
        self.version = record.version

    def collect(self) -> list[Record]:
        """Return the unsaved events and clear them."""
        pending, self.pending = self.pending, []
        return pending

    def copy(self) -> Self:
        """Return an independent copy, so that a decision can be tried on it."""
        raise NotImplementedError

    def _emit(self, event: "ExitEvent") -> None:
        self.version += 1
        self.apply(event)
        self.pending.append(Record(self.id, self.version, event))
