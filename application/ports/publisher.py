"""Outgoing streams, each with the log position up to which it is published."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.store import StoreIdentity


class PublisherUnavailable(ExitBrainError):
    """The stream cannot be reached or does not answer; the request may still have been carried out."""


class Outgoing(Struct, frozen=True):
    """One entry to publish: its stream and fields, and the log position it comes from."""

    stream: str
    fields: dict[str, str]
    log_position: int


class PublishedPosition(Struct, frozen=True):
    """The log position up to which a stream is published, with store and epoch."""

    store: StoreIdentity
    position: int


class UnknownPosition(Struct, frozen=True):
    """Text from others, or from an older version, where a published position should be."""

    text: str


Stated = PublishedPosition | UnknownPosition
"""What a stream holds as its published position."""


class Publisher(Protocol):
    """Add entries and advance the published position in one atomic step.

    Every method raises PublisherUnavailable or StreamsUnusable.
    """

    async def published(self, stream: str) -> Stated | None:
        """Return the published position of a stream, or None if it has none."""

    async def newest(self, stream: str) -> PublishedPosition | None:
        """Return the log position of a stream's newest entry; None if it names none or there is no entry."""

    async def restore(self, stream: str, newest: PublishedPosition) -> bool:
        """Restore a lost position from the newest entry, atomically; return whether it was set.

        It is not set if the stream has a position, has a newer entry by now, or is empty.
        """

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        """Add entries and move the published position from `after` to `upto`, both or nothing.

        Compares store, epoch and position. Returns the position of the stream afterwards: `upto` when done,
        anything else when another writer has moved it and nothing was added. Many entries may be added in
        several such steps, unless the stream begins with them: half of them would look complete.
        """

    async def close(self) -> None:
        """Release the connections."""


class PublishedLanguage(Protocol):
    """Translate log entries into the published language."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that are written."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The log topics that can lead to published entries."""

    def entries(self, entry: LogEntry, receipt: MessageReceived | None) -> list[Outgoing]:
        """Return the entries to publish for a log entry; `receipt` is that of the message behind it."""
