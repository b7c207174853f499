"""The loops of a worker among each other: who waits for whom, and who does not."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

from exitbrain.application.live.place import PlaceCheck
from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.supervisor import Supervisor
from exitbrain.application.live.worker import Worker, WorkerSettings
from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.application.ports.live_recording import Undecided
from exitbrain.application.ports.message_source import Delivery, SourceUnavailable
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.opening import identity_of
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.message import IncomingMessage, Translation
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import changed
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import OneThread, ThreadedRecording
from exitbrain.infrastructure.worker.tail import ThreadedTail
from tests.event_loop import in_event_loop
from tests.names import STORE
from tests.streams_in_memory.places import InMemoryPlaces
from tests.streams_in_memory.streams import InMemoryPublisher, InMemorySource, InMemoryStreams
from tests.unit.observation.live_path import Told
from tests.world import World

INTENTS = "quantum:stream:trade.intent"
FAILING = "BADUSDT"
LONG_ENOUGH_S = 20.0
ONE_BY_ONE = WorkerSettings(batch_max=1, buffer_max=2, wait_s=0.01, reclaim_every_s=0.02)


class FailingTranslator(WireTranslator):
    """A translator with a fault of its own for one symbol."""

    def translate(self, message: IncomingMessage) -> Translation:
        if message.broken is None and message.fields.values.get("symbol") == FAILING:
            raise ArithmeticError("a fault of its own")
        return super().translate(message)


class HeldSource(InMemorySource):
    """A source whose acknowledgements wait to be let go, or fail while they are told to, as do reads of too many."""

    def __init__(self, streams: InMemoryStreams) -> None:
        super().__init__(streams, "worker-a", STORE, reclaim_idle_s=0.02)
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.failures_left = 0
        self.too_many = 0
        self.asked: list[int] = []

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        self.asked.append(limit)
        if 0 < self.too_many <= limit:
            raise SourceUnavailable("no answer in time")
        return await super().read(limit, wait_s)

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        await self.let_go.wait()
        if self.failures_left:
            self.failures_left -= 1
            raise SourceUnavailable("the answer was lost")
        await super().acknowledge(deliveries)


class HeldRecording(ThreadedRecording):
    """A recording whose thread waits until it is let go; its store is away when a message is given up for the first time."""

    def __init__(self, thread: OneThread, recorder: Recorder) -> None:
        super().__init__(thread, recorder)
        self.at_work = threading.Event()
        self.let_go = threading.Event()
        self.let_go.set()
        self.pending_then: list[list[str]] = []
        self.look: Callable[[], list[str]] = list

    async def give_up(self, undecided: Undecided) -> MessageResult:
        self.pending_then.append(self.look())
        if len(self.pending_then) == 1:
            raise StoreUnavailable("the store cannot be reached")
        return await super().give_up(undecided)

    def _record(self, messages: Sequence[IncomingMessage]) -> list[MessageResult | Undecided]:
        self.at_work.set()
        self.let_go.wait(LONG_ENOUGH_S)
        return super()._record(messages)


class Running:
    """A worker over streams in memory, and what came of its work."""

    def __init__(self, settings: WorkerSettings = ONE_BY_ONE) -> None:
        self.world = World()
        self.world.intake = Intake(self.world.engine, FailingTranslator())
        self.settings = settings
        self.streams = InMemoryStreams(lambda: int(1000 * time.time()))
        self.source = HeldSource(self.streams)

    @property
    def received(self) -> list[str]:
        return [e.event.entry_id for e in self.world.ledger.log() if isinstance(e.event, MessageReceived)]

    @property
    def receipts(self) -> int:
        return len(self.received)

    @property
    def pending(self) -> list[str]:
        return [str(entry_id) for entry_id in self.streams.group(INTENTS).pending]

    @property
    def commits(self) -> int:
        """Return how often it was looked whether there is something to commit."""
        return self.supervisor.states["commit"].steps

    def runs(self, loop: str) -> bool:
        return any(task.get_name() == loop for task in asyncio.all_tasks())

    def send(self, count: int) -> None:
        for number in range(count):
            fields = {"symbol": f"S{number}USDT", "side": "BUY", "entry_price": "10", "leverage": "5"}
            self.streams.add(INTENTS, fields)

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONG_ENOUGH_S):
            while not reached():
                await asyncio.sleep(0.005)

    async def work(self, story: Callable[["Running"], Awaitable[None]]) -> None:
        journal, recent = Told().journal, RecentLog()
        self.supervisor = supervisor = Supervisor(journal, transient=(SourceUnavailable, StoreUnavailable))
        writer, reader = OneThread("writer"), OneThread("tail")
        store = identity_of(self.world.ledger)
        language = Published(store, PolicyUnits(self.world.ledger.register), WireTranslator())
        tail = ThreadedTail(reader, self.world.ledger, language.topics, recent)
        publishing = Publishing(store, tail, language, InMemoryPublisher(self.streams), journal)
        self.recording = HeldRecording(writer, self.world.another_recorder(saved=recent.note))
        self.recording.look = lambda: self.pending
        place = PlaceCheck(InMemoryPlaces(self.streams), self.recording, journal, go_on=False)
        worker = Worker(self.source, place, self.recording, publishing, supervisor, journal, self.settings)
        running = asyncio.create_task(worker.run())
        await story(self)
        supervisor.stop()
        await running
        writer.close()
        reader.close()


@in_event_loop
async def test_the_next_batch_is_committed_while_the_last_is_not_acknowledged_yet() -> None:
    async def story(running: Running) -> None:
        running.source.let_go.clear()
        running.send(2)
        await running.until(lambda: running.receipts == 2)
        assert len(running.pending) == 2
        running.source.let_go.set()
        await running.until(lambda: not running.pending)

    await Running().work(story)


@in_event_loop
async def test_what_waits_to_be_acknowledged_is_bounded() -> None:
    async def story(running: Running) -> None:
        running.source.let_go.clear()
        running.send(30)
        await running.until(lambda: running.receipts >= ONE_BY_ONE.buffer_max)
        before = running.commits
        await running.until(
            lambda: running.commits > before + 10
        )  # it looks again and again, and finds no room
        assert running.receipts <= ONE_BY_ONE.buffer_max + 2 * ONE_BY_ONE.batch_max
        running.source.let_go.set()
        await running.until(lambda: running.receipts == 30 and not running.pending)

    await Running().work(story)


@in_event_loop
async def test_a_message_whose_acknowledgement_was_lost_comes_again_and_counts_once() -> None:
    async def story(running: Running) -> None:
        running.source.failures_left = 2
        running.send(3)
        await running.until(lambda: running.receipts == 3 and not running.pending)
        assert running.source.failures_left == 0

    await Running().work(story)


@in_event_loop
async def test_a_message_in_doubt_whose_store_is_away_holds_up_no_other_and_ends_as_refused() -> None:
    async def story(running: Running) -> None:
        running.streams.add(INTENTS, {"symbol": FAILING, "side": "BUY"})
        running.send(3)
        await running.until(lambda: running.receipts == 4 and not running.pending)
        assert len(running.recording.pending_then[0]) == 1

    await Running(changed(ONE_BY_ONE, batch_max=4, buffer_max=8, attempts_max=1)).work(story)


@in_event_loop
async def test_what_is_committed_after_it_was_told_to_stop_is_acknowledged() -> None:
    async def story(running: Running) -> None:
        running.recording.let_go.clear()
        running.send(1)
        await running.until(running.recording.at_work.is_set)
        running.supervisor.stop()
        await running.until(lambda: not running.runs("acknowledge"))
        running.recording.let_go.set()

    running = Running()
    await running.work(story)
    assert (running.receipts, running.pending) == (1, [])


@in_event_loop
async def test_a_read_without_an_answer_is_asked_again_for_half_as_much_and_later_for_more() -> None:
    async def story(running: Running) -> None:
        running.source.too_many = 2
        running.send(1)
        await running.until(lambda: running.receipts == 1)
        assert running.source.asked[:4] == [8, 4, 2, 1]
        running.source.too_many = 0
        await running.until(lambda: running.source.asked[-1] == 8)

    await Running(changed(ONE_BY_ONE, batch_max=8, buffer_max=8)).work(story)
