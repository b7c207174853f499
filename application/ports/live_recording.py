"""What the live path asks of the store, without ever blocking the event loop."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import EntryId


class Undecided(Struct, frozen=True):
    """A message whose handling raised an error that is nobody's fault but ours; nothing of it was saved."""

    message: IncomingMessage
    error: str


class LiveRecording(Protocol):
    """Record batches; raises StoreUnavailable, after which the same batch may be given again."""

    async def record(self, messages: Sequence[IncomingMessage]) -> list[MessageResult | Undecided]:
        """Record messages in their order, one transaction where nobody interferes; one bad message harms no other."""

    async def give_up(self, undecided: Undecided) -> MessageResult:
        """Record a message that could not be decided as refused, so that it is kept and its stream goes on."""

    async def received(self, messages: Sequence[IncomingMessage]) -> list[bool]:
        """Return for each message whether it was recorded before."""

    async def newest_received(self, source: str) -> EntryId | None:
        """Return the newest entry of a logical stream that was recorded live; None when none was."""


class LogPage(Struct, frozen=True):
    """A stretch of the log: the entries of the topics asked for, each with the receipt of its message.

    Everything up to `upto` has been looked at.
    """

    entries: tuple[tuple[LogEntry, MessageReceived | None], ...]
    upto: int


class LogTail(Protocol):
    """Read the log as it grows; raises StoreUnavailable and UnreadableEvent."""

    async def head(self) -> int:
        """Return the position of the newest entry, 0 in an empty log."""

    async def page(self, after: int, limit: int) -> LogPage:
        """Return the next stretch after a position; empty with `upto == after` at the end."""

    async def open_decisions(self) -> LogPage:
        """Return the latest live decision of each open plan, in log order, with `upto` the head of the log."""
