"""Whether a stream is published from this store: judged from what the stream says, before anything is added to it."""

from exitbrain.application.ports.publisher import PublishedPosition, Stated, UnknownPosition
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.store import StoreIdentity


class PublishedElsewhere(ExitBrainError):
    """What a stream is published up to is not in this store's log, so nothing of this store is published there."""

    def __init__(self, stream: str, stated: Stated, store: StoreIdentity, head: int) -> None:
        super().__init__(
            f"{stream} is published up to {_said(stated)}, while this is store {store.store_id} in epoch {store.epoch}"
            f" with a log that ends at position {head}: {_difference(stated, store)}"
        )


def placed(stream: str, stated: Stated, store: StoreIdentity, head: int) -> PublishedPosition:
    """Return what a stream says if that is a position of this store's log, else raise PublishedElsewhere.

    `head`, the end of the log, must be read after what the stream says: another worker on the same store may have
    gone on in between.
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
        return "that is no position of this version"
    if stated.store.store_id != store.store_id:
        return "that is another store"
    if stated.store.epoch != store.epoch:
        return "another copy of this store has published there"
    return "that lies beyond this log, as after a restored backup"
