"""The ledger: saves decisions, loads them, and reads them in log order."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.events import Record
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.positions.position import BOTH, Position


class LedgerError(ExitBrainError):
    """The base of all ledger errors."""


class Conflict(LedgerError):
    """A stream is not at the version the records expect; nothing was saved. Reload and decide again."""


class AlreadyReceived(Conflict):
    """A message of the batch already has a receipt; nothing was saved."""

    def __init__(self, receipt_ids: tuple[UUID, ...]) -> None:
        super().__init__(f"already received: {', '.join(map(str, receipt_ids))}")
        self.receipt_ids = receipt_ids


class StoreUnavailable(LedgerError):
    """The store cannot be opened, read or written; the message says which and why."""


class NoStore(StoreUnavailable):
    """The store does not exist, or nothing was ever saved to it."""


class BadStoreUrl(StoreUnavailable):
    """A store URL has no known form; the message lists the known forms."""


class UnreadableEvent(LedgerError):
    """A stored event cannot be read: unknown topic, unknown version, or damaged content."""

    def __init__(self, position: int, topic: str, why: str) -> None:
        super().__init__(f"event at log position {position} ({topic}) cannot be read: {why}")
        self.position = position
        self.topic = topic
        self.why = why


Place = tuple[UUID, int]
"""A stream and a version in it."""


class LogEntry(Struct, frozen=True):
    """An event with its log position; positions grow and may have gaps."""

    position: int
    stream_id: UUID
    version: int
    event: ExitEvent


class ExitLedger(Protocol):
    """Store decisions as events. Every save is one transaction across its streams."""

    def save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> int:
        """Append the records in order, all or none, and return the log position of the last.

        The positions of one save have no gaps.

        `absent` lists places that must still be empty, apart from the records: they guard streams that a
        decision read but does not write. Raises AlreadyReceived when one of the receipts exists, Conflict
        when another stream has moved on, StoreUnavailable when the outcome is unknown or the store cannot be
        reached.
        """

    def latest_position(self, account: str, symbol: str, position_side: str = BOTH) -> Position | None:
        """Return the position of the highest cycle, open or closed, or None."""

    def position(self, position_id: UUID) -> Position | None:
        """Return the position with this id."""

    def plan(self, plan_id: UUID) -> ExitPlan | None:
        """Return the exit plan with this id."""

    def register(self) -> PolicyRegister:
        """Return the current policy register."""

    def receipts(self, receipt_ids: Sequence[UUID]) -> dict[UUID, MessageReceived]:
        """Return the receipts that exist."""

    def instrument(self, content_hash: str) -> Instrument | None:
        """Return the instrument snapshot with this content hash."""

    def claimed(self, claim_ids: Sequence[UUID]) -> dict[UUID, KeyClaimed]:
        """Return the business keys that have been used."""

    def history(self, stream_id: UUID) -> tuple[Record, ...]:
        """Return all events of one stream, oldest first; empty if there are none."""

    def log(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[LogEntry]:
        """Yield the entries after log position `after`, up to and including `upto`, oldest first.

        Gap-safe: an entry is never yielded while one with a lower position may still appear. `topics` limits
        the entries to these topics. Raises UnreadableEvent at an entry that cannot be read.
        """

    def head(self) -> int:
        """Return the position of the newest entry, 0 in an empty log."""

    def close(self) -> None:
        """Release the resources of the ledger."""


class StreamLog(ExitLedger, Protocol):
    """A ledger that also says where in the log the events of one stream lie."""

    def entries(self, stream_id: UUID) -> tuple[LogEntry, ...]:
        """Return `history` as entries of the log."""


def latest_cycle(exists: Callable[[int], bool], *, hint: int = 0) -> int:
    """Return the highest cycle that exists, or 0.

    Cycles are numbered from 1 without gaps, so doubling and then halving the step takes about 2 log2(n)
    calls. `hint` is a cycle that existed before; if it is gone, as after a rollback, the search starts again.
    """
    found = hint
    step = 1
    while exists(found + step):
        found += step
        step *= 2
    missing = found + step
    while missing - found > 1:
        middle = (found + missing) // 2
        if exists(middle):
            found = middle
        else:
            missing = middle
    if found == hint > 0 and not exists(hint):
        return latest_cycle(exists)
    return found
