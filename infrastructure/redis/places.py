"""RedisPlaces: find the places of the consumer groups and set them back. Used only when a worker starts."""

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.exceptions import ResponseError

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.reading_places import Earlier, ReadingPlace
from exitbrain.domain.values import EntryId
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, Patience, answering, connect
from exitbrain.infrastructure.redis.place_scripts import GO_BACK, LOOK_BACK, PLACE
from exitbrain.infrastructure.wire.stream_entry import Content, from_content, id_in_numbers
from exitbrain.infrastructure.wire.stream_names import Names

BEGINNING = EntryId(0, 0)
PAGE = 500


class RedisPlaces:
    """Look at the places of the groups that read for a store, and set them."""

    def __init__(
        self, url: str, names: Names, store: str, *, max_message_bytes: int = 65_536, page: int = PAGE
    ) -> None:
        self._client = connect(url)
        self._patience = Patience(COMMAND_TIMEOUT_S)
        self._look_back = self._client.register_script(LOOK_BACK)
        self._look = self._client.register_script(PLACE)
        self._go_back = self._client.register_script(GO_BACK)
        self._names = names
        self._store = store
        self._max_message_bytes = max_message_bytes
        self._page = page

    async def places(self) -> list[ReadingPlace]:
        async with self._patience.answering():
            found = [await self._place(stream) for stream in self._names.incoming]
        return [place for place in found if place is not None]

    async def back_from(self, place: ReadingPlace) -> AsyncIterator[Sequence[Earlier]]:
        group, upto = self._names.group_of(place.stream), str(place.delivered)
        begun = place.begun or BEGINNING
        while upto:
            delivered, cap = "" if place.beyond else str(place.delivered), self._max_message_bytes
            arguments: list[str | int] = [group, upto, f"({begun}", self._page, delivered, cap]
            async with self._patience.answering():
                server, found, before = await self._look_back(keys=[place.stream], args=arguments)
            page = [self._earlier(place, server, *one) for one in found]
            if page:
                yield page
            upto = before.decode()

    async def go_back(self, place: ReadingPlace, to: EntryId) -> bool:
        arguments = [self._names.group_of(place.stream), str(place.delivered), str(to)]
        async with self._patience.answering():
            return bool(await self._go_back(keys=[place.stream], args=arguments))

    async def begin_at(self, place: ReadingPlace) -> None:
        note = self._names.store_of_group(place.stream)
        async with self._patience.answering():
            await self._client.set(note, f"{self._store}:{place.delivered}")

    async def close(self) -> None:
        async with answering(SourceUnavailable, COMMAND_TIMEOUT_S):
            await self._client.aclose()

    async def _place(self, stream: str) -> ReadingPlace | None:
        try:
            answer: Any = await self._look(keys=[stream], args=[self._names.group_of(stream)])
        except ResponseError as error:
            if "no such key" in str(error):
                return None
            raise
        if answer is None:
            return None
        delivered, first, deleted, length, added, reached = answer
        said: Any = await self._client.get(self._names.store_of_group(stream))
        _, _, begun = (said or b"").partition(b":")
        at, newest = _entry_id(delivered), _entry_id(reached) if reached else None
        return ReadingPlace(
            stream=stream,
            source=self._names.source_of(stream),
            begun=_begun(begun, newest),
            delivered=at,
            first=_entry_id(first) if first else None,
            deleted=_entry_id(deleted),
            whole=None if added < 0 else added == length,  # not told before 7.0
            beyond=newest is not None and at > newest,
        )

    def _earlier(
        self, place: ReadingPlace, server: bytes, entry_id: bytes, content: Content | None, pending: int
    ) -> Earlier:
        message, _ = from_content(
            place.stream,
            entry_id.decode(),
            content or [],
            max_bytes=self._max_message_bytes,
            source=place.source,
            server=server.decode() or None,
        )
        return Earlier(_entry_id(entry_id), message, pending > 0)


def _begun(text: bytes, reached: EntryId | None) -> EntryId | None:
    """Return where a group began, as its note says; a note that says what cannot be says nothing."""
    if not re.fullmatch(rb"\d{1,20}-\d{1,20}", text):
        return None
    begun = _entry_id(text)
    return begun if reached is None or begun <= reached else None


def _entry_id(text: bytes) -> EntryId:
    return EntryId(*id_in_numbers(text.decode()))
