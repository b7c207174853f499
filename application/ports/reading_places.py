"""How far the groups of the incoming streams are, and the way back to where the store is."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.values import EntryId


class ReadingPlace(Struct, frozen=True):
    """How far the group of a stream is.

    `begun` is the entry after which it began to read for our store, None where that is not known: somebody else made
    the group. `delivered` is the newest entry that was given to anybody. `first` is the oldest that is still there,
    `deleted` the newest that was deleted from among others, as far as the server says. `whole` says whether the stream
    still holds all that was ever added to it, None where the server cannot tell. `beyond` says that the group was set
    to an id that the stream has not reached, so that it would give nobody anything.
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
    """An entry that was given to somebody; `pending` says that it was not acknowledged, so it comes again anyway."""

    entry_id: EntryId
    message: IncomingMessage
    pending: bool


class ReadingPlaces(Protocol):
    """Look at the places of groups, and set them; every method raises SourceUnavailable."""

    async def places(self) -> list[ReadingPlace]:
        """Return the place of each group that is there."""

    def back_from(self, place: ReadingPlace) -> AsyncIterator[Sequence[Earlier]]:
        """Yield pages of what was delivered after `begun`, newest first.

        The delivered entry itself always comes first, as a trimmed message where it is no longer there; not where the
        group is `beyond`.
        """

    async def go_back(self, place: ReadingPlace, to: EntryId) -> bool:
        """Let the group read again whatever comes after an entry, in the order of ids.

        Returns False, and does nothing, when somebody has moved the group since its place was looked at.
        """

    async def begin_at(self, place: ReadingPlace) -> None:
        """Note that the group begins for our store where it is: what was delivered before was not for it."""

    async def close(self) -> None:
        """Release the connections."""
