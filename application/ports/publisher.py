"""Where published entries go: streams that remember up to which log position they are published."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.store import StoreIdentity


class PublisherUnavailable(ExitBrainError):
    """The stream cannot be reached or does not answer; what was asked may or may not have happened."""


class Outgoing(Struct, frozen=True):
    """One entry to publish: the fields of the stream entry, and the log position it speaks of."""

    stream: str
    fields: dict[str, str]
    log_position: int


class PublishedPosition(Struct, frozen=True):
    """Up to which log position, of which store in which epoch, a stream is published."""

    store: StoreIdentity
    position: int


class UnknownPosition(Struct, frozen=True):
    """What a stream says in the place of a published position: somebody else's, or an older version's, text."""

    text: str


Stated = PublishedPosition | UnknownPosition
"""What a stream says of how far it is published."""


class Publisher(Protocol):
    """Add entries and advance the published position in one atomic step.

    Every method raises PublisherUnavailable or StreamsUnusable.
    """

    async def published(self, stream: str) -> Stated | None:
        """Return up to where a stream is published; None when it does not say."""

    async def newest(self, stream: str) -> PublishedPosition | None:
        """Return the place in the log of the newest entry of a stream; None where it names none, or nothing is there."""

    async def restore(self, stream: str, newest: PublishedPosition) -> bool:
        """Set a position that is gone to that of the newest entry, in one step; return whether it was set.

        It is not where the stream has a position, where another entry is the newest by now, or where there is none.
        """

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        """Add entries and move the published position from `after` to `upto`, both or nothing.

        Store, epoch and position are compared, not the position alone. Returns what the stream says then: `upto`
        when done, anything else when somebody else has moved it and nothing was added. Many entries may be added in
        several such steps, unless the stream begins with them: half of them would pass for all.
        """

    async def close(self) -> None:
        """Release the connections."""


class PublishedLanguage(Protocol):
    """Say in the published language what an entry of the log means to the outside."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that are written."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of the log that can mean anything to the outside."""

    def entries(self, entry: LogEntry, receipt: MessageReceived | None) -> list[Outgoing]:
        """Return what is published for an entry; `receipt` is that of the message that caused it."""
