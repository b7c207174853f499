"""The live path in this process: the real adapters and the real supervisor, within reach of a test."""

import asyncio
import io
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from exitbrain.application.live.place import PlaceCheck
from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.supervisor import LoopFailed, Supervisor
from exitbrain.application.live.worker import Worker, WorkerSettings
from exitbrain.application.ports.live_recording import Undecided
from exitbrain.application.recording.opening import identity_of
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.result import MessageResult
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.event_store.stores import open_to_read
from exitbrain.infrastructure.observability.health import Heartbeat
from exitbrain.infrastructure.observability.health_server import HealthServer
from exitbrain.infrastructure.observability.journal import LiveJournal
from exitbrain.infrastructure.observability.metrics import Metrics
from exitbrain.infrastructure.redis.places import RedisPlaces
from exitbrain.infrastructure.redis.publisher import RedisPublisher
from exitbrain.infrastructure.redis.source import RedisSource
from exitbrain.infrastructure.settings import Settings
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import OneThread, ThreadedRecording
from exitbrain.infrastructure.worker.serving import TRANSIENT
from exitbrain.infrastructure.worker.tail import ThreadedTail
from tests.own_time import LIVENESS_S

END_WITHIN_S = 20.0


class HeldRecording(ThreadedRecording):
    """A recording whose writer thread does not come back while `hang` is set, for at most ten seconds."""

    def __init__(self, thread: OneThread, recorder: Recorder) -> None:
        super().__init__(thread, recorder)
        self.hang = threading.Event()
        self.released = threading.Event()

    def _record(self, messages: Sequence[IncomingMessage]) -> list[MessageResult | Undecided]:
        if self.hang.is_set():
            self.released.wait(10)
        return super()._record(messages)


class Live:
    """A worker on an event loop of its own thread, wired as `exitbrain serve` wires it."""

    def __init__(
        self, redis_url: str, store: str, *, supervisor: Callable[..., Supervisor] = Supervisor
    ) -> None:
        self.log = io.StringIO()
        self.failed: LoopFailed | None = None
        self.recording: HeldRecording
        self.tail_thread: OneThread
        self.supervisor: Supervisor
        self._supervised_by = supervisor
        self._settings = Settings(store=store, redis=redis_url, consumer="test", health="127.0.0.1:0")
        self._serving = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="worker")
        self._thread.start()
        assert self._serving.wait(END_WITHIN_S)

    def do(self, work: Callable[[], object]) -> None:
        """Do something in the event loop of the worker."""
        self._loop.call_soon_threadsafe(work)

    def task(self, loop: str) -> "asyncio.Task[Any]":
        """Return the task of a loop as the event loop knows it."""
        return next(task for task in asyncio.all_tasks(self._loop) if task.get_name() == loop)

    def ask(self, path: str = "/healthz/ready") -> tuple[int, str]:
        """Return what the health endpoint answers; 0 and the error if a busy machine lets it give up first."""
        connection = HTTPConnection(self._address, timeout=LIVENESS_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError as error:
            return 0, repr(error)
        finally:
            connection.close()

    def logged(self, event: str, **facts: object) -> list[dict[str, Any]]:
        """Return the lines of an event, those with certain facts."""
        lines = self.log.getvalue().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [one for one in found if {"event": event, **facts}.items() <= one.items()]

    def end(self) -> None:
        """Stop the worker and leave its health endpoint; a second time does nothing."""
        if not self._thread.is_alive():
            return
        self.recording.released.set()
        self.do(self.supervisor.stop)
        self.do(self._leave.set)
        self._thread.join(END_WITHIN_S)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop, self._leave = asyncio.get_running_loop(), asyncio.Event()
        metrics = Metrics(mode="shadow")
        journal = LiveJournal(metrics, form="json", stream=self.log)
        async with AsyncExitStack() as stack:
            container = stack.enter_context(opened(self._settings, "create"))
            writer, self.tail_thread = OneThread("writer"), OneThread("tail")
            stack.callback(writer.close)
            stack.callback(self.tail_thread.close)
            store_id = str(identity_of(container.ledger()).store_id)
            source = RedisSource(self._settings.redis, "test", store_id)
            places = RedisPlaces(self._settings.redis, self._settings.names, store_id)
            stack.push_async_callback(places.close)
            stack.push_async_callback(source.close)
            publisher = RedisPublisher(self._settings.redis)
            stack.push_async_callback(publisher.close)
            ledger = open_to_read(self._settings.store)
            stack.callback(ledger.close)
            store = identity_of(ledger)
            language = Published(store, PolicyUnits(ledger.register), container.translator())
            recent = RecentLog()
            tail = ThreadedTail(self.tail_thread, ledger, language.topics, recent)
            self.supervisor = self._supervised_by(journal, transient=TRANSIENT)
            self.recording = HeldRecording(writer, container.recorder(saved=recent.note))
            publishing = Publishing(store, tail, language, publisher, journal)
            worker = Worker(
                source,
                PlaceCheck(places, self.recording, journal, go_on=False),
                self.recording,
                publishing,
                self.supervisor,
                journal,
                WorkerSettings(),
            )
            heartbeat = Heartbeat(journal)
            health = HealthServer(
                self.supervisor,
                heartbeat,
                publishing.unpublished,
                worker.lease,
                metrics,
                journal,
                mode="shadow",
                address="127.0.0.1:0",
            )
            self._address = urlsplit(health.url).netloc
            stack.enter_context(health)
            self.supervisor.start("health", heartbeat.beat)
            self._serving.set()
            try:
                await worker.run()
            except LoopFailed as failed:
                self.failed = failed
            await self._leave.wait()
