"""Which lane a replay takes: the columnar one where a mirror of the store is there and covers most of the log."""

from dataclasses import dataclass
from pathlib import Path

from exitbrain.application.ports.exit_ledger import LedgerError
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.segment import AnotherStore

WORTH = 0.5
"""The share of the log that a mirror must cover, and, for verdicts, of its decisions that columns can judge.

With less, reading rows on every core is faster.
"""


class NoMirror(LedgerError):
    """There is no mirror where one was asked for; the text says how to make it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The mirror to replay over, None for the row lane; `why_not` where a mirror is there and not used."""

    mirror: Mirror | None
    why_not: str | None = None


def fresh_mirror(ledger: StoredLedger, folder: Path) -> Choice:
    """Return the mirror in a folder if it belongs to the store and covers most of its log."""
    mirror = Mirror.of(ledger, folder)
    try:
        mirror.check_owner()
    except AnotherStore as another:
        return Choice(None, str(another))
    covers, head = mirror.covers(), ledger.head()
    if covers > head:
        return Choice(None, _beyond(mirror, ledger))
    if covers < WORTH * head:
        return Choice(
            None, f"mirror {folder} covers {covers} of {head} log positions; export parquet extends it"
        )
    return Choice(mirror)


def judging_mirror(ledger: StoredLedger, folder: Path) -> Choice:
    """Return the mirror in a folder if it is fresh and columns can judge most of its decisions."""
    choice = fresh_mirror(ledger, folder)
    if choice.mirror is not None and choice.mirror.regular_share() < WORTH:
        return Choice(
            None, f"most decisions in mirror {folder} have prices on ticks, which only rows can judge"
        )
    return choice


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
