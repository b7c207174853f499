"""Compares how far the groups have read with how far the store has received.

A message is acknowledged after its receipt is committed, so every entry that a group has delivered and no
consumer still holds is in the store, unless the store was restored from an older backup. Then those messages
are read again, and the receipts make sure that none counts twice.
"""

from dataclasses import dataclass

from exitbrain.application.live.supervisor import Journal
from exitbrain.application.ports.live_recording import LiveRecording
from exitbrain.application.ports.reading_places import Earlier, ReadingPlace, ReadingPlaces
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import EntryId

BEGINNING = EntryId(0, 0)


class EntriesTrimmed(ExitBrainError):
    """Messages that the store never received are gone from their stream; the text names them and a way out."""

    def __init__(self, stream: str, received: EntryId, lost: str) -> None:
        super().__init__(
            f"the store has received {stream} up to {received}, its group has read further, and {lost} was trimmed"
            f" from the stream: restore a newer backup of the store, or continue without the lost entries"
            f" with --begin-publishing-here"
        )


@dataclass(slots=True)
class _Ahead:
    """How far a group is ahead of the store.

    `received` is the newest delivered entry that the store has received, or None. `entries` counts the later
    ones that no consumer holds, `gone` is the newest of them whose content is gone.
    """

    received: EntryId | None = None
    entries: int = 0
    gone: EntryId | None = None


class PlaceCheck:
    """Compare groups with the store, and set back a group that is ahead of it.

    With `go_on`, messages that can no longer be read are reported and skipped.
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
        ahead = await self._look_back(place)
        if not ahead.entries and not place.beyond:
            return
        newest = await self._newest(place) if ahead.received is None else None
        store_is_at = ahead.received or max((one for one in (newest, place.begun) if one), default=None)
        if store_is_at is None and place.beyond:
            store_is_at = BEGINNING
        if store_is_at is None:  # this store has never read this stream
            await self._places.begin_at(place)
            self._journal.event("group_begins_here", stream=place.stream, entry_id=str(place.delivered))
            return
        gap_shows = ahead.received is None and (place.whole is False if newest is None else not place.whole)
        lost = _lost(place, store_is_at, ahead, gap_shows=gap_shows)
        if lost and not self._go_on:
            now = [one for one in await self._places.places() if one.stream == place.stream]
            if now == [place]:
                raise EntriesTrimmed(place.stream, store_is_at, lost)
            for changed in now:  # it changed meanwhile, as after a fail-over: the data came from two servers
                await self._check(changed)
            return
        if lost:
            self._journal.trouble("entries_lost", stream=place.stream, lost=lost)
        if await self._places.go_back(place, store_is_at):
            facts = {"delivered": str(place.delivered), "received": str(store_is_at)}
            self._journal.trouble("group_ahead", stream=place.stream, entries=ahead.entries, **facts)

    async def _look_back(self, place: ReadingPlace) -> _Ahead:
        ahead = _Ahead()
        if place.delivered <= (place.begun or BEGINNING):
            return ahead
        async for page in self._places.back_from(place):
            received = await self._recording.received([one.message for one in page])
            for one, is_received in zip(page, received, strict=True):
                if is_received:
                    ahead.received = one.entry_id
                    return ahead
                if not one.pending:
                    ahead.entries += 1
                    if _is_trimmed(one):
                        ahead.gone = ahead.gone or one.entry_id
        return ahead

    async def _newest(self, place: ReadingPlace) -> EntryId | None:
        """Return the newest entry that the store has received, unless the stream has started over since."""
        newest = await self._recording.newest_received(place.source)
        return newest if newest is not None and newest <= place.delivered else None


def _lost(place: ReadingPlace, store_is_at: EntryId, ahead: _Ahead, *, gap_shows: bool) -> str:
    """Describe the entries that were delivered, not received, and are gone; empty if none are known.

    `gap_shows` says that entries are missing between the place of the store and the first entry still there.
    """
    deleted = place.deleted if store_is_at < place.deleted <= place.delivered else None
    if gone := ahead.gone or deleted:
        return f"the part after {store_is_at} up to {gone}"
    if gap_shows and place.first is not None:
        return f"the part after {store_is_at} and before {place.first}"
    return ""


def _is_trimmed(one: Earlier) -> bool:
    broken = one.message.broken
    return broken is not None and broken.reason is Reason.TRIMMED
