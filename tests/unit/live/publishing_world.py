"""A process that publishes the log of a world to streams in memory, and what readers find there."""

import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.publishing_epoch import begin_epoch
from exitbrain.application.ports.publisher import Outgoing, PublishedPosition, Stated
from exitbrain.application.recording.opening import identity_of
from exitbrain.domain.events import Record
from exitbrain.domain.store import StoreIdentity
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import OneThread
from exitbrain.infrastructure.worker.tail import ThreadedTail
from tests.names import PUBLISHED
from tests.streams_in_memory.streams import InMemoryPublisher, InMemoryStreams
from tests.unit.observation.live_path import Told
from tests.world import World

T = TypeVar("T")


class CutShort(Exception):
    """The process was killed here."""


class MortalPublisher(InMemoryPublisher):
    """A publisher whose process is killed at the publication of that number, before its effect or before its reply."""

    def __init__(self, streams: InMemoryStreams, survives: int, *, has_effect: bool) -> None:
        super().__init__(streams)
        self._survives = survives
        self._has_effect = has_effect

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        self._survives -= 1
        if self._survives >= 0:
            return await super().publish(stream, entries, after=after, upto=upto)
        if self._has_effect:
            await super().publish(stream, entries, after=after, upto=upto)
        raise CutShort


class DoneAtOnce(OneThread):
    """Blocking work, done where it is asked for."""

    def __init__(self) -> None:
        """Need no thread."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()


class PublishingProcess:
    """A process that publishes the log of a world."""

    def __init__(
        self, world: World, streams: InMemoryStreams, publisher: InMemoryPublisher | None = None
    ) -> None:
        self.world = world
        self.told = Told()
        self.publisher = publisher or InMemoryPublisher(streams)
        self.publishing = self._publishing_as(identity_of(world.ledger))

    async def publish(self) -> None:
        """Publish what there is."""
        while await self.publishing.step():
            pass

    async def begin_here(self) -> None:
        """Do what `serve --begin-publishing-here` does before it publishes."""
        stated = [await self.publisher.published(stream) for stream in PUBLISHED]
        store = begin_epoch(self.world.ledger, self.world.clock, "test", stated)
        self.publishing = self._publishing_as(store)
        await self.publishing.begin_here()

    def _publishing_as(self, store: StoreIdentity) -> Publishing:
        ledger = self.world.ledger
        language = Published(store, PolicyUnits(ledger.register), WireTranslator())
        tail = ThreadedTail(DoneAtOnce(), ledger, language.topics, RecentLog())
        return Publishing(store, tail, language, self.publisher, self.told.journal)


def told(streams: InMemoryStreams, stream: str) -> list[tuple[str, int, int]]:
    """Return store id, epoch and log position of every entry of a stream."""
    payloads = [json.loads(fields["payload"]) for _, fields in streams.entries(stream)]
    return [(one["store_id"], one["epoch"], one["log_position"]) for one in payloads]


def copy_of(world: World, upto: int | None = None) -> World:
    """Return the world of a copy of the store, up to a position of its log."""
    ledger = InMemoryLedger()
    ledger.save([Record(e.stream_id, e.version, e.event) for e in world.ledger.log(upto=upto)])
    return World(ledger=ledger)
