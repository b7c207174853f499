"""The ledger: where decisions are kept, loaded from, and read in their one order."""

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
    """The base of what a ledger raises."""


class Conflict(LedgerError):
    """A stream is no longer at the version the records expect; nothing was saved. Reload and decide again."""


class AlreadyReceived(Conflict):
    """A message of the batch has its receipt already; nothing was saved."""

    def __init__(self, receipt_ids: tuple[UUID, ...]) -> None:
        super().__init__(f"already received: {', '.join(map(str, receipt_ids))}")
        self.receipt_ids = receipt_ids


class StoreUnavailable(LedgerError):
    """The store cannot be opened, read or written; the message says which and why."""


class NoStore(StoreUnavailable):
    """There is no store where one should be, or nothing was ever saved to it."""


class BadStoreUrl(StoreUnavailable):
    """A store URL is none of the known forms; the message says which those are."""


class UnreadableEvent(LedgerError):
    """A stored event cannot be read: unknown topic, unknown version, or damaged content."""

    def __init__(self, position: int, topic: str, why: str) -> None:
        super().__init__(f"event at log position {position} ({topic}) cannot be read: {why}")
        self.position = position
        self.topic = topic
        self.why = why


Place = tuple[UUID, int]
"""A stream, and a version in it."""


class LogEntry(Struct, frozen=True):
    """An event at its place in the one order of the log; positions grow and may have gaps."""

    position: int
    stream_id: UUID
    version: int
    event: ExitEvent


class ExitLedger(Protocol):
    """Keep decisions as events. Every save is one transaction over all its streams."""

    def save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> int:
        """Append the records in their order, all or none, and return the log position of the last.

        The positions of one save follow each other without a gap.

        `absent` are places that must be empty still, apart from the records: what was decided on streams that are
        not written holds only while they stand where they stood.
        Raises AlreadyReceived when a receipt among them exists, Conflict when another stream has moved on,
        StoreUnavailable when the outcome cannot be known or the store cannot be reached.
        """

    def latest_position(self, account: str, symbol: str, position_side: str = BOTH) -> Position | None:
        """Return the position of the highest cycle, open or closed; None when there is none."""

    def position(self, position_id: UUID) -> Position | None:
        """Return the position of that id."""

    def plan(self, plan_id: UUID) -> ExitPlan | None:
        """Return the exit plan of that id."""

    def register(self) -> PolicyRegister:
        """Return the policy register as it is now."""

    def receipts(self, receipt_ids: Sequence[UUID]) -> dict[UUID, MessageReceived]:
        """Return those of the receipts that exist."""

    def instrument(self, content_hash: str) -> Instrument | None:
        """Return the instrument snapshot of that content."""

    def claimed(self, claim_ids: Sequence[UUID]) -> dict[UUID, KeyClaimed]:
        """Return those of the business keys that have been used."""

    def history(self, stream_id: UUID) -> tuple[Record, ...]:
        """Return all events of one stream, oldest first; empty when there is none."""

    def log(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[LogEntry]:
        """Yield the entries after a position (and up to one, both by log position), oldest first.

        Gap-safe: an entry is never yielded while one with a lower position may still appear. With topics only
        those are yielded. Raises UnreadableEvent at an entry that cannot be read.
        """

    def head(self) -> int:
        """Return the position of the newest entry, 0 in an empty log."""

    def close(self) -> None:
        """Release what the ledger holds."""


def latest_cycle(exists: Callable[[int], bool], *, hint: int = 0) -> int:
    """Return the highest cycle that exists, or 0: what `latest_position` of a ledger begins with.

    Cycles are dense from 1, so doubling steps and then halving finds it with some 2 log2(n) questions. `hint` is a
    cycle that was there before; where it is gone, as after a rollback, the search begins anew.
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
