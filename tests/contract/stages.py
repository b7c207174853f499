"""The stages on which the contracts of streams are tested: in memory, on the oldest Redis, on a current server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import redis

from exitbrain.application.ports.message_source import MessageSource
from exitbrain.application.ports.publisher import Publisher, UnknownPosition
from exitbrain.application.ports.reading_places import ReadingPlaces
from exitbrain.infrastructure.redis.places import RedisPlaces
from exitbrain.infrastructure.redis.publisher import RedisPublisher
from exitbrain.infrastructure.redis.source import RedisSource, SourceSettings
from exitbrain.infrastructure.wire.stream_names import published_key
from tests.names import LEASE, NAMES, STORE
from tests.servers import REDIS_KINDS, redis_url
from tests.streams_in_memory.places import InMemoryPlaces
from tests.streams_in_memory.streams import InMemoryPublisher, InMemorySource, InMemoryStreams

STAGES = ("memory", *REDIS_KINDS)
LONG_S = 3600.0


class Stage(Protocol):
    """Streams and those who work on them; `server` is the run id of what holds them."""

    @property
    def server(self) -> str: ...

    @property
    def now(self) -> datetime:
        """Return the time that it is there."""

    def add(self, stream: str, name: str, at_ms: int | None = None, **fields: str) -> str:
        """Add an entry with the field `name` and others, under an id of that time where one is given."""

    def entries(self, stream: str) -> list[dict[str, str]]:
        """Return the fields of every entry."""

    def trim(self, stream: str, keep: int) -> None:
        """Keep so many of the newest entries."""

    def flush(self) -> None:
        """Lose everything."""

    def say_published(self, stream: str, text: str) -> None:
        """Let a stream say a text in the place of its published position."""

    def end_lease(self) -> None:
        """Let the lease end, as when its holder has not read for too long."""

    def give_lease(self, consumer: str) -> None:
        """Let a consumer hold the lease that has not asked for it."""

    def source(
        self,
        consumer: str,
        reclaim_idle_s: float,
        reap_idle_s: float,
        lease_s: float,
        store: str,
        take_over: bool,
    ) -> MessageSource:
        """Return a source for a consumer that reads for a store."""

    def places(self) -> ReadingPlaces:
        """Return what looks at the places of the groups, two entries at a time."""

    def publisher(self) -> Publisher:
        """Return one more publisher."""


class MemoryStage:
    def __init__(self) -> None:
        self._ms = 1_000
        self.server = "memory"
        self._streams = InMemoryStreams(lambda: self._ms)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self._ms / 1000, UTC)

    def add(self, stream: str, name: str, at_ms: int | None = None, **fields: str) -> str:
        self._ms = self._ms + 1 if at_ms is None else at_ms
        return self._streams.add(stream, {"name": name, **fields})

    def entries(self, stream: str) -> list[dict[str, str]]:
        return [fields for _, fields in self._streams.entries(stream)]

    def trim(self, stream: str, keep: int) -> None:
        self._streams.trim(stream, keep)

    def flush(self) -> None:
        self._streams.flush()

    def say_published(self, stream: str, text: str) -> None:
        self._streams.published[stream] = UnknownPosition(text)

    def end_lease(self) -> None:
        self._streams.end_lease()

    def give_lease(self, consumer: str) -> None:
        self._streams.give_lease(consumer, 1_000)

    def source(
        self,
        consumer: str,
        reclaim_idle_s: float,
        reap_idle_s: float,
        lease_s: float,
        store: str,
        take_over: bool,
    ) -> MessageSource:
        return InMemorySource(
            self._streams,
            consumer,
            store,
            take_over=take_over,
            reclaim_idle_s=reclaim_idle_s,
            reap_idle_s=reap_idle_s,
            lease_s=lease_s,
        )

    def places(self) -> ReadingPlaces:
        return InMemoryPlaces(self._streams, page=2)

    def publisher(self) -> Publisher:
        return InMemoryPublisher(self._streams)


class RedisStage:
    def __init__(self, url: str) -> None:
        self.url = url
        self.client = redis.Redis.from_url(url, decode_responses=True, protocol=2)
        facts: Any = self.client.info("server")
        self.server = str(facts["run_id"])
        self.flush()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def add(self, stream: str, name: str, at_ms: int | None = None, **fields: str) -> str:
        entry_id = "*" if at_ms is None else f"{at_ms}-{self.client.xlen(stream)}"
        given: Any = {"name": name, **fields}
        return str(self.client.xadd(stream, given, id=entry_id))

    def entries(self, stream: str) -> list[dict[str, str]]:
        entries: Any = self.client.xrange(stream)
        return [fields for _, fields in entries]

    def trim(self, stream: str, keep: int) -> None:
        self.client.xtrim(stream, maxlen=keep, approximate=False)

    def flush(self) -> None:
        self.client.flushdb()

    def say_published(self, stream: str, text: str) -> None:
        self.client.set(published_key(stream), text.encode("utf-8", "surrogateescape"))

    def end_lease(self) -> None:
        self.client.delete(LEASE)

    def give_lease(self, consumer: str) -> None:
        self.client.set(LEASE, consumer, px=60_000)

    def source(
        self,
        consumer: str,
        reclaim_idle_s: float,
        reap_idle_s: float,
        lease_s: float,
        store: str,
        take_over: bool,
    ) -> MessageSource:
        settings = SourceSettings(
            reclaim_idle_s=reclaim_idle_s, reap_idle_s=reap_idle_s, lease_s=lease_s, take_over=take_over
        )
        return RedisSource(self.url, consumer, store, settings)

    def places(self) -> ReadingPlaces:
        return RedisPlaces(self.url, NAMES, STORE, page=2)

    def publisher(self) -> Publisher:
        return RedisPublisher(self.url)


def stage_of(kind: str) -> Stage:
    """Return an empty stage."""
    return MemoryStage() if kind == "memory" else RedisStage(redis_url(kind))


@asynccontextmanager
async def consuming(
    stage: Stage,
    consumer: str,
    *,
    reclaim_idle_s: float = LONG_S,
    reap_idle_s: float = LONG_S,
    lease_s: float = LONG_S,
    store: str = STORE,
    take_over: bool = False,
) -> AsyncIterator[MessageSource]:
    """Open a source and close it; leaving without having acknowledged is what a crash looks like."""
    source = stage.source(consumer, reclaim_idle_s, reap_idle_s, lease_s, store, take_over)
    try:
        await source.open()
        yield source
    finally:
        await source.close()


@asynccontextmanager
async def publishing(stage: Stage) -> AsyncIterator[Publisher]:
    """Open a publisher and close it."""
    publisher = stage.publisher()
    try:
        yield publisher
    finally:
        await publisher.close()
