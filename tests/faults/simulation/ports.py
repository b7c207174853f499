"""The ports of the live path over the simulated servers: they do what the real adapters promise, under faults."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import TypeVar
from uuid import UUID

from eventsourcing.persistence import OperationalError, StoredEvent

from exitbrain.application.ports.exit_ledger import Place
from exitbrain.application.ports.message_source import Backlog, Delivery, Lease, Repair, SourceUnavailable
from exitbrain.application.ports.publisher import (
    Outgoing,
    PublishedPosition,
    PublisherUnavailable,
    Stated,
)
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.application.ports.reading_places import Earlier, ReadingPlace
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import Reason, Refusal
from exitbrain.domain.values import EntryId, Origin, changed
from exitbrain.infrastructure.event_store.memory import InMemoryRecorder
from exitbrain.infrastructure.redis.published_position import position_in
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.stream_entry import digest_of, id_in_numbers
from exitbrain.infrastructure.worker.recording import OneThread
from tests.faults.simulation.faults import Faults, Gate, Kind
from tests.faults.simulation.processes import Process
from tests.faults.simulation.streams import START, EntryKey, Handed, StreamServer
from tests.world import MAX_BYTES, NOON, NOON_MS

T = TypeVar("T")

INTENTS = "quantum:stream:trade.intent"
CLOSES = "quantum:stream:trade.closed"
GROUPS = {
    INTENTS: "quantum:group:exitbrain:trade.intent",
    CLOSES: "quantum:group:exitbrain:trade.closed",
}
MIN_IDLE_S = 0.8
"""An entry pending for so long is delivered again, whoever holds it."""

LEASE_S = 1.0
"""A lease ends when its holder has not read for so long."""

RELEASE_WITHIN_S = 0.3
PLACES_PAGE = 2


class SimulatedClock:
    """The clock of one machine: virtual time, and how far it has been set off it."""

    def __init__(self, off_s: float = 0.0) -> None:
        self.off_s = off_s

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._seconds())

    def ms(self) -> int:
        """Return the milliseconds since 1970."""
        return NOON_MS + int(self._seconds() * 1000)

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time() + self.off_s


class SimulatedSource:
    """A message source over the simulated stream server, for one consumer."""

    def __init__(self, server: StreamServer, arrivals: "Arrivals", faults: Faults, process: Process) -> None:
        self._server = server
        self._arrivals = arrivals
        self._faults = faults
        self._process = process
        self._gate = Gate(faults, process, Kind.STREAMS_DOWN, SourceUnavailable)
        self._own: dict[str, EntryKey] = {}
        self._taken_over = False
        self.holds_lease = False
        self.on_the_way = 0
        """Entries handed out whose reply is still under way."""

    @property
    def consumer(self) -> str:
        return self._process.name

    async def open(self) -> None:
        await self._call("create groups", self._ensure_groups)
        self._begin_again()

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        if handed := await self._read(limit):
            return self._deliveries(handed)
        if not self.holds_lease:
            await asyncio.sleep(wait_s)
            return []
        await self._arrivals.wait(wait_s)
        return self._deliveries(await self._read(limit))

    async def lease(self) -> Lease | None:
        return await self._call("look at the lease", self._look_at_lease)

    def repairs(self) -> list[Repair]:
        return []

    async def reclaim(self, limit: int) -> list[Delivery]:
        return self._deliveries(await self._hand("claim", lambda: self._claim(limit)))

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        await self._call("acknowledge", lambda: self._acknowledge(deliveries))

    async def backlog(self) -> list[Backlog]:
        return await self._call("look", lambda: [Backlog(stream, None, 0) for stream in GROUPS])

    async def server_time(self) -> datetime:
        return await self._call("ask for the time", self._server.time)

    async def reap(self) -> list[str]:
        return []

    async def close(self) -> None:
        with suppress(SourceUnavailable, TimeoutError):
            async with asyncio.timeout(RELEASE_WITHIN_S):
                await self._call("release", self._release)

    async def _read(self, limit: int) -> list[Handed]:
        if not self._taken_over:
            self.holds_lease = self._taken_over = await self._take_over()
        while self._taken_over and self._own:
            if handed := await self._hand("read pending", lambda: self._read_pending(limit)):
                return handed
        return await self._hand("read", lambda: self._read_new(limit)) if self._taken_over else []

    async def _take_over(self) -> bool:
        """Take the lease, and all that others hold, stream by stream; return whether the lease is ours."""
        taken = 0
        for stream in GROUPS:
            found = await self._call("take over", partial(self._claim_all, stream))
            if found is None:
                return False
            taken += found
        if taken or not self.holds_lease:
            self._own = dict.fromkeys(GROUPS, START)
        return True

    async def _hand(self, name: str, effect: Callable[[], list[Handed]]) -> list[Handed]:
        count = 0

        def counted() -> list[Handed]:
            nonlocal count
            handed = effect()
            count = len(handed)
            self.on_the_way += count
            return handed

        try:
            return await self._call(name, counted)
        finally:
            self.on_the_way -= count

    async def _call(self, name: str, effect: Callable[[], T]) -> T:
        try:
            return await self._gate.through(name, effect)
        except SourceUnavailable:
            self._begin_again()  # whatever was handed out and not received is read again
            raise

    def _begin_again(self) -> None:
        self._taken_over = False
        self._own = dict.fromkeys(GROUPS, START)

    def _holder(self) -> str | None:
        if self._faults.strikes(Kind.LEASE_LOST):
            self._server.end_lease()
        return self._server.holder

    def _claim_all(self, stream: str) -> int | None:
        """Claim what others hold of a stream and say how much it was; None while another holds the lease."""
        if self._holder() not in {None, self.consumer}:
            return None
        self._ensure_groups()
        self._server.give_lease(self.consumer, int(LEASE_S * 1000))
        keys = self._held_by_others(stream)
        self._server.hand_over(stream, GROUPS[stream], self.consumer, keys)
        return len(keys)

    def _look_at_lease(self) -> Lease | None:
        holder = self._server.holder
        if holder in {None, self.consumer}:
            return None
        self._ensure_groups()
        endless = self._server.give_end(int(LEASE_S * 1000))
        states = [self._server.streams[stream] for stream in GROUPS]
        groups = [self._server.streams[stream].groups[group] for stream, group in GROUPS.items()]
        waiting = sum(
            sum(key > group.delivered for key in state.entries)
            for state, group in zip(states, groups, strict=True)
        )
        places = tuple(f"{group.delivered[0]}-{group.delivered[1]}" for group in groups)
        return Lease(str(holder), known=True, endless=endless, waiting=waiting, delivered=places)

    def _held_by_others(self, stream: str) -> list[EntryKey]:
        return self._server.held_by_others(stream, GROUPS[stream], self.consumer)

    def _goes_on(self) -> bool:
        """Prolong the lease; return whether there was one to prolong."""
        self._taken_over = self._holder() == self.consumer
        if self._taken_over:
            self._server.give_lease(self.consumer, int(LEASE_S * 1000))
        return self._taken_over

    def _release(self) -> None:
        if self._server.holder == self.consumer:
            self._server.end_lease()

    def _ensure_groups(self) -> None:
        for stream, group in GROUPS.items():
            self._server.ensure_group(stream, group)

    def _read_pending(self, limit: int) -> list[Handed]:
        if not self._goes_on():
            return []
        self._ensure_groups()
        stream, after = next(iter(self._own.items()))
        handed = self._server.read_pending(stream, GROUPS[stream], self._process.name, after, limit)
        if handed:
            self._own[stream] = handed[-1].key
        else:
            del self._own[stream]
        return handed

    def _read_new(self, limit: int) -> list[Handed]:
        if not self._goes_on():
            return []
        self._ensure_groups()
        handed: list[Handed] = []
        for stream in self._faults.rng.sample(list(GROUPS), len(GROUPS)):
            room = limit - len(handed)
            handed += self._server.read_new(stream, GROUPS[stream], self._process.name, room)
        return handed

    def _claim(self, limit: int) -> list[Handed]:
        if self._server.holder not in {None, self.consumer}:
            return []
        self._ensure_groups()
        handed: list[Handed] = []
        for stream, group in GROUPS.items():
            keys = self._server.idle(stream, group, int(MIN_IDLE_S * 1000))
            if len(keys) > 1 and self._faults.strikes(Kind.REORDER):
                self._faults.rng.shuffle(keys)
            handed += self._server.claim(stream, group, self._process.name, keys[: limit - len(handed)])
        return handed

    def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            key = id_in_numbers(delivery.entry_id)
            fields = self._server.fields(delivery.stream, key)
            if fields is None or digest_of(fields) == delivery.digest:
                self._server.acknowledge(delivery.stream, GROUPS[delivery.stream], [key])

    def _deliveries(self, handed: list[Handed]) -> list[Delivery]:
        deliveries = [_delivery(one, self._server.run_id) for one in handed]
        if deliveries and self._faults.strikes(Kind.DUPLICATE):
            deliveries.append(deliveries[0])
        return deliveries


class SimulatedPlaces:
    """The places of the groups on the simulated stream server, two entries at a time."""

    def __init__(self, server: StreamServer, faults: Faults, process: Process) -> None:
        self._server = server
        self._gate = Gate(faults, process, Kind.STREAMS_DOWN, SourceUnavailable)

    async def places(self) -> list[ReadingPlace]:
        return await self._gate.through("places", lambda: [*map(self._place, filter(self._has, GROUPS))])

    async def back_from(self, place: ReadingPlace) -> AsyncIterator[Sequence[Earlier]]:
        upto: EntryKey | None = (place.delivered.ms, place.delivered.seq)
        while upto is not None:
            page = await self._gate.through("look back", partial(self._page, place, upto))
            yield page
            upto = (page[-1].entry_id.ms, page[-1].entry_id.seq - 1) if len(page) == PLACES_PAGE else None

    async def go_back(self, place: ReadingPlace, to: EntryId) -> bool:
        group, before = GROUPS[place.stream], (place.delivered.ms, place.delivered.seq)
        return await self._gate.through(
            "go back", lambda: self._server.set_back(place.stream, group, before, (to.ms, to.seq))
        )

    async def begin_at(self, place: ReadingPlace) -> None:
        raise AssertionError("every group of the simulation begins for its store")

    async def close(self) -> None:
        """There is nothing to release."""

    def _has(self, stream: str) -> bool:
        return self._server.has_group(stream, GROUPS[stream])

    def _place(self, stream: str) -> ReadingPlace:
        state, ids = (
            self._server.streams[stream],
            [EntryId(*key) for key in self._server.streams[stream].entries],
        )
        delivered, start = EntryId(*state.groups[GROUPS[stream]].delivered), EntryId(*START)
        source = stream.removeprefix("quantum:stream:")
        return ReadingPlace(stream, source, start, delivered, min(ids, default=None), start, whole=None)

    def _page(self, place: ReadingPlace, upto: EntryKey) -> list[Earlier]:
        if not self._has(place.stream):
            return []
        state, delivered = self._server.streams[place.stream], (place.delivered.ms, place.delivered.seq)
        keys = {key for key in state.entries if key <= upto} | ({delivered} if upto == delivered else set())
        pending = state.groups[GROUPS[place.stream]].pending
        handed = [Handed(place.stream, key, state.entries.get(key), 1) for key in sorted(keys, reverse=True)]
        return [
            Earlier(EntryId(*one.key), _message(one, self._server.run_id), one.key in pending)
            for one in handed[:PLACES_PAGE]
        ]


def _delivery(handed: Handed, server: str) -> Delivery:
    message, digest = _message(handed, server), digest_of(handed.fields or {})
    return Delivery(message, handed.stream, message.entry_id, handed.deliveries, digest)


def _message(handed: Handed, server: str) -> IncomingMessage:
    entry_id = f"{handed.key[0]}-{handed.key[1]}"
    message = from_fields(
        handed.stream, entry_id, handed.fields or {}, origin=Origin.LIVE, max_bytes=MAX_BYTES, server=server
    )
    if handed.fields is not None:
        return message
    gone = Refusal(Reason.TRIMMED, "message", "trimmed", "an entry that is still in its stream")
    return changed(message, broken=gone)


class SimulatedInstruments:
    """Know one symbol, whose rules change every second; another writer may see the change before us."""

    def instrument(self, symbol: str) -> Instrument | None:
        if symbol != "BTCUSDT":
            return None
        second = int(asyncio.get_running_loop().time())
        return Instrument(symbol, tick_size=Decimal("0.5"), step_size=Decimal(1 + second) / 1000)


class Arrivals:
    """Wakes blocked readers when an entry arrives."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self, seconds: float) -> None:
        """Wait for the next arrival, at most so long."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting.append(woken)
        await asyncio.wait([woken], timeout=seconds)

    def announce(self) -> None:
        """Wake everybody."""
        waiting, self._waiting = self._waiting, []
        for woken in waiting:
            if not woken.done():
                woken.set_result(None)


class SimulatedPublisher:
    """A publisher over the simulated stream server."""

    def __init__(self, server: StreamServer, faults: Faults, process: Process) -> None:
        self._server = server
        self._gate = Gate(faults, process, Kind.STREAMS_DOWN, PublisherUnavailable)

    async def published(self, stream: str) -> Stated | None:
        def look() -> Stated | None:
            self._check_type(stream)
            found = self._server.published.get(stream)
            return None if found is None else found.position

        return await self._gate.through("published", look)

    async def newest(self, stream: str) -> PublishedPosition | None:
        def look() -> PublishedPosition | None:
            self._check_type(stream)
            return self._newest(stream)

        return await self._gate.through("newest", look)

    async def restore(self, stream: str, newest: PublishedPosition) -> bool:
        def put() -> bool:
            self._check_type(stream)
            found = self._server.published.get(stream)
            if (found is not None and found.position is not None) or self._newest(stream) != newest:
                return False
            return self._server.publish(stream, [], None, newest) == newest

        return await self._gate.through("restore", put)

    def _newest(self, stream: str) -> PublishedPosition | None:
        found = self._server.streams.get(stream)
        entries = [] if found is None else list(found.entries.values())
        return position_in(entries[-1].get("payload", "")) if entries else None

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        fields = [entry.fields for entry in entries]

        def add() -> Stated | None:
            self._check_type(stream)
            return self._server.publish(stream, fields, after, upto)

        return await self._gate.through("publish", add)

    def _check_type(self, stream: str) -> None:
        if stream in self._server.of_another_type:
            raise StreamsUnusable(f"{stream} is of another type")

    async def close(self) -> None:
        """Release nothing."""


class SimulatedThread(OneThread):
    """Blocking work done at once, between two moments at which anything may happen."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def run(self, work: Callable[[], T]) -> T:
        return await self._gate.through("store", work)

    def close(self) -> None:
        """There is no thread to end."""


class FaultyRecorder:
    """The recorder of one process: the one store of all, with faults around each of its calls.

    `interfere` lets another writer be faster; it is called between what was read and what is saved.
    """

    def __init__(
        self, store: InMemoryRecorder, faults: Faults, process: Process, interfere: Callable[[Random], None]
    ) -> None:
        self._store = store
        self._faults = faults
        self._process = process
        self._interfere = interfere

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = ()
    ) -> Sequence[int] | None:
        faults = self._faults
        self._reach()
        if faults.strikes(Kind.CONFLICT):
            self._interfere(faults.rng)
        if faults.crashes(Kind.CRASH_BEFORE):
            self._process.die()
        positions = self._store.insert_events(stored_events, absent=absent)
        if faults.crashes(Kind.CRASH_AFTER):
            self._process.die()
        if faults.strikes(Kind.COMMIT_LOST):
            raise OperationalError("the connection was lost during the commit")
        return positions

    def select_stream(self, stream_id: UUID) -> list[RawRow]:
        self._reach(reading=True)
        return self._store.select_stream(stream_id)

    def select_first(self, stream_ids: Sequence[UUID]) -> list[RawRow]:
        self._reach()
        return self._store.select_first(stream_ids)

    def select_log(self, after: int, limit: int, upto: int | None, topics: Sequence[str]) -> list[RawRow]:
        self._reach(reading=True)
        return self._store.select_log(after, limit, upto, topics)

    def select_topics(self) -> list[str]:
        self._reach()
        return self._store.select_topics()

    def max_notification_id(self) -> int | None:
        self._reach()
        return self._store.max_notification_id()

    def close(self) -> None:
        """Leave the store to the others."""

    def _reach(self, *, reading: bool = False) -> None:
        self._process.check_alive()
        if reading and self._faults.strikes(Kind.CONFLICT, seldom=0.1):
            self._interfere(self._faults.rng)
        if self._faults.is_down(Kind.STORE_DOWN) or self._faults.strikes(Kind.UNAVAILABLE):
            raise OperationalError("the store cannot be reached")
