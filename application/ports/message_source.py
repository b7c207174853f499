"""Where live messages come from: streams that deliver each entry until it is acknowledged."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.message import IncomingMessage


class SourceUnavailable(ExitBrainError):
    """The source cannot be reached or does not answer; what was asked may or may not have happened."""


class ReadElsewhere(ExitBrainError):
    """The streams are read for another store; the text says which, what says so, and the ways out."""

    def __init__(self, said_by: str, theirs: str, ours: str) -> None:
        super().__init__(
            f"{said_by} says that these streams are read for store {theirs}, and this is store {ours}: set another"
            f" GROUP, or take over from that store with --begin-publishing-here"
        )


class Delivery(Struct, frozen=True):
    """One entry as delivered to this consumer; `attempt` counts how often it was delivered to anyone, from 1.

    `digest` is that of the entry as it lay in its stream: it tells it from another under the same id, which a server
    that lost its newest entries may give again.
    """

    message: IncomingMessage
    stream: str
    entry_id: str
    attempt: int
    digest: str


class Backlog(Struct, frozen=True):
    """How far behind a stream is: entries never delivered (None: the server cannot tell), and not acknowledged."""

    stream: str
    lag: int | None
    pending: int


class Lease(Struct, frozen=True):
    """The lease of another, as one who stands by sees it.

    `known` says whether the holder is a consumer of the groups; `endless` that the lease had no end, or one too far
    off. It has one now. `waiting` is how many entries have been given to nobody, `delivered` how far the groups are.
    """

    holder: str
    known: bool
    endless: bool
    waiting: int
    delivered: tuple[str, ...]


class Repair(Struct, frozen=True):
    """Something beside the streams that others had changed and that was put right, as name and facts for the log."""

    name: str
    facts: dict[str, str]


class MessageSource(Protocol):
    """Deliver entries at least once, in the order of their ids: within a stream always, between streams where the ids
    are not from the future of the server; there the times of the messages order them. Every method raises SourceUnavailable or
    StreamsUnusable.

    The streams are read for one store: `open`, `read` and `reclaim` of a source for another raise ReadElsewhere, or give
    nothing.

    Consumers share one lease: one of them reads, the others stand by. A lease ends when its holder closes, or does not read
    for a few seconds; one that comes back under its own name goes on with it.
    """

    @property
    def consumer(self) -> str:
        """Return the name under which it reads."""

    @property
    def holds_lease(self) -> bool:
        """Return whether it holds the lease, as far as its last read knows."""

    async def open(self) -> None:
        """Make sure that the consumer groups exist, and belong to our store; those of no store belong to it then.

        A stream that lost its group is read from its beginning.
        """

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        """Return up to `limit` entries, waiting at most `wait_s` for the first.

        After `open`, after any error, and when the lease was taken, everything that was delivered to anyone and never
        acknowledged comes first. Without the lease it waits and returns nothing.
        """

    async def lease(self) -> Lease | None:
        """Look who holds the lease, None while nobody has it or we do; one without an end is given one."""

    def repairs(self) -> list[Repair]:
        """Return what was put right since this was last asked."""

    async def reclaim(self, limit: int) -> list[Delivery]:
        """Return entries that were not acknowledged for too long, whoever holds them; they are ours now.

        Nothing while another holds the lease.
        """

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these entries need never be delivered again; another entry that has got the id of one still does."""

    async def backlog(self) -> list[Backlog]:
        """Return how far behind each stream is."""

    async def server_time(self) -> datetime:
        """Return the time of the clock that gives entry ids."""

    async def reap(self) -> list[str]:
        """Remove consumers that are long gone and hold nothing, and return their names."""

    async def close(self) -> None:
        """Give the lease back, and release the connections."""
