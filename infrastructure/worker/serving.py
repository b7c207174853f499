"""`exitbrain serve`: the live worker as a process, from its settings to its exit code."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from redis import RedisError

from exitbrain import __version__
from exitbrain.application.live.clocks import ClockCheck
from exitbrain.application.live.place import EntriesTrimmed, PlaceCheck
from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.publishing_epoch import begin_epoch
from exitbrain.application.live.publishing_place import PublishedElsewhere
from exitbrain.application.live.supervisor import LoopFailed, Supervisor
from exitbrain.application.live.worker import Worker, WorkerSettings
from exitbrain.application.ports.exit_ledger import Conflict, ExitLedger, StoreUnavailable
from exitbrain.application.ports.message_source import ReadElsewhere, SourceUnavailable
from exitbrain.application.ports.publisher import PublisherUnavailable
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.application.recording.opening import identity_of
from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.container import Container, opened
from exitbrain.infrastructure.event_store.stores import open_to_read
from exitbrain.infrastructure.observability.health import Heartbeat
from exitbrain.infrastructure.observability.health_server import HealthServer
from exitbrain.infrastructure.observability.journal import LiveJournal
from exitbrain.infrastructure.observability.metrics import Metrics
from exitbrain.infrastructure.presentation.new_store import stop_inside_costs
from exitbrain.infrastructure.presentation.wording import PUBLISHED_ELSEWHERE
from exitbrain.infrastructure.redis.first_look import look_at
from exitbrain.infrastructure.redis.places import RedisPlaces
from exitbrain.infrastructure.redis.publisher import RedisPublisher
from exitbrain.infrastructure.redis.source import RedisSource, SourceSettings
from exitbrain.infrastructure.settings import ENV_FILE, Settings, unknown_settings
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.worker.ending import Ending
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import OneThread, ThreadedRecording
from exitbrain.infrastructure.worker.tail import ThreadedTail

TRANSIENT = (SourceUnavailable, PublisherUnavailable, StoreUnavailable, Conflict)
"""What can pass; anything else that a loop raises ends the process."""

STOPPED, REFUSED, FAILED = 0, 2, 3
"""Exit codes: as it was told to, and because a loop could not go on: with or without a change of settings or rights."""

CLOCKS_EVERY_S = 60.0
"""How often the clock of Redis is compared with that of this machine."""

STOPPING = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Start-only options: where to publish from; None and False mean where the streams say."""

    republish_from: int | None = None
    begin_publishing_here: bool = False

    @property
    def take_over(self) -> bool:
        """Return whether what another store reads and publishes is to be ours."""
        return self.begin_publishing_here or self.republish_from is not None


class Unserved(ExitBrainError):
    """The worker ended because it could not go on; the text says why."""


def serve(settings: Settings, options: ServeOptions) -> None:
    """Work until SIGTERM or SIGINT; raises Unserved when a loop cannot go on, StreamsUnusable when none ever could."""
    metrics = Metrics(mode=settings.served_mode)
    journal = LiveJournal(metrics, level=settings.log_level, form=settings.log_form)
    for name, like in unknown_settings(ENV_FILE).items():
        journal.trouble("setting_unknown", setting=name, meant=like)
    with Ending(journal) as ending:
        _end_on_signals(ending)
        with suppress(SourceUnavailable, RedisError):  # the loops tell of these, and try again
            asyncio.run(look_at(settings.redis, settings.names))
        with opened(settings, "create", journal=journal) as container:
            if warning := stop_inside_costs(container.ledger(), settings.decisions):
                journal.trouble("stop_inside_costs", what=warning)
            try:
                asyncio.run(_serve(settings, options, container, metrics, journal, ending))
            except LoopFailed as failed:
                if isinstance(failed.__cause__, StreamsUnusable):
                    raise failed.__cause__ from failed
                raise Unserved(_why(failed)) from failed
            except (PublisherUnavailable, SourceUnavailable) as away:
                raise Unserved(f"the worker cannot take over: {away}") from away
            finally:
                journal.summarise()
                journal.event("stopped", took_s=ending.took_s)


def _why(failed: LoopFailed) -> str:
    if isinstance(failed.__cause__, ReadElsewhere | EntriesTrimmed):
        return str(failed.__cause__)
    if isinstance(failed.__cause__, PublishedElsewhere):
        return f"{failed.__cause__}; {PUBLISHED_ELSEWHERE}"
    return f"the worker cannot go on: {failed}"


async def _serve(
    settings: Settings,
    options: ServeOptions,
    container: Container,
    metrics: Metrics,
    journal: LiveJournal,
    ending: Ending,
) -> None:
    supervisor = Supervisor(journal, transient=TRANSIENT, give_up_after_s=settings.give_up_after_s)
    heartbeat = Heartbeat(journal)
    async with AsyncExitStack() as stack:
        writer, reader = OneThread("writer"), OneThread("tail")
        stack.callback(writer.close)
        stack.callback(reader.close)
        store = identity_of(container.ledger())
        store_id = str(store.store_id)
        source_settings = _source_settings(settings, take_over=options.take_over)
        source = RedisSource(settings.redis, settings.consumer_name, store_id, source_settings)
        stack.push_async_callback(source.close)
        places = RedisPlaces(
            settings.redis, settings.names, store_id, max_message_bytes=settings.max_message_bytes
        )
        stack.push_async_callback(places.close)
        publisher = RedisPublisher(settings.redis)
        stack.push_async_callback(publisher.close)

        tail_ledger = stack.enter_context(_tail_ledger(settings, container))
        units = PolicyUnits(tail_ledger.register)
        for policy in tail_ledger.register().policies:
            units(policy)  # now, not later in the event loop
        if options.begin_publishing_here:
            stated = [await publisher.published(stream) for stream in settings.names.published]
            store = begin_epoch(container.ledger(), container.clock(), __version__, stated)
        language = Published(store, units, container.translator(), settings.names)
        recent = RecentLog()
        tail = ThreadedTail(reader, tail_ledger, language.topics, recent)
        publishing = Publishing(store, tail, language, publisher, journal)
        recording = ThreadedRecording(writer, container.recorder(saved=recent.note))
        await recording.begin()
        place = PlaceCheck(places, recording, journal, go_on=options.begin_publishing_here)
        worker = Worker(source, place, recording, publishing, supervisor, journal, WorkerSettings())

        metrics.watch(
            supervisor.states,
            silent_s=lambda: heartbeat.silent_s,
            unpublished=publishing.unpublished,
            lease=worker.lease,
            conflicts=recording.conflicts,
        )
        health = HealthServer(
            supervisor,
            heartbeat,
            publishing.unpublished,
            worker.lease,
            metrics,
            journal,
            mode=settings.served_mode,
            address=settings.health,
            token="" if settings.health_token is None else settings.health_token.get_secret_value(),
        )
        stack.enter_context(health)
        supervisor.start("health", heartbeat.beat)
        venue = container.venue_instruments()
        if venue is not None:
            stack.push_async_callback(venue.close)
            supervisor.start("instruments", venue.refresh, every_s=1.0)
        await _do_as_told(options, source, publishing)
        supervisor.start("clocks", ClockCheck(source, container.clock(), journal).run, every_s=CLOCKS_EVERY_S)
        _stop_on_signals(supervisor, journal, ending)
        journal.event("serving", health=health.url, consumer=settings.consumer_name)
        try:
            await worker.run()
        except LoopFailed as failed:
            ending.is_due(REFUSED if isinstance(failed.__cause__, StreamsUnusable) else FAILED)
            raise


async def _do_as_told(options: ServeOptions, source: RedisSource, publishing: Publishing) -> None:
    """Do what is said at the start alone, before anything runs."""
    if options.take_over:
        await source.open()
    if options.begin_publishing_here:
        await publishing.begin_here()
    if options.republish_from is not None:
        await publishing.go_back(options.republish_from)


def _source_settings(settings: Settings, *, take_over: bool) -> SourceSettings:
    return SourceSettings(
        names=settings.names,
        take_over=take_over,
        max_message_bytes=settings.max_message_bytes,
        group_start=settings.group_start,
        reclaim_idle_s=settings.reclaim_idle_s,
        reap_idle_s=settings.reap_idle_s,
    )


@contextmanager
def _tail_ledger(settings: Settings, container: Container) -> Iterator[ExitLedger]:
    """Open a second ledger on the store, so that reading the log never waits for a writer; memory has but one."""
    if settings.store.startswith("memory:"):
        yield container.ledger()
        return
    ledger = open_to_read(settings.store)
    try:
        yield ledger
    finally:
        ledger.close()


def _end_on_signals(ending: Ending) -> None:
    """End at once when told to, until the loops run: the store may say nothing, and nothing is in hand yet."""

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.is_due(STOPPED)
        raise SystemExit(STOPPED)

    for number in STOPPING:
        signal.signal(number, end)


def _stop_on_signals(supervisor: Supervisor, journal: LiveJournal, ending: Ending) -> None:
    def stop(name: str) -> None:
        journal.event("stopping", signal=name)
        ending.is_due(STOPPED)
        supervisor.stop()

    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, stop, number.name)
