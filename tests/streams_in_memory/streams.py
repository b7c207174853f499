"""Streams in memory, with their source and publisher.

They behave as the Redis adapters do, in one process and on one event loop.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import merge
from itertools import chain, islice

from exitbrain.application.ports.message_source import Backlog, Delivery, Lease, ReadElsewhere, Repair
from exitbrain.application.ports.publisher import Outgoing, PublishedPosition, Stated
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.values import EntryId
from exitbrain.infrastructure.redis.published_position import position_in
from exitbrain.infrastructure.redis.stream_cursors import stands_at
from exitbrain.infrastructure.wire.stream_entry import digest_of, from_entry, id_in_numbers
from exitbrain.infrastructure.wire.stream_names import Names

BEGINNING = EntryId(0, 0)

_Place = tuple[int, int, int, str, EntryId]
"""Where an entry stands among those of all streams: within a millisecond opens come before closes."""


@dataclass(slots=True)
class _Pending:
    """An entry that was delivered and not acknowledged: to whom, when, how often."""

    consumer: str
    at_ms: int
    times: int


@dataclass(slots=True)
class _Group:
    """The one consumer group of a stream; `begun` is where it began to read for its store, None where nobody knows."""

    begun: EntryId | None = BEGINNING
    delivered: EntryId = BEGINNING
    pending: dict[EntryId, _Pending] = field(default_factory=dict)
    seen_ms: dict[str, int] = field(default_factory=dict)


class InMemoryStreams:
    """Streams of entries, with one consumer group and one published position each, and one lease to read them.

    `now_ms` tells the time in milliseconds: of entry ids, and of how long something is idle. Everything is kept until
    it is trimmed. `server` is the id of the server that gives the entry ids; `store` the one for which they are read.
    """

    def __init__(self, now_ms: Callable[[], int], server: str = "memory") -> None:
        self.now_ms = now_ms
        self.server = server
        self.store: str | None = None
        self._ids: dict[str, list[EntryId]] = {}
        self._fields: dict[tuple[str, EntryId], dict[str, str]] = {}
        self._cut: set[str] = set()
        self._groups: dict[str, _Group] = {}
        self._waiting: set[asyncio.Event] = set()
        self._lease: tuple[str, int] | None = None
        self.published: dict[str, Stated] = {}

    def add(self, stream: str, fields: Mapping[str, str]) -> str:
        """Add an entry and return its id."""
        ids = self._ids.setdefault(stream, [])
        entry_id = EntryId(self.now_ms(), 0)
        if ids and entry_id <= ids[-1]:
            entry_id = EntryId(ids[-1].ms, ids[-1].seq + 1)
        ids.append(entry_id)
        self._fields[stream, entry_id] = dict(fields)
        self._tell()
        return str(entry_id)

    def entries(self, stream: str) -> list[tuple[str, dict[str, str]]]:
        """Return every entry of a stream with its id."""
        return [(str(entry_id), self._fields[stream, entry_id]) for entry_id in self._ids.get(stream, [])]

    def trim(self, stream: str, keep: int) -> None:
        """Keep so many of the newest entries, whether or not the others have been read."""
        ids = self._ids.get(stream, [])
        cut = len(ids) - keep
        for entry_id in ids[:cut] if cut > 0 else []:
            del self._fields[stream, entry_id]
        self._ids[stream] = ids[max(0, cut) :]
        if cut > 0:
            self._cut.add(stream)

    def flush(self) -> None:
        """Forget everything: entries, groups, positions, the lease, and for whom it is all read."""
        self.end_lease()
        self.store = None
        for everything in (self._ids, self._fields, self._cut, self._groups, self.published):
            everything.clear()

    def group(self, stream: str) -> _Group:
        """Return the group of a stream, which begins at its first entry."""
        return self._groups.setdefault(stream, _Group())

    def has_group(self, stream: str) -> bool:
        """Return whether there is a group of a stream already."""
        return stream in self._groups

    def is_whole(self, stream: str) -> bool:
        """Return whether a stream never lost an entry."""
        return stream not in self._cut

    def ids(self, stream: str) -> Sequence[EntryId]:
        """Return the ids of what a stream holds, oldest first."""
        return self._ids.get(stream, [])

    def after(self, stream: str, entry_id: EntryId) -> list[EntryId]:
        """Return the ids of what comes after an entry."""
        ids = self._ids.get(stream, [])
        return ids[bisect_right(ids, entry_id) :]

    def fields(self, stream: str, entry_id: EntryId) -> dict[str, str] | None:
        """Return the fields of an entry, None when it was trimmed."""
        return self._fields.get((stream, entry_id))

    @property
    def holder(self) -> str | None:
        """Return the consumer who holds the lease now."""
        return self._lease[0] if self._lease is not None and self.now_ms() < self._lease[1] else None

    def give_lease(self, consumer: str, for_ms: int) -> None:
        """Give a consumer the lease, or prolong it."""
        self._lease = consumer, self.now_ms() + for_ms

    def end_lease(self) -> None:
        """End whatever lease there is."""
        self._lease = None
        self._tell()

    async def news(self, wait_s: float) -> None:
        """Wait for the next entry of any stream, or the end of a lease, at most so long."""
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await news.wait()
        finally:
            self._waiting.discard(news)

    def _tell(self) -> None:
        for news in self._waiting:
            news.set()


class InMemorySource:
    """Read streams in memory as a consumer of their groups; store and settings are those of the Redis source."""

    def __init__(
        self,
        streams: InMemoryStreams,
        consumer: str,
        store: str,
        *,
        take_over: bool = False,
        max_message_bytes: int = 65_536,
        lease_s: float = 3.0,
        reclaim_idle_s: float = 60.0,
        reap_idle_s: float = 3600.0,
        names: Names = Names(),
    ) -> None:
        self._streams = streams
        self._store = store
        self._take_over_store = take_over
        self.consumer = consumer
        self.holds_lease = False
        self._taken_over = False
        self._lease_ms = int(lease_s * 1000)
        self._max_message_bytes = max_message_bytes
        self._reclaim_idle_ms = reclaim_idle_s * 1000
        self._reap_idle_ms = reap_idle_s * 1000
        self._names = names.incoming
        self._source_of = names.source_of
        self._read_upto = dict.fromkeys(self._names, BEGINNING)

    async def open(self) -> None:
        if self._take_over_store and self._streams.store not in {None, self._store}:
            self._streams.store = None
        if self._streams.store is None:
            for name in self._names:
                if self._streams.has_group(name):
                    self._streams.group(name).begun = None
        self._belong()
        self._taken_over = False
        self._read_upto = dict.fromkeys(self._names, BEGINNING)

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        taken = self._take(limit)
        if not taken and wait_s > 0:
            await self._streams.news(wait_s)
            taken = self._take(limit) if self.holds_lease else []
        return taken

    async def lease(self) -> Lease | None:
        holder = self._streams.holder
        if holder in {None, self.consumer}:
            return None
        groups = {name: self._streams.group(name) for name in self._names}
        waiting = sum(len(self._streams.after(name, group.delivered)) for name, group in groups.items())
        return Lease(
            str(holder),
            known=any(holder in group.seen_ms for group in groups.values()),
            endless=False,
            waiting=waiting,
            delivered=tuple(str(group.delivered) for group in groups.values()),
        )

    def repairs(self) -> list[Repair]:
        return []

    async def reclaim(self, limit: int) -> list[Delivery]:
        """Take what is pending for too long, also with ourselves; a trimmed entry comes until it is acknowledged."""
        if self._streams.holder not in {None, self.consumer} or self._streams.store != self._store:
            return []
        long_ago = self._streams.now_ms() - self._reclaim_idle_ms
        idle = [
            _place(number, name, entry_id)
            for number, name in enumerate(self._names)
            for entry_id, pending in self._streams.group(name).pending.items()
            if pending.at_ms <= long_ago
        ]
        return [self._deliver(name, entry_id) for *_, name, entry_id in sorted(idle)[:limit]]

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            entry_id = EntryId(*id_in_numbers(delivery.entry_id))
            fields = self._streams.fields(delivery.stream, entry_id)
            if fields is None or digest_of(fields) == delivery.digest:
                self._streams.group(delivery.stream).pending.pop(entry_id, None)

    async def backlog(self) -> list[Backlog]:
        groups = [(name, self._streams.group(name)) for name in self._names]
        return [
            Backlog(name, len(self._streams.after(name, group.delivered)), len(group.pending))
            for name, group in groups
        ]

    async def server_time(self) -> datetime:
        return datetime.fromtimestamp(self._streams.now_ms() / 1000, UTC)

    async def reap(self) -> list[str]:
        long_ago = self._streams.now_ms() - self._reap_idle_ms
        removed, kept = set(), set()
        for name in self._names:
            group = self._streams.group(name)
            holding = {pending.consumer for pending in group.pending.values()}
            for consumer, seen_ms in list(group.seen_ms.items()):
                if consumer != self.consumer and consumer not in holding and seen_ms <= long_ago:
                    del group.seen_ms[consumer]
                    removed.add(consumer)
                else:
                    kept.add(consumer)
        return sorted(removed - kept)

    async def close(self) -> None:
        """Give the lease back."""
        if self._streams.holder == self.consumer:
            self._streams.end_lease()

    def _belong(self) -> None:
        """Make the streams ours that are nobody's; raises ReadElsewhere for those of another."""
        if self._streams.store is None:
            self._streams.store = self._store
        if self._streams.store != self._store:
            raise ReadElsewhere("the server in memory", self._streams.store, self._store)

    def _take(self, limit: int) -> list[Delivery]:
        self._belong()
        holder = self._streams.holder
        if holder not in {None, self.consumer}:
            self.holds_lease = False
            return []
        self._streams.give_lease(self.consumer, self._lease_ms)
        if holder is None or not self._taken_over:
            self._take_over()
        self.holds_lease = True
        waiting = [self._waiting(number, name) for number, name in enumerate(self._names)]
        return [self._deliver(name, entry_id) for *_, name, entry_id in list(islice(merge(*waiting), limit))]

    def _take_over(self) -> None:
        """Take what others hold; what was trimmed stays pending with them."""
        again = not self.holds_lease
        for name in self._names:
            for entry_id, pending in self._streams.group(name).pending.items():
                if pending.consumer != self.consumer and self._streams.fields(name, entry_id) is not None:
                    pending.consumer, pending.at_ms = self.consumer, self._streams.now_ms()
                    again = True
        if again:
            self._read_upto = dict.fromkeys(self._names, BEGINNING)
        self._taken_over = True

    def _waiting(self, number: int, name: str) -> Iterator[_Place]:
        """Yield what is to be read of a stream: first what is pending with us since before `open`."""
        group = self._streams.group(name)
        group.seen_ms[self.consumer] = self._streams.now_ms()
        ours = sorted(
            entry_id
            for entry_id, pending in group.pending.items()
            if pending.consumer == self.consumer and entry_id > self._read_upto[name]
        )
        newest = 0
        for entry_id in chain(ours, self._streams.after(name, group.delivered)):
            newest = max(newest, self._stands_at(name, entry_id))
            yield newest, number, entry_id.seq, name, entry_id

    def _stands_at(self, name: str, entry_id: EntryId) -> int:
        now_ms = self._streams.now_ms()
        return (
            entry_id.ms
            if entry_id.ms <= now_ms
            else stands_at(self._message(name, entry_id), entry_id.ms, now_ms)
        )

    def _deliver(self, name: str, entry_id: EntryId) -> Delivery:
        group = self._streams.group(name)
        fields = self._streams.fields(name, entry_id)
        now_ms = self._streams.now_ms()
        pending = group.pending.setdefault(entry_id, _Pending(self.consumer, now_ms, 0))
        pending.times += 1
        if fields is not None:
            pending.consumer, pending.at_ms = self.consumer, now_ms
        group.delivered = max(group.delivered, entry_id)
        self._read_upto[name] = max(self._read_upto[name], entry_id)
        message = self._message(name, entry_id)
        return Delivery(message, name, str(entry_id), pending.times, digest_of(fields or {}))

    def _message(self, name: str, entry_id: EntryId) -> IncomingMessage:
        return from_entry(
            name,
            str(entry_id),
            self._streams.fields(name, entry_id) or {},
            max_bytes=self._max_message_bytes,
            source=self._source_of(name),
            server=self._streams.server,
        )


class InMemoryPublisher:
    """Publish to streams in memory."""

    def __init__(self, streams: InMemoryStreams) -> None:
        self._streams = streams

    async def published(self, stream: str) -> Stated | None:
        return self._streams.published.get(stream)

    async def newest(self, stream: str) -> PublishedPosition | None:
        entries = self._streams.entries(stream)
        return position_in(entries[-1][1].get("payload", "")) if entries else None

    async def restore(self, stream: str, newest: PublishedPosition) -> bool:
        if stream in self._streams.published or await self.newest(stream) != newest:
            return False
        self._streams.published[stream] = newest
        return True

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        now = self._streams.published.get(stream)
        if now != after:
            return now
        for entry in entries:
            self._streams.add(stream, entry.fields)
        self._streams.published[stream] = upto
        return upto

    async def close(self) -> None:
        """Keep everything: there is nothing to release."""


def _place(number: int, name: str, entry_id: EntryId) -> _Place:
    return entry_id.ms, number, entry_id.seq, name, entry_id
