"""The source of live messages: streams that deliver each entry until it is acknowledged."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.message import IncomingMessage


class SourceUnavailable(ExitBrainError):
    """The source cannot be reached or does not answer; the request may still have been carried out."""


class ReadElsewhere(ExitBrainError):
    """The streams are read for another store; the text says which, how that is known, and the ways out."""

    def __init__(self, said_by: str, theirs: str, ours: str) -> None:
        super().__init__(
            f"{said_by} says that these streams are read for store {theirs}, and this is store {ours}: set another"
            f" GROUP, or take over from that store with --begin-publishing-here"
        )


class Delivery(Struct, frozen=True):
    """One entry delivered to this consumer; `attempt` counts its deliveries to any consumer, from 1.

    `digest` is the digest of the entry in its stream. It detects a different entry under the same id: a
    server that lost its newest entries may reuse their ids.
    """

    message: IncomingMessage
    stream: str
    entry_id: str
    attempt: int
    digest: str


class Backlog(Struct, frozen=True):
    """How far behind a stream is: entries not yet delivered (None: unknown) and entries not acknowledged."""

    stream: str
    lag: int | None
    pending: int


class Lease(Struct, frozen=True):
    """The lease of another consumer, as seen by a standby.

    `known` says whether the holder is a consumer of the groups; `endless` that the lease had no expiry, or
    one too far off. It has one now. `waiting` counts the undelivered entries, `delivered` says how far the
    groups are.
    """

    holder: str
    known: bool
    endless: bool
    waiting: int
    delivered: tuple[str, ...]


class Repair(Struct, frozen=True):
    """The repair of something that others had changed, as a name and facts for the log."""

    name: str
    facts: dict[str, str]


class MessageSource(Protocol):
    """Deliver entries at least once, in the order of their ids.

    This order holds within a stream and, unless ids lie in the server's future, between streams; then message
    times decide. Every method raises SourceUnavailable or StreamsUnusable.

    The streams are read for one store: for another store `open`, `read` and `reclaim` raise ReadElsewhere, or
    return nothing.

    Consumers share one lease: one reads, the others stand by. A lease ends when its holder closes, or does
    not read for a few seconds; a holder that returns under the same name keeps it.
    """

    @property
    def consumer(self) -> str:
        """Return the name of this consumer."""

    @property
    def holds_lease(self) -> bool:
        """Return whether this consumer held the lease at its last read."""

    async def open(self) -> None:
        """Make sure that the consumer groups exist and belong to our store; claim groups without a store.

        A stream that lost its group is read from the beginning.
        """

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        """Return up to `limit` entries, waiting at most `wait_s` for the first.

        After `open`, after any error, and after taking the lease, all delivered but unacknowledged entries of
        any consumer come first. Without the lease it waits and returns nothing.
        """

    async def lease(self) -> Lease | None:
        """Return the lease of another consumer, or None; a lease without an expiry is given one."""

    def repairs(self) -> list[Repair]:
        """Return the repairs since the last call."""

    async def reclaim(self, limit: int) -> list[Delivery]:
        """Take over entries that any consumer left unacknowledged for too long, and return them.

        Returns nothing while another consumer holds the lease.
        """

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Mark these entries as done. A different entry that reuses one of their ids is still delivered."""

    async def backlog(self) -> list[Backlog]:
        """Return how far behind each stream is."""

    async def server_time(self) -> datetime:
        """Return the time of the server, whose clock makes the entry ids."""

    async def reap(self) -> list[str]:
        """Remove consumers that are long gone and hold no entries, and return their names."""

    async def close(self) -> None:
        """Release the lease and the connections."""
