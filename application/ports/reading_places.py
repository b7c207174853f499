"""How far the groups of the incoming streams are, and how to set them back to where the store is."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.values import EntryId


class ReadingPlace(Struct, frozen=True):
    """How far the group of a stream is.

    `begun` is the entry after which it began to read for our store, None if unknown because others made the
    group. `delivered` is the newest delivered entry. `first` is the oldest entry still in the stream,
    `deleted` the newest one deleted individually, as far as the server knows. `whole` says whether the stream
    still holds everything ever added to it, None if the server cannot tell. `beyond` says that the group was
    set to an id that the stream has not reached, so that it delivers nothing.
    """

    stream: str
    source: str
    begun: EntryId | None
    delivered: EntryId
    first: EntryId | None
    deleted: EntryId
    whole: bool | None
    beyond: bool = False


class Earlier(Struct, frozen=True):
    """A delivered entry; `pending` says that it was not acknowledged, so it comes again anyway."""

    entry_id: EntryId
    message: IncomingMessage
    pending: bool


class ReadingPlaces(Protocol):
    """Read and set the places of groups; every method raises SourceUnavailable."""

    async def places(self) -> list[ReadingPlace]:
        """Return the place of each existing group."""

    def back_from(self, place: ReadingPlace) -> AsyncIterator[Sequence[Earlier]]:
        """Yield pages of the entries delivered after `begun`, newest first.

        The entry `delivered` always comes first, as a trimmed message if it is gone; not if the group is
        `beyond`.
        """

    async def go_back(self, place: ReadingPlace, to: EntryId) -> bool:
        """Set the group back, so that it reads everything after an entry again, in the order of ids.

        Returns False and does nothing if the group has moved since its place was read.
        """

    async def begin_at(self, place: ReadingPlace) -> None:
        """Note that the group begins here for our store: earlier deliveries were not for it."""

    async def close(self) -> None:
        """Release the connections."""
