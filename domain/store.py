"""The store itself: its format, its identity, and its publishing epochs."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.errors import WrongState
from exitbrain.domain.events import About, Event

FORMAT = 2
"""The store format that this version reads and writes. Every new event or class version increases it."""

FIRST_EPOCH = 1


class StoreOpened(Event, frozen=True):
    """A store was created, with a new random id. Copies of the store keep the id; no other store has it."""

    TOPIC = "exitbrain.StoreOpened"
    LABEL = "store opened"
    ABOUT = About.STORE

    format: int
    version: str
    at: datetime
    store_id: UUID


class EpochRaised(Event, frozen=True):
    """A copy of the store started to publish in place of another. From here on, a new epoch applies."""

    TOPIC = "exitbrain.EpochRaised"
    LABEL = "epoch raised"
    ABOUT = About.STORE

    epoch: int
    version: str
    recorded_at: datetime


StoreEvent = StoreOpened | EpochRaised


class StoreIdentity(Struct, frozen=True):
    """The id of a store and its epoch. A restored copy keeps the id of the original."""

    store_id: UUID
    epoch: int


def identity_from(events: Iterable[Event]) -> StoreIdentity:
    """Return a store's identity from its events, oldest first; raises WrongState if the id is lost."""
    store_id, epoch = None, FIRST_EPOCH
    for event in events:
        match event:
            case StoreOpened():
                store_id = event.store_id
            case EpochRaised():
                epoch = event.epoch
    if store_id is None:
        raise WrongState("the store has no id: the event that created it is lost")
    return StoreIdentity(store_id, epoch)
