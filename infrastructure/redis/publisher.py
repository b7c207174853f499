"""RedisPublisher: entries and the published log position in one atomic step."""

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from exitbrain.application.ports.publisher import (
    Outgoing,
    PublishedPosition,
    PublisherUnavailable,
    Stated,
)
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, answering, connect
from exitbrain.infrastructure.redis.published_position import stated_in, text_of
from exitbrain.infrastructure.redis.streams import published_key

CHUNK_MAX = 128
"""Entries per call: the server does nothing else meanwhile."""

# The entries come as one argument: the client works on each by itself, and there would be a dozen for every entry.
# Asked again after a lost reply it finds the position moved and adds nothing; so it is safe to ask again.
PUBLISH = """
local position = redis.call('GET', KEYS[2])
if (position or '') ~= ARGV[1] then return position end
for _, entry in ipairs(cmsgpack.unpack(ARGV[3])) do redis.call('XADD', KEYS[1], '*', unpack(entry)) end
redis.call('SET', KEYS[2], ARGV[2])
return ARGV[2]
"""


class RedisPublisher:
    """Publish to Redis streams. Needs 6.2; stream and position share a slot of a cluster."""

    def __init__(self, url: str, *, timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        self._client = connect(url)
        self._script = self._client.register_script(PUBLISH)
        self._timeout_s = timeout_s

    async def published(self, stream: str) -> Stated | None:
        async with answering(PublisherUnavailable, self._timeout_s, published_key(stream)):
            value = await self._client.get(published_key(stream))
        return None if value is None else stated_in(value)

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        """Publish in chunks, each atomic with the position of its last entry; in one where the stream begins with them."""
        begins = not isinstance(after, PublishedPosition) or after.store != upto.store
        chunks = [list(entries)] if begins else list(_chunks(entries))
        for chunk in chunks[:-1]:
            reached = PublishedPosition(upto.store, chunk[-1].log_position)
            stated = await self._publish(stream, chunk, after, reached)
            if stated != reached:
                return stated
            after = reached
        return await self._publish(stream, chunks[-1], after, upto)

    async def close(self) -> None:
        async with answering(PublisherUnavailable, self._timeout_s):
            await self._client.aclose()

    async def _publish(
        self, stream: str, entries: Sequence[Outgoing], after: Stated | None, reached: PublishedPosition
    ) -> Stated | None:
        packed = _pack([[*chain(*entry.fields.items())] for entry in entries])
        before, then = "" if after is None else _bytes_of(after), _bytes_of(reached)
        keys = [stream, published_key(stream)]
        async with answering(PublisherUnavailable, self._timeout_s, *keys):
            value = await self._script(keys=keys, args=[before, then, packed])
        if value == then:
            return reached
        return None if value is None else stated_in(value)


def _bytes_of(stated: Stated) -> bytes:
    return text_of(stated).encode("utf-8", "surrogateescape")


def _chunks(entries: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Yield entries in chunks, at least one; entries of one log position stay together."""
    chunk: list[Outgoing] = []
    for entry in entries:
        if len(chunk) >= CHUNK_MAX and entry.log_position != chunk[-1].log_position:
            yield chunk
            chunk = []
        chunk.append(entry)
    yield chunk


_pack = msgspec.msgpack.Encoder().encode
