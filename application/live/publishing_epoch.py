"""The epoch in which a store begins to publish in the place of another store, or of another copy of itself."""

from collections.abc import Iterable

from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.publisher import PublishedPosition, Stated
from exitbrain.application.recording.opening import identity_of, raise_epoch
from exitbrain.domain.store import FIRST_EPOCH, StoreIdentity


def begin_epoch(
    ledger: ExitLedger, clock: Clock, version: str, stated: Iterable[Stated | None]
) -> StoreIdentity:
    """Raise the epoch of a store above every one in which the streams were published from it; return what it is then.

    `stated` is what the streams say. Where some of them say the present epoch and others do not, a start that raised
    it was cut short; it is finished in that epoch, so that nothing comes out twice. Raises Conflict.
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
