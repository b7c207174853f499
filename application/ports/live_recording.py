"""Access to the store for the live path, without blocking the event loop."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import EntryId


class Undecided(Struct, frozen=True):
    """A message that our own code failed on. Nothing of it was saved."""

    message: IncomingMessage
    error: str


class LiveRecording(Protocol):
    """Record batches. After StoreUnavailable, the same batch may be given again."""

    async def record(self, messages: Sequence[IncomingMessage]) -> list[MessageResult | Undecided]:
        """Record messages in order, in one transaction unless another writer interferes.

        One bad message harms no other.
        """

    async def give_up(self, undecided: Undecided) -> MessageResult:
        """Record an undecided message as refused, so that it is kept and its stream goes on."""

    async def received(self, messages: Sequence[IncomingMessage]) -> list[bool]:
        """Return for each message whether it was recorded before."""

    async def newest_received(self, source: str) -> EntryId | None:
        """Return the newest entry of a logical stream that was recorded live, or None."""


class LogPage(Struct, frozen=True):
    """A page of the log: the entries of the wanted topics, each with the receipt of its message.

    The page covers the log up to `upto`.
    """

    entries: tuple[tuple[LogEntry, MessageReceived | None], ...]
    upto: int


class LogTail(Protocol):
    """Read the log as it grows; raises StoreUnavailable and UnreadableEvent."""

    async def head(self) -> int:
        """Return the position of the newest entry, 0 in an empty log."""

    async def page(self, after: int, limit: int) -> LogPage:
        """Return the next page after a position; empty with `upto == after` at the end."""

    async def open_decisions(self) -> LogPage:
        """Return the latest live decision of each open plan, in log order; `upto` is the head of the log."""
