"""The mirror of a store: one that was asked for, or one that covers enough of the log for a what-if."""

from pathlib import Path

from exitbrain.application.ports.exit_ledger import LedgerError
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.segment import AnotherStore

WORTH = 0.5
"""The share of the log that a mirror must cover: with less, reading the store is faster."""


class NoMirror(LedgerError):
    """There is no mirror where one was asked for; the text says how to make it."""


def fresh_mirror(ledger: StoredLedger, folder: Path) -> Mirror | None:
    """Return the mirror in a folder if it says that it belongs to the store, and covers most of its log."""
    mirror = Mirror.of(ledger, folder)
    try:
        mirror.check_owner()
    except AnotherStore:
        return None
    head = ledger.head()
    return mirror if WORTH * head <= mirror.covers() <= head else None


def needed_mirror(ledger: StoredLedger, folder: Path | None) -> Mirror:
    """Return the mirror in a folder, however little it covers; raises NoMirror and AnotherStore."""
    if folder is None:
        raise NoMirror(
            "there is no mirror: setting MIRROR names its folder for a store that is no SQLite file"
        )
    mirror = Mirror.of(ledger, folder)
    mirror.check_owner()
    if not mirror.covers():
        raise NoMirror(f"there is no mirror in {folder}: exitbrain export parquet makes one")
    if mirror.covers() > ledger.head():  # the store was put back to an earlier state
        raise NoMirror(f"{_beyond(mirror, ledger)}; exitbrain export parquet puts that right")
    return mirror


def _beyond(mirror: Mirror, ledger: StoredLedger) -> str:
    return f"mirror {mirror.folder} covers {mirror.covers()} log positions, the store has {ledger.head()}"
