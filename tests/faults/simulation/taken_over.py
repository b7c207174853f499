"""A run whose store is put back to a backup, or replaced by a new one, while the streams keep what they have.

No worker publishes until an operator says that it is to begin here; he says it again and again, through whatever kills
the starts. Then the streams hold, in the new epoch, the latest decision of each open plan and everything after it.
"""

import asyncio
import json
from random import Random
from uuid import UUID

from exitbrain.application.live.publishing_place import PublishedElsewhere
from exitbrain.application.live.worker import WorkerSettings
from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.recording import opening
from exitbrain.application.recording.opening import identity_of
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.store import EpochRaised
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.memory import InMemoryRecorder
from tests.faults.simulation.expected import Expected
from tests.faults.simulation.faults import Faults, Kind
from tests.faults.simulation.history import history, stored_events
from tests.faults.simulation.live_worker import LiveWorker, Parts, Surroundings
from tests.faults.simulation.ports import GROUPS, Arrivals, SimulatedClock
from tests.faults.simulation.processes import End
from tests.faults.simulation.schedule import language_of
from tests.faults.simulation.streams import Fields, StreamServer
from tests.faults.simulation.workload import workload
from tests.names import PUBLISHED

OTHER_STORE = UUID("07ebd000-0000-4000-8000-000000000002")

KINDS = {Kind.CRASH_BEFORE, Kind.CRASH_AFTER, Kind.UNAVAILABLE, Kind.LOST_REPLY, Kind.SLOW, Kind.COMMIT_LOST}
WITHIN_S = 60.0
STARTS_MAX = 60


class TakenOver:
    """The run of one seed."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._server = StreamServer(SimulatedClock().ms)
        self._store = InMemoryRecorder()
        self._faults = Faults(self._rng)
        self._faults.kinds &= KINDS
        self._faults.over = True
        self._arrivals = Arrivals()
        self.complaints: list[str] = []

    async def run(self) -> list[str]:
        """Return every broken promise in words."""
        self._store.insert_events(history(0))
        await self._work()
        backup = InMemoryRecorder()
        backup.insert_events(stored_events(self._ledger))
        await self._work()
        original, self._store = self._store, self._rng.choice((backup, new_store()))
        await self._is_refused("the store that was put in place")
        published = {stream: len(self._entries(stream)) for stream in PUBLISHED}
        await self._begin_here()
        await self._work()
        self._check(published)
        self._check_received()
        self._store = original
        await self._is_refused("the store before")
        return self.complaints

    async def _work(self) -> None:
        """Let a worker take some messages until all is published, and end it."""
        worker = self._worker()
        worker.start()
        for sending in workload(self._rng, seconds=0.5, undecidable=False):
            self._server.add(sending.stream, sending.fields)
        self._arrivals.announce()
        deadline = _now() + WITHIN_S
        while worker.in_hand or not self._server.drained(GROUPS) or not self._is_published():
            if _now() > deadline or not worker.process.alive:
                self.complaints.append(f"not done: {worker.process.error!r}")
                return
            await asyncio.sleep(0.1)
        worker.stop()
        await worker.process.ended()

    async def _is_refused(self, what: str) -> None:
        before = {stream: self._entries(stream) for stream in PUBLISHED}
        worker = self._worker()
        worker.start()
        end = await worker.process.ended()
        error = worker.process.error
        if end is not End.FAILED or not isinstance(error and error.__cause__, PublishedElsewhere):
            self.complaints.append(f"{what} is not refused: {end} with {error!r}")
        if before != {stream: self._entries(stream) for stream in PUBLISHED}:
            self.complaints.append(f"{what} published something")

    async def _begin_here(self) -> None:
        """Start as the operator says, and now and then without a word, until a start comes through."""
        self._faults.over = False
        for start in range(STARTS_MAX):
            self._faults.over = start > STARTS_MAX // 2
            says_so = self._rng.random() < 0.8
            worker = self._worker(begins_here=says_so)
            worker.start()
            ended = asyncio.create_task(worker.process.ended())
            await asyncio.wait([ended], timeout=5.0)
            worker.stop()
            if await ended is not End.KILLED and worker.publishes:
                break
            elsewhere = isinstance(getattr(worker.process.error, "__cause__", None), PublishedElsewhere)
            if says_so and elsewhere:
                self.complaints.append(f"a start that was to begin here was refused: {worker.process.error}")
        self._faults.over = True

    def _worker(self, *, begins_here: bool = False) -> LiveWorker:
        around = Surroundings(
            server=self._server,
            arrivals=self._arrivals,
            store=self._store,
            language=language_of,
            faults=self._faults,
            interfere=lambda _: None,
            instruments=NoInstruments(),
            decision_settings=DecisionSettings(),
            worker_settings=WorkerSettings(reclaim_every_s=0.4),
            give_up_after_s=60.0,
        )
        return LiveWorker("worker", around, Parts(), begins_here=begins_here)

    @property
    def _ledger(self) -> StoredLedger:
        return StoredLedger(self._store, "the store")

    def _is_published(self) -> bool:
        return Expected(self._ledger, language_of(identity_of(self._ledger))).is_published(self._server)

    def _check(self, published: dict[str, int]) -> None:
        """Compare what every stream says in the last epoch with the log; it may say more before, in earlier ones."""
        store = identity_of(self._ledger)
        expected = Expected(self._ledger, language_of(store))
        begun = [entry.position for entry in self._ledger.log(topics=(EpochRaised.TOPIC,))]
        for stream in PUBLISHED:
            new = self._entries(stream)[published[stream] :]
            said = [json.loads(fields["payload"]) for fields in new]
            epochs = [one["epoch"] for one in said]
            if epochs != sorted(epochs) or any(one["store_id"] != str(store.store_id) for one in said):
                self.complaints.append(f"{stream}: epochs {epochs}")
            found = [fields for fields, one in zip(new, said, strict=True) if one["epoch"] == store.epoch]
            if found != expected.contents(stream, begun[-1]):
                self.complaints.append(f"{stream} holds {len(found)} entries that are not those of the log")

    def _check_received(self) -> None:
        """Look for messages that the store put in place has not received, and for those it has received twice."""
        receipts = [e.event for e in self._ledger.log() if isinstance(e.event, MessageReceived)]
        received = [(one.stream, one.entry_id) for one in receipts if one.origin is Origin.LIVE]
        sent = [
            (stream, f"{ms}-{seq}") for stream in GROUPS for ms, seq in self._server.streams[stream].entries
        ]
        if sorted(received) != sorted(sent):
            self.complaints.append(
                f"{len(sent)} messages, {len(received)} received, {len(set(received))} of them different"
            )

    def _entries(self, stream: str) -> list[Fields]:
        found = self._server.streams.get(stream)
        return [] if found is None else list(found.entries.values())


def new_store() -> InMemoryRecorder:
    """Return a store of its own that has seen nothing."""
    recorder = InMemoryRecorder()
    opening.begin(StoredLedger(recorder, "a new store"), SimulatedClock(), "simulation", store_id=OTHER_STORE)
    return recorder


def _now() -> float:
    return asyncio.get_running_loop().time()
