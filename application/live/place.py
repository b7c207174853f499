"""The place of the worker: how far its groups have read, compared with how far its store has received.

A message is acknowledged after its receipt is committed, so whatever a group has delivered and nobody holds is in the
store. It is not when the store is older than the group: restored from a backup. Those messages are read again, and
the receipts see to it that none counts twice.
"""

from collections.abc import Sequence

from exitbrain.application.live.supervisor import Journal
from exitbrain.application.ports.live_recording import LiveRecording
from exitbrain.application.ports.reading_places import Earlier, ReadingPlace, ReadingPlaces
from exitbrain.domain.receipt import Reason
from exitbrain.domain.values import EntryId

BEGINNING = EntryId(0, 0)


class EntriesTrimmed(Exception):
    """Messages that the store has not received are gone from their stream; the text says which, and the ways out."""

    def __init__(self, stream: str, after: EntryId, upto: EntryId) -> None:
        super().__init__(
            f"the store has received {stream} up to {after} and its group has read on to later entries, of which those"
            f" after {after} up to {upto} were trimmed from the stream: restore a newer backup of the store, or go on"
            f" without them with --begin-publishing-here"
        )


class PlaceCheck:
    """Compare groups with the store, and set a group back that is ahead of it.

    With `go_on`, messages that can no longer be read again are reported and left out.
    """

    def __init__(
        self, places: ReadingPlaces, recording: LiveRecording, journal: Journal, *, go_on: bool
    ) -> None:
        self._places = places
        self._recording = recording
        self._journal = journal
        self._go_on = go_on

    async def run(self) -> None:
        """Check each group; raises EntriesTrimmed."""
        for place in await self._places.places():
            await self._check(place)

    async def _check(self, place: ReadingPlace) -> None:
        received, ahead = await self._look_back(place)
        if not ahead:
            return
        newest = received or await self._newest(place)
        if newest is None:  # nothing of this stream was ever for this store
            await self._places.begin_at(place)
            self._journal.event("group_begins_here", stream=place.stream, entry_id=str(place.delivered))
            return
        lost_upto = await self._lost_upto(place, newest, ahead, is_there=received is not None)
        if lost_upto is not None:
            if not self._go_on:
                raise EntriesTrimmed(place.stream, newest, lost_upto)
            facts = {"after": str(newest), "upto": str(lost_upto)}
            self._journal.trouble("entries_lost", stream=place.stream, **facts)
        if await self._places.go_back(place, newest):
            facts = {"delivered": str(place.delivered), "received": str(newest)}
            self._journal.trouble("group_ahead", stream=place.stream, entries=len(ahead), **facts)

    async def _look_back(self, place: ReadingPlace) -> tuple[EntryId | None, list[Earlier]]:
        """Return the newest delivered entry that the store has received, and those after it that nobody holds."""
        ahead: list[Earlier] = []
        if place.delivered <= (place.begun or BEGINNING):
            return None, ahead
        async for page in self._places.back_from(place):
            received = await self._recording.received([one.message for one in page])
            for one, is_received in zip(page, received, strict=True):
                if is_received:
                    return one.entry_id, ahead
                if not one.pending:
                    ahead.append(one)
        return None, ahead

    async def _newest(self, place: ReadingPlace) -> EntryId | None:
        """Return the place of the store where no entry says it: its newest receipt, or where the group began for it."""
        newest = await self._recording.newest_received(place.source)
        known = [one for one in (newest, place.begun) if one is not None and one <= place.delivered]
        return max(known, default=None)

    async def _lost_upto(
        self, place: ReadingPlace, newest: EntryId, ahead: Sequence[Earlier], *, is_there: bool
    ) -> EntryId | None:
        """Return the newest entry after `newest` that may have been removed unread; None when none was."""
        removed = [one.entry_id for one in ahead if _is_trimmed(one)]
        if newest < place.deleted <= place.delivered:
            removed.append(place.deleted)
        if not is_there and not place.whole and place.first is not None:
            removed.append(min(_before(place.first), place.delivered))
        return max((one for one in removed if one > newest), default=None)


def _is_trimmed(one: Earlier) -> bool:
    broken = one.message.broken
    return broken is not None and broken.reason is Reason.TRIMMED


def _before(entry_id: EntryId) -> EntryId:
    """Return the greatest id below one: no entry need have it."""
    if entry_id.seq:
        return EntryId(entry_id.ms, entry_id.seq - 1)
    return EntryId(entry_id.ms - 1, 2**64 - 1) if entry_id.ms else BEGINNING
