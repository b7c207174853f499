"""The log as the publisher reads it: from memory where that is whole, from the store for the rest."""

import asyncio
from collections.abc import Iterator, Sequence

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.application.ports.live_recording import LogPage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import OneThread
from exitbrain.infrastructure.worker.tail import ThreadedTail
from tests.event_loop import in_event_loop
from tests.world import World

TOPICS = (LevelsComputed.TOPIC, MessageReceived.TOPIC)
LONG_ENOUGH_S = 10.0


class CountsReads(InMemoryLedger):
    """A ledger in memory that counts how often its log is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def log(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[LogEntry]:
        self.reads += 1
        return super().log(after, upto=upto, topics=topics)

    def head(self) -> int:
        self.reads += 1
        return super().head()


class Worker:
    """One worker: its recorder, what it remembers, and its tail, over a store it may share."""

    def __init__(self, store: World, thread: OneThread) -> None:
        self.recent = RecentLog()
        self.recorder = store.another_recorder(saved=self.recent.note)
        self.tail = ThreadedTail(thread, store.ledger, TOPICS, self.recent)

    def take(self, store: World, symbol: str) -> None:
        payload = {"symbol": symbol, "side": "BUY", "entry_price": 10, "leverage": 5}
        self.recorder.handle(store.message("trade.intent", payload, "next"))


def symbols(page: LogPage) -> list[str]:
    return [entry.event.symbol for entry, _ in page.entries if isinstance(entry.event, LevelsComputed)]


@in_event_loop
async def test_what_the_worker_saved_itself_is_not_read_from_the_store() -> None:
    ledger = CountsReads()
    store, thread = World(ledger=ledger), OneThread("tail")
    worker = Worker(store, thread)
    begun = ledger.head()
    worker.take(store, "AUSDT")
    before = ledger.reads
    page = await worker.tail.page(begun, 100)
    assert ledger.reads == before
    assert (symbols(page), page.upto) == (["AUSDT"], ledger.head())
    assert all(receipt is not None for _, receipt in page.entries)
    thread.close()


@in_event_loop
async def test_what_another_worker_wrote_is_found_in_its_place() -> None:
    store, thread = World(), OneThread("tail")
    one, other = Worker(store, thread), Worker(store, thread)
    position = store.ledger.head()
    for worker, symbol in ((one, "AUSDT"), (other, "BUSDT"), (one, "CUSDT"), (other, "DUSDT")):
        worker.take(store, symbol)
    found: list[str] = []
    async with asyncio.timeout(LONG_ENOUGH_S):
        while position < store.ledger.head():
            page = await one.tail.page(position, 3)
            found += symbols(page)
            position = page.upto
    assert found == ["AUSDT", "BUSDT", "CUSDT", "DUSDT"]
    thread.close()


@in_event_loop
async def test_a_page_that_begins_within_a_message_has_its_receipt() -> None:
    store, thread = World(), OneThread("tail")
    worker = Worker(store, thread)
    begun = store.ledger.head()
    worker.take(store, "AUSDT")
    page = await worker.tail.page(begun + 1, 100)
    assert symbols(page) == ["AUSDT"]
    assert all(receipt is not None for _, receipt in page.entries)
    thread.close()
