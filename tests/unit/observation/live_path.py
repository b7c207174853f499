"""A real worker on streams in memory, told to a journal, and the text its metrics give."""

import asyncio
import io
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.place import PlaceCheck
from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.supervisor import Journal, LoopState, Supervisor
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.application.live.worker import Worker, WorkerSettings
from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.application.ports.message_source import Backlog, Delivery, Lease, Repair, SourceUnavailable
from exitbrain.application.ports.publisher import Outgoing, PublishedPosition, Stated
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.values import changed
from exitbrain.infrastructure.observability.journal import Level, LiveJournal
from exitbrain.infrastructure.observability.metrics import Metrics
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import OneThread, ThreadedRecording
from exitbrain.infrastructure.worker.tail import ThreadedTail
from tests.ignored_exits import ignored_outcome
from tests.streams_in_memory.places import InMemoryPlaces
from tests.streams_in_memory.streams import InMemoryStreams
from tests.world import NOON, THIS, World

LEVELS = "quantum:stream:exitbrain.adaptive_levels"


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Told:
    """A journal with what it wrote."""

    def __init__(self, level: Level = "info", metrics: Metrics | None = None) -> None:
        self.metrics = metrics or Metrics(mode="shadow")
        self.clock = HandClock()
        self._written = io.StringIO()
        self.journal = LiveJournal(
            self.metrics, level=level, form="json", stream=self._written, clock=self.clock
        )

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return every line of the log."""
        return [json.loads(line) for line in self._written.getvalue().splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.lines if line["event"] == event]

    def value(self, name: str, **labels: str) -> float:
        """Return one sample of the metrics."""
        return samples(self.metrics)[name, frozenset(labels.items())]


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample as a scraper reads it, by name and labels."""
    text = metrics.exposition()[0].decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told_everything() -> Told:
    """Return a journal that was told of everything at least once, so that every metric has a sample."""
    told, world = Told(), World()
    intent = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 20}
    told.metrics.watch(
        {"read": LoopState("read", time.monotonic())},
        silent_s=lambda: 0.0,
        unpublished=Unpublished(),
        lease=LeaseWatch(told.journal),
    )
    told.metrics.watch_ready(lambda: True)
    for message in (intent, intent | {"leverage": 500}):
        outcome = world.recorder.handle(world.message("trade.intent", message))
        told.journal.event("messages", outcomes=[outcome])
    told.journal.event(
        "messages", outcomes=[changed(ignored_outcome(), unusable=("quantity",), not_believed=("stream_id",))]
    )
    for name in ("read", "committed", "acknowledged"):
        told.journal.event(name, entries=2, seconds=0.001, filled=0.0)
    told.journal.event("published", stream=LEVELS, position=9, entries=1, entry_ids=["1-0"], seconds=0.001)
    told.journal.event("clocks_compared", ahead_s=0.0)
    told.journal.event("turn_taken", consumer="worker-a")
    told.journal.event("backlog", stream="quantum:stream:trade.intent", lag=0, pending=0)
    told.journal.trouble("loop_failed", loop="read", error="refused", failures=1, silent_s=0.1)
    return told


class MessagesInMemory:
    """A source that delivers what it was given, and remembers what was acknowledged.

    The first read fails, and the last message is at first in the hands of somebody else.
    """

    consumer = "worker-a"
    holds_lease = False

    def __init__(self, messages: Sequence[IncomingMessage]) -> None:
        self._waiting = [Delivery(message, message.stream, message.entry_id, 5, "") for message in messages]
        self._with_others = [self._waiting.pop()]
        self._fails = True
        self.acknowledged: list[str] = []

    async def open(self) -> None:
        if self._fails:
            self._fails = False
            raise SourceUnavailable("connection refused")

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        self.holds_lease = True
        if not self._waiting:
            await asyncio.sleep(0.01)
        found, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return found

    async def lease(self) -> Lease | None:
        return None

    def repairs(self) -> list[Repair]:
        return []

    async def reclaim(self, limit: int) -> list[Delivery]:
        found, self._with_others = self._with_others, []
        return found

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        self.acknowledged += [delivery.entry_id for delivery in deliveries]

    async def backlog(self) -> list[Backlog]:
        return [Backlog("quantum:stream:trade.intent", 3, 2), Backlog("quantum:stream:trade.closed", None, 0)]

    async def server_time(self) -> datetime:
        return NOON

    async def reap(self) -> list[str]:
        return []

    async def close(self) -> None:
        """Keep everything: there is nothing to release."""


class StreamsInMemory:
    """Streams that remember up to where they are published."""

    def __init__(self) -> None:
        self.positions: dict[str, PublishedPosition] = {}
        self.entries: list[Outgoing] = []

    async def published(self, stream: str) -> Stated | None:
        return self.positions.get(stream)

    async def restore(self, stream: str, newest: PublishedPosition) -> bool:
        return False

    async def newest(self, stream: str) -> PublishedPosition | None:
        return None

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        self.positions[stream] = upto
        self.entries += entries
        return upto

    async def close(self) -> None:
        """Keep everything: there is nothing to release."""


class LevelsAlone:
    """A published language of one word."""

    streams = (LEVELS,)
    topics = (LevelsComputed.TOPIC,)

    def entries(self, entry: LogEntry, receipt: MessageReceived | None) -> list[Outgoing]:
        return [Outgoing(LEVELS, {}, entry.position)] if isinstance(entry.event, LevelsComputed) else []


async def run_worker(
    world: World, messages: Sequence[IncomingMessage], journal: Journal, done: Callable[[], bool]
) -> None:
    """Run a worker until `done`, at most some seconds."""
    supervisor = Supervisor(journal, transient=(SourceUnavailable,))
    writer, reader = OneThread("writer"), OneThread("reader")
    language, source, streams = LevelsAlone(), MessagesInMemory(messages), StreamsInMemory()
    tail = ThreadedTail(reader, world.ledger, language.topics, RecentLog())
    recording, nothing_read = (
        ThreadedRecording(writer, world.recorder),
        InMemoryPlaces(InMemoryStreams(lambda: 0)),
    )
    worker = Worker(
        source,
        PlaceCheck(nothing_read, recording, journal, go_on=False),
        recording,
        Publishing(THIS, tail, language, streams, journal),
        supervisor,
        journal,
        WorkerSettings(reclaim_every_s=0.02, reap_every_s=0.02),
    )
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(20):
        while not (done() and len(source.acknowledged) == len(messages)):
            await asyncio.sleep(0.01)
        supervisor.stop()
        await running
    writer.close()
    reader.close()
