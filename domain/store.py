"""The store itself: the format it is written in, which store it is, and the times it was begun again to publish."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.errors import WrongState
from exitbrain.domain.events import About, Event

FORMAT = 2
"""The store format this version reads and writes; any new event or class version raises it."""

FIRST_EPOCH = 1


class StoreOpened(Event, frozen=True):
    """A store was begun. Its id was drawn then, so no two stores share one; copies of a store do."""

    TOPIC = "exitbrain.StoreOpened"
    LABEL = "store opened"
    ABOUT = About.STORE

    format: int
    version: str
    at: datetime
    store_id: UUID


class EpochRaised(Event, frozen=True):
    """A copy of the store began to publish in place of another: what it says from here on is of a new epoch."""

    TOPIC = "exitbrain.EpochRaised"
    LABEL = "epoch raised"
    ABOUT = About.STORE

    epoch: int
    version: str
    recorded_at: datetime


StoreEvent = StoreOpened | EpochRaised


class StoreIdentity(Struct, frozen=True):
    """Which store it is, and in which epoch. A restored copy has the id of its original."""

    store_id: UUID
    epoch: int


def identity_from(events: Iterable[Event]) -> StoreIdentity:
    """Return the identity that the events of a store say, oldest first; raises WrongState where its id is lost."""
    store_id, epoch = None, FIRST_EPOCH
    for event in events:
        match event:
            case StoreOpened():
                store_id = event.store_id
            case EpochRaised():
                epoch = event.epoch
    if store_id is None:
        raise WrongState("the store does not say which one it is: the event that began it is lost")
    return StoreIdentity(store_id, epoch)
