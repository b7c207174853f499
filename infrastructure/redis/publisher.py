"""RedisPublisher: publish entries and the log position in one atomic step."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain

import msgspec

from exitbrain.application.ports.publisher import (
    Outgoing,
    PublishedPosition,
    PublisherUnavailable,
    Stated,
)
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, answering, connect
from exitbrain.infrastructure.redis.key_types import STREAM, STRING, naming_types
from exitbrain.infrastructure.redis.published_position import position_in, stated_in, text_of
from exitbrain.infrastructure.wire.stream_names import published_key

CHUNK_MAX = 128
"""Entries per call: the server does nothing else meanwhile."""

# The range is always empty: it asks whether what is there is a stream at all, before something is to be added.
LOOK = """
redis.call('XRANGE', KEYS[1], '-', '-', 'COUNT', 1)
return redis.call('GET', KEYS[2])
"""

# The entry may be anybody's, so a large one is not sent.
_NEWEST_PAYLOAD = """
local function newest_payload(stream)
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  for i = 1, newest and #newest[2] or 0, 2 do
    if newest[2][i] == 'payload' and #newest[2][i + 1] <= 1048576 then return newest[2][i + 1] end
  end
  return false
end
"""

NEWEST = _NEWEST_PAYLOAD + "return newest_payload(KEYS[1])"

# Between a look at the newest entry and the setting of the position others may add entries, or empty the stream.
RESTORE = (
    _NEWEST_PAYLOAD
    + """
if redis.call('GET', KEYS[2]) or newest_payload(KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1
"""
)

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
        self._look = self._client.register_script(LOOK)
        self._newest = self._client.register_script(NEWEST)
        self._restore = self._client.register_script(RESTORE)
        self._script = self._client.register_script(PUBLISH)
        self._timeout_s = timeout_s

    async def published(self, stream: str) -> Stated | None:
        async with self._asking(stream):
            value = await self._look(keys=[stream, published_key(stream)])
        return None if value is None else stated_in(value)

    async def newest(self, stream: str) -> PublishedPosition | None:
        payload = await self._newest_payload(stream)
        return None if payload is None else position_in(payload)

    async def restore(self, stream: str, newest: PublishedPosition) -> bool:
        payload = await self._newest_payload(stream)
        if payload is None or position_in(payload) != newest:
            return False
        async with self._asking(stream):
            keys = [stream, published_key(stream)]
            return bool(await self._restore(keys=keys, args=[payload, _bytes_of(newest)]))

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        """Publish in chunks, each atomic with its last position; in one chunk if this store begins the stream."""
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

    async def _newest_payload(self, stream: str) -> bytes | None:
        async with self._asking(stream):
            payload: bytes | None = await self._newest(keys=[stream])
        return payload

    async def _publish(
        self, stream: str, entries: Sequence[Outgoing], after: Stated | None, reached: PublishedPosition
    ) -> Stated | None:
        packed = _pack([[*chain(*entry.fields.items())] for entry in entries])
        before, then = "" if after is None else _bytes_of(after), _bytes_of(reached)
        async with self._asking(stream):
            value = await self._script(keys=[stream, published_key(stream)], args=[before, then, packed])
        if value == then:
            return reached
        return None if value is None else stated_in(value)

    @asynccontextmanager
    async def _asking(self, stream: str) -> AsyncIterator[None]:
        expected = {stream: STREAM, published_key(stream): STRING}
        async with (
            naming_types(self._client, expected),
            answering(PublisherUnavailable, self._timeout_s, *expected),
        ):
            yield


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
