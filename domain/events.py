"""What every event declares about itself, and what the aggregates share: a version, an `apply`, the unsaved events."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.values import CausedBy, EntryId, TimeOrigin

if TYPE_CHECKING:  # every event is imported there, and most are made of a Stamp
    from exitbrain.domain.catalogue import ExitEvent


class About(StrEnum):
    """What an event is about."""

    STORE = "store"
    REGISTER = "register"
    RECEIPT = "receipt"
    CLAIM = "claim"
    INSTRUMENT = "instrument"
    POSITION = "position"
    PLAN = "plan"


class Event(Struct, frozen=True):
    """An event of the record. Each class declares its own facts; whatever lists events is derived from them.

    `TOPIC` is its stored name and never changes. `LABEL` names it in a few words, and `PUBLISHED_AS` are the types of
    the entries it is published as.
    """

    TOPIC: ClassVar[str]
    LABEL: ClassVar[str]
    ABOUT: ClassVar[About]
    PUBLISHED_AS: ClassVar[tuple[str, ...]] = ()


class Record(Struct, frozen=True):
    """An event at its place: the stream (aggregate) it belongs to and its version there, counted from 1."""

    stream_id: UUID
    version: int
    event: "ExitEvent"


class Stamp(Struct, frozen=True, omit_defaults=True, rename={"cause_id": "receipt_id"}):
    """What caused an event, and its two times (UTC).

    The cause is a message, `receipt_id` its receipt, unless `by` says otherwise; `by` is stored only then. `entry_id` is
    the Redis stream id; None for messages that came without one.
    """

    cause_id: UUID
    source: str
    entry_id: EntryId | None
    occurred_at: datetime
    time_origin: TimeOrigin
    recorded_at: datetime
    by: CausedBy = CausedBy.MESSAGE


class Aggregate:
    """An entity whose state is the fold of its events."""

    __slots__ = ("id", "pending", "version")

    def __init__(self, stream_id: UUID) -> None:
        self.id = stream_id
        self.version = 0
        self.pending: list[Record] = []

    def apply(self, event: Any) -> None:
        """Assign what the event says; never decide, never fail."""
        raise NotImplementedError

    def fold(self, record: Record) -> None:
        """Take the state on by one record of the stream; they come in their order, from the first."""
        self.apply(record.event)
        self.version = record.version

    def collect(self) -> list[Record]:
        """Return the events not yet saved, and forget them."""
        pending, self.pending = self.pending, []
        return pending

    def copy(self) -> Self:
        """Return an independent aggregate in the same state, so that a decision can be tried on it."""
        raise NotImplementedError

    def _emit(self, event: "ExitEvent") -> None:
        self.version += 1
        self.apply(event)
        self.pending.append(Record(self.id, self.version, event))
