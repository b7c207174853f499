"""How far the groups of streams in memory are."""

from collections.abc import AsyncIterator, Sequence

from exitbrain.application.ports.reading_places import Earlier, ReadingPlace
from exitbrain.domain.values import EntryId
from exitbrain.infrastructure.wire.stream_entry import from_entry
from exitbrain.infrastructure.wire.stream_names import Names
from tests.streams_in_memory.streams import BEGINNING, InMemoryStreams


class InMemoryPlaces:
    """Look at the places of the groups of streams in memory, and set them."""

    def __init__(
        self,
        streams: InMemoryStreams,
        *,
        max_message_bytes: int = 65_536,
        page: int = 500,
        names: Names = Names(),
    ) -> None:
        self._streams = streams
        self._max_message_bytes = max_message_bytes
        self._page = page
        self._names = names

    async def places(self) -> list[ReadingPlace]:
        return [self._place(name) for name in self._names.incoming if self._streams.has_group(name)]

    async def back_from(self, place: ReadingPlace) -> AsyncIterator[Sequence[Earlier]]:
        begun = place.begun or BEGINNING
        ids = [one for one in self._streams.ids(place.stream) if begun < one <= place.delivered]
        newest_first = sorted({*ids, place.delivered}, reverse=True)
        for start in range(0, len(newest_first), self._page):
            yield [self._earlier(place, one) for one in newest_first[start : start + self._page]]

    async def go_back(self, place: ReadingPlace, to: EntryId) -> bool:
        group = self._streams.group(place.stream)
        if group.delivered != place.delivered:
            return False
        for entry_id in self._streams.after(place.stream, to):
            group.pending.pop(entry_id, None)
        group.delivered = to
        return True

    async def begin_at(self, place: ReadingPlace) -> None:
        self._streams.group(place.stream).begun = place.delivered

    async def close(self) -> None:
        """Keep everything: there is nothing to release."""

    def _place(self, name: str) -> ReadingPlace:
        group, ids = self._streams.group(name), self._streams.ids(name)
        return ReadingPlace(
            stream=name,
            source=self._names.source_of(name),
            begun=group.begun,
            delivered=group.delivered,
            first=ids[0] if ids else None,
            deleted=BEGINNING,
            whole=self._streams.is_whole(name),
        )

    def _earlier(self, place: ReadingPlace, entry_id: EntryId) -> Earlier:
        fields = self._streams.fields(place.stream, entry_id) or {}
        message = from_entry(
            place.stream,
            str(entry_id),
            fields,
            max_bytes=self._max_message_bytes,
            source=place.source,
            server=self._streams.server,
        )
        return Earlier(entry_id, message, entry_id in self._streams.group(place.stream).pending)
