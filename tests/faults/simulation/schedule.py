"""One run: workers on one group, a producer, faults at chosen moments, then peace until everything is done."""

import asyncio
from dataclasses import dataclass, field
from random import Random

from exitbrain.application.live.worker import WorkerSettings
from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.ports.publisher import PublishedLanguage
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import Origin, Unit
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.memory import InMemoryRecorder
from exitbrain.infrastructure.wire.activation import activation_message
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.published import Published
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.faults.simulation.expected import Expected
from tests.faults.simulation.faults import AT_MOMENTS, AT_WORKERS, Faults, Kind
from tests.faults.simulation.history import history
from tests.faults.simulation.live_worker import LiveWorker, Parts, Surroundings
from tests.faults.simulation.ports import GROUPS, Arrivals, SimulatedClock, SimulatedInstruments
from tests.faults.simulation.processes import End
from tests.faults.simulation.strangers import STRANGER, Strangers
from tests.faults.simulation.streams import EntryKey, Fields, StreamServer
from tests.faults.simulation.workload import SYMBOLS, opening_intent, with_far_ahead, workload
from tests.world import MAX_BYTES, THIS

PEACE_MAX_S = 40.0
"""Virtual seconds after the last fault within which everything must be done."""

STOP_MAX_S = 2.0
"""Virtual seconds within which a worker that is told to stop must have ended."""


@dataclass(frozen=True, slots=True)
class Produced:
    """A message as a producer put it into a stream."""

    stream: str
    key: EntryKey
    fields: Fields


@dataclass(slots=True)
class Evidence:
    """What is left of a run: the store, the streams, what was sent, and what was seen going wrong on the way."""

    store: InMemoryRecorder
    server: StreamServer
    language: PublishedLanguage
    faults: Faults
    produced: list[Produced] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    troubles: set[str] = field(default_factory=set)
    """What workers that have ended told of."""
    seconds: float = 0.0


class Schedule:
    """The run of one seed."""

    def __init__(self, seed: int, parts: Parts) -> None:
        self._rng = rng = Random(seed)
        self._far_ahead = Random(f"far ahead {seed}")  # dice of its own: the others fall as without it
        self._parts = parts
        self._faults = Faults(rng)
        self._trouble_s = rng.uniform(0.8, 2.4)
        self._server_clock = SimulatedClock()
        # Ids of a coarse clock are used again after a fail-over; those of a real one hardly ever.
        grain_ms = rng.choice((1, 1, 1, 1, 1, 1, 1, 250))
        self._server = StreamServer(lambda: self._server_clock.ms() // grain_ms * grain_ms)
        self._store = InMemoryRecorder()
        self._ledger = StoredLedger(self._store, "the store")
        self._intake = Intake(BuiltInFormulas(), WireTranslator())
        self._instruments = rng.choice((NoInstruments(), SimulatedInstruments()))
        self._settings = DecisionSettings(dedupe_by=rng.choice((None, "trace_id")))
        self._strangers = Strangers(seed, self._server, self._faults, self._trouble_s)
        self._workers: dict[int, LiveWorker] = {}
        self._slots: list[asyncio.Task[None]] = []
        self._gone: set[int] = set()
        self._ending = False
        language = language_of(THIS)
        self._expected = Expected(self._ledger, language)
        self.evidence = Evidence(self._store, self._server, language, self._faults)
        self._around = Surroundings(
            server=self._server,
            arrivals=Arrivals(),
            store=self._store,
            language=language_of,
            faults=self._faults,
            interfere=self._interfere,
            instruments=self._instruments,
            decision_settings=self._settings,
            worker_settings=WorkerSettings(
                batch_max=rng.choice((1, 2, 5, 256)),
                buffer_max=rng.choice((3, 16, 1024)),
                reclaim_every_s=0.4,
                reap_every_s=2.0,
                attempts_max=3,
            ),
            give_up_after_s=rng.choice((60.0, 60.0, 1.5)),
        )

    async def run(self) -> Evidence:
        """Run from the first message to the orderly end of the last worker."""
        self._store.insert_events(history(self._rng.choice((0, 4))))
        for name in range(self._rng.randint(1, 3)):
            self._begin_slot(f"worker-{name}")
        producer = asyncio.create_task(self._produce())
        strangers = asyncio.create_task(self._strangers.run())
        watcher = asyncio.create_task(self._watch_loops())
        await self._make_trouble()
        await producer
        await strangers
        self._strangers.put_right()
        self._faults.over = True
        await self._wait_until_done()
        watcher.cancel()
        await self._end_all()
        self.evidence.seconds = _now()
        return self.evidence

    async def _produce(self) -> None:
        undecidable = Kind.CONFUSED in self._faults.kinds
        sendings = workload(self._rng, seconds=self._trouble_s, undecidable=undecidable)
        for sending in with_far_ahead(self._far_ahead, sendings):
            await asyncio.sleep(sending.at_s - _now())
            key = self._server.add(sending.stream, sending.fields, sending.key)
            self.evidence.produced.append(Produced(sending.stream, key, sending.fields))
            self._around.arrivals.announce()

    def _begin_slot(self, name: str) -> None:
        self._slots.append(asyncio.create_task(self._keep(name, len(self._slots))))

    async def _keep(self, name: str, slot: int) -> None:
        """Keep one worker running: begin it again whenever it ends."""
        while not self._ending and slot not in self._gone:
            worker = self._workers[slot] = LiveWorker(name, self._around, self._parts)
            worker.start()
            end = await worker.process.ended()
            if end is not End.KILLED and (late_s := worker.seconds_since_told_to_stop) > STOP_MAX_S:
                self.evidence.complaints.append(f"{name} took {late_s:.1f} s to stop")
            if end is End.RETURNED and not worker.told_to_stop:
                self.evidence.complaints.append(f"{name} ended without a word")
            if end is End.FAILED and (why := worker.unexpected_error()):
                self.evidence.complaints.append(f"{name} failed: {why}")
            self.evidence.troubles |= worker.journal.troubles
            for said in worker.journal.behind:
                self.evidence.complaints.append(f"the store is complete, and yet {name} says {said}")
            await asyncio.sleep(self._rng.uniform(0.05, 0.6))

    async def _make_trouble(self) -> None:
        rng = self._rng
        moments = [
            (rng.uniform(0.0, self._trouble_s), kind)
            for kind in AT_MOMENTS
            if kind in self._faults.kinds
            for _ in range(rng.randint(1, 2))
        ]
        for at_s, kind in sorted(moments):
            await asyncio.sleep(max(0.0, at_s - _now()))
            if kind in AT_WORKERS:
                self._strike_worker(kind)
            else:
                await self._strike_servers(kind)
        await asyncio.sleep(max(0.0, self._trouble_s - _now()))

    def _strike_worker(self, kind: Kind) -> None:
        rng = self._rng
        alive = [slot for slot, worker in self._workers.items() if worker.process.alive]
        if not alive:
            return
        slot = rng.choice(alive)
        worker = self._workers[slot]
        match kind:
            case Kind.CRASH:
                worker.process.kill()
            case Kind.GONE:
                if len(self._gone) + 1 == len(self._slots):
                    return
                self._gone.add(slot)
                worker.process.kill()
            case Kind.STOP:
                worker.stop()
            case Kind.FREEZE:
                worker.process.frozen_until = _now() + rng.uniform(0.5, 2.5)
            case Kind.SKEW:
                worker.clock.off_s += rng.uniform(-2.0, 5.0)
            case Kind.TWIN:
                self._begin_slot(worker.process.name)
        self._faults.note(kind)

    async def _strike_servers(self, kind: Kind) -> None:
        rng, server = self._rng, self._server
        self._faults.note(kind)
        match kind:
            case Kind.STREAMS_DOWN | Kind.STORE_DOWN:
                self._faults.begin_outage(kind, _now() + rng.choice((0.2, 1.0, 5.0)))
            case Kind.FAIL_OVER:
                replica = server.copy()
                await asyncio.sleep(rng.uniform(0.02, 0.8))
                server.fail_over(replica)
            case Kind.FLUSH:
                server.flush()
            case Kind.GROUP_LOST:
                server.drop_group(*rng.choice(list(GROUPS.items())))
            case Kind.TRIM:
                server.trim(rng.choice(list(GROUPS)), keep=rng.randint(0, 3))
            case Kind.CLOCK:
                self._server_clock.off_s += rng.uniform(-2.0, 5.0)
            case Kind.POLICY:
                self._put_in_force(rng.choice(list(SHIPPED.values())))

    def _put_in_force(self, policy: Policy) -> None:
        at = self._server_clock.now()
        self._another_recorder().put_in_force(
            activation_message(policy, scope=EVERY_SYMBOL, by="somebody", why="a change", at=at), at=at
        )

    def _another_recorder(self) -> Recorder:
        return Recorder(self._ledger, self._intake, self._instruments, self._server_clock, self._settings)

    def _interfere(self, rng: Random) -> None:
        """Let another writer be faster: with a message of the streams, or with one of its own."""
        recorder = self._another_recorder()
        if self.evidence.produced and rng.random() < 0.7:
            one = rng.choice(self.evidence.produced)
            entry_id, origin = f"{one.key[0]}-{one.key[1]}", Origin.LIVE
            message = from_fields(one.stream, entry_id, one.fields, origin=origin, max_bytes=MAX_BYTES)
        else:
            stream, fields = opening_intent(rng, rng.choice(SYMBOLS))
            message = from_fields(stream, None, fields, origin=Origin.IMPORT, max_bytes=MAX_BYTES)
        recorder.handle(message)

    async def _wait_until_done(self) -> None:
        began, heads = _now(), (-1, -2)
        # Twice in a row, and nothing saved between: a message can be between two hands at the moment one looks.
        while not (self._is_done() and heads[0] == heads[1]):
            if _now() - began > PEACE_MAX_S:
                self.evidence.complaints.append(f"not done {PEACE_MAX_S:.0f} s after the last fault")
                return
            await asyncio.sleep(0.2)
            heads = (heads[1], self._ledger.head()) if self._is_done() else (-1, -2)

    async def _watch_loops(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            for worker in self._workers.values():
                if worker.process.alive and (loops := worker.standing_still_unseen()):
                    self.evidence.complaints.append(f"{worker.process.name}: {loops} stand still unseen")

    def _is_done(self) -> bool:
        if any(worker.in_hand for worker in self._workers.values()) or self._server.holder == STRANGER:
            return False
        return self._server.drained(GROUPS) and self._expected.is_published(self._server)

    async def _end_all(self) -> None:
        self._ending = True
        for worker in self._workers.values():
            worker.stop()
        # A place whose worker has just ended rests a little before it sees that this is the end.
        _, late = await asyncio.wait(self._slots, timeout=STOP_MAX_S + 0.6)
        if late:
            self.evidence.complaints.append(f"{len(late)} workers told to stop did not")


def language_of(store: StoreIdentity) -> PublishedLanguage:
    """Return the published language of a store."""
    return Published(store, unit_of, WireTranslator())


def unit_of(policy: str) -> Unit:
    """Return the unit of a shipped policy."""
    return SHIPPED[policy].unit


def _now() -> float:
    return asyncio.get_running_loop().time()
