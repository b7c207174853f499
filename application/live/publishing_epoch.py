"""The epoch in which a store takes over publishing from another store, or from another copy of itself."""

from collections.abc import Iterable

from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.publisher import PublishedPosition, Stated
from exitbrain.application.recording.opening import identity_of, raise_epoch
from exitbrain.domain.store import FIRST_EPOCH, StoreIdentity


def begin_epoch(
    ledger: ExitLedger, clock: Clock, version: str, stated: Iterable[Stated | None]
) -> StoreIdentity:
    """Raise the epoch of a store above every epoch the streams were published in; return the new identity.

    `stated` holds the positions of the streams. If only some of them are in the present epoch, an interrupted
    start raised it: that start is finished in the same epoch, so that nothing is published twice. Raises
    Conflict.
    """
    said = [one for one in stated if one is not None]
    store = identity_of(ledger)
    epochs = [
        one.store.epoch
        for one in said
        if isinstance(one, PublishedPosition) and one.store.store_id == store.store_id
    ]
    highest = max(epochs, default=store.epoch)
    if store.epoch > FIRST_EPOCH and store.epoch == highest and _is_unfinished(said, store, ledger.head()):
        return store
    return raise_epoch(ledger, clock, version, above=highest)


def _is_unfinished(said: list[Stated], store: StoreIdentity, head: int) -> bool:
    begun = [one for one in said if isinstance(one, PublishedPosition) and one.store == store]
    return 0 < len(begun) < len(said) and all(one.position <= head for one in begun)
