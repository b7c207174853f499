"""Checks that a stream is published from this store, before anything is added to it."""

from exitbrain.application.ports.publisher import PublishedPosition, Stated, UnknownPosition
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.store import StoreIdentity


class PublishedElsewhere(ExitBrainError):
    """The published position of a stream is not in this store's log, so this store must not publish there."""

    def __init__(self, stream: str, stated: Stated, store: StoreIdentity, head: int) -> None:
        super().__init__(
            f"{stream} is published up to {_said(stated)}, while this is store {store.store_id} in epoch {store.epoch}"
            f" with a log that ends at position {head}: {_difference(stated, store)}"
        )


def placed(stream: str, stated: Stated, store: StoreIdentity, head: int) -> PublishedPosition:
    """Return the stated position if it is in this store's log, else raise PublishedElsewhere.

    `head`, the end of the log, must be read after the stated position: another worker on the same store may
    have moved on in between.
    """
    if isinstance(stated, PublishedPosition) and stated.store == store and stated.position <= head:
        return stated
    raise PublishedElsewhere(stream, stated, store, head)


def _said(stated: Stated) -> str:
    if isinstance(stated, UnknownPosition):
        return repr(stated.text)
    store = stated.store
    return f"log position {stated.position} of store {store.store_id} in epoch {store.epoch}"


def _difference(stated: Stated, store: StoreIdentity) -> str:
    if isinstance(stated, UnknownPosition):
        return "that is not a position in the format of this version"
    if stated.store.store_id != store.store_id:
        return "that is another store"
    if stated.store.epoch != store.epoch:
        return "another copy of this store has published there"
    return "that lies beyond this log, as after a restored backup"
