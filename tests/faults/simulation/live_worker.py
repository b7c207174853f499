"""One live worker in the simulation: the real worker, supervisor, publishing and recorder over simulated ports."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from exitbrain.application.live.place import PlaceCheck
from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.publishing_epoch import begin_epoch
from exitbrain.application.live.publishing_place import PublishedElsewhere
from exitbrain.application.live.supervisor import STALL_AFTER_S, LoopFailed, Supervisor
from exitbrain.application.live.worker import Worker, WorkerSettings
from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.application.ports.instruments import Instruments
from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import PublishedLanguage, PublisherUnavailable
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.application.recording.decided import Context, Decided, State
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.opening import identity_of
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage, IntentKind, TradeIntent, Translation
from exitbrain.domain.store import StoreIdentity
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.memory import InMemoryRecorder
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import ThreadedRecording
from exitbrain.infrastructure.worker.tail import ThreadedTail
from tests.faults.simulation.faults import Faults, Gate, Kind
from tests.faults.simulation.ports import (
    Arrivals,
    FaultyRecorder,
    SimulatedClock,
    SimulatedPlaces,
    SimulatedPublisher,
    SimulatedSource,
    SimulatedThread,
)
from tests.faults.simulation.processes import Process
from tests.faults.simulation.streams import StreamServer
from tests.faults.simulation.workload import UNDECIDABLE_LEVERAGE
from tests.names import PUBLISHED

TRANSIENT = (SourceUnavailable, StoreUnavailable, PublisherUnavailable)
OPERATOR = (StreamsUnusable, PublishedElsewhere)
"""What an operator has to put right."""

LOOK_EVERY_S = 0.5
"""How often the supervisor looks for loops that stand still."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The classes a worker is made of; a broken variant of the live path replaces one."""

    worker: type[Worker] = Worker
    publishing: type[Publishing] = Publishing
    recorder: type[Recorder] = Recorder
    intake: type[Intake] = Intake
    source: type[SimulatedSource] = SimulatedSource
    publisher: type[SimulatedPublisher] = SimulatedPublisher
    store: type[FaultyRecorder] = FaultyRecorder
    supervisor: type[Supervisor] = Supervisor


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all workers of a run share."""

    server: StreamServer
    arrivals: Arrivals
    store: InMemoryRecorder
    language: Callable[[StoreIdentity], PublishedLanguage]
    faults: Faults
    interfere: Callable[[Random], None]
    instruments: Instruments
    decision_settings: DecisionSettings
    worker_settings: WorkerSettings
    give_up_after_s: float


class LoopJournal:
    """What the supervisor of one process reported of its loops."""

    def __init__(self) -> None:
        self.stalled: set[object] = set()
        self.ended: set[object] = set()
        self.behind: list[str] = []
        self.troubles: set[str] = set()

    def event(self, name: str, **facts: object) -> None:
        if name == "loop_moves_again":
            self.stalled.discard(facts["loop"])

    def trouble(self, name: str, **facts: object) -> None:
        self.troubles.add(name)
        if name == "loop_stalled":
            self.stalled.add(facts["loop"])
        elif name == "loop_ended":
            self.ended.add(facts["loop"])
        elif name in {"group_ahead", "entries_lost"}:
            self.behind.append(f"{name}: {facts}")


class SometimesConfused(Intake):
    """An intake that fails on certain intents every time, and on any other now and then."""

    def __init__(self, intake: Intake, faults: Faults) -> None:
        self._intake = intake
        self._faults = faults

    def translate(self, message: IncomingMessage) -> Translation:
        return self._intake.translate(message)

    def decide_translated(
        self, message: IncomingMessage, translation: Translation, state: State, context: Context
    ) -> Decided:
        if isinstance(translation, TradeIntent) and translation.kind is IntentKind.OPEN:
            hopeless = translation.leverage == UNDECIDABLE_LEVERAGE and self._faults.note(Kind.CONFUSED)
            if hopeless or self._faults.strikes(Kind.CONFUSED):
                raise ArithmeticError("the intake is confused")
        return self._intake.decide_translated(message, translation, state, context)


class LiveWorker:
    """A process that runs the live path until it is stopped, fails or dies."""

    def __init__(self, name: str, around: Surroundings, parts: Parts, *, begins_here: bool = False) -> None:
        faults = around.faults
        self.process = Process(name)
        self.journal = LoopJournal()
        self.clock = SimulatedClock()
        self._around = around
        self._parts = parts
        self._begins_here = begins_here
        self._supervisor = parts.supervisor(
            self.journal,
            transient=TRANSIENT,
            give_up_after_s=around.give_up_after_s,
            jitter=faults.rng.random,
        )
        self._told_at: float | None = None
        self._worker: Worker | None = None
        self._publishing: Publishing | None = None
        self._source = parts.source(around.server, around.arrivals, faults, self.process)
        self._recorder = parts.store(around.store, faults, self.process, around.interfere)

    def start(self) -> None:
        """Start the process."""
        self.process.start(self._main())

    def stop(self) -> None:
        """Tell it to stop, as SIGTERM does."""
        self._told_at = asyncio.get_running_loop().time()
        self._supervisor.stop()

    @property
    def publishes(self) -> bool:
        """Return whether it found every stream to be published from its store."""
        return self._publishing is not None and self._publishing.begun.is_set()

    @property
    def told_to_stop(self) -> bool:
        """Return whether it was told to stop."""
        return self._supervisor.stopping

    @property
    def seconds_since_told_to_stop(self) -> float:
        """Return for how long it has been told to stop."""
        return 0.0 if self._told_at is None else asyncio.get_running_loop().time() - self._told_at

    @property
    def in_hand(self) -> int:
        """Return how many messages it has, or is being handed, and has not settled."""
        if not self.process.alive:
            return 0
        return self._source.on_the_way + (0 if self._worker is None else self._worker.in_hand)

    def standing_still_unseen(self) -> list[str]:
        """Return the loops that stand still for longer than the supervisor takes to report it, and were not.

        One whose end was reported does so until the process has ended, too.
        """
        now = asyncio.get_running_loop().time()
        allowed_s = STALL_AFTER_S + 2 * LOOK_EVERY_S
        seen = self.journal.stalled | self.journal.ended
        return [
            name
            for name, state in self._supervisor.states.items()
            if state.silent_s(now) > allowed_s and name not in seen
        ]

    def unexpected_error(self) -> str:
        """Return what ended it, if nothing that was done to it explains that."""
        error = self.process.error
        if error is None or isinstance(error, StoreUnavailable):
            return ""  # a store that cannot be reached at the start ends the start
        explaining = (*TRANSIENT, LoopFailed, *(OPERATOR if self._around.server.needs_operator else ()))
        explained = isinstance(error, LoopFailed) and isinstance(error.__cause__, explaining)
        return "" if explained else f"{error!r} from {error.__cause__!r}"

    async def _main(self) -> None:
        around, parts, process = self._around, self._parts, self.process
        faults = around.faults
        ledger = StoredLedger(self._recorder, "the store")
        intake = SometimesConfused(parts.intake(BuiltInFormulas(), WireTranslator()), faults)
        recent = RecentLog()
        recorder = parts.recorder(
            ledger, intake, around.instruments, self.clock, around.decision_settings, saved=recent.note
        )
        thread = SimulatedThread(Gate(faults, process, Kind.STORE_DOWN, StoreUnavailable))
        publisher = parts.publisher(around.server, faults, process)
        store = identity_of(ledger)
        if self._begins_here:
            stated = [await publisher.published(stream) for stream in PUBLISHED]
            store = begin_epoch(ledger, self.clock, "simulation", stated)
        language = around.language(store)
        tail = ThreadedTail(thread, StoredLedger(self._recorder, "the store"), language.topics, recent)
        publishing = parts.publishing(store, tail, language, publisher, self.journal)
        self._publishing = publishing
        if self._begins_here:
            await publishing.begin_here()
        recording = ThreadedRecording(thread, recorder)
        places = SimulatedPlaces(around.server, faults, process)
        self._worker = parts.worker(
            self._source,
            PlaceCheck(places, recording, self.journal, go_on=False),
            recording,
            publishing,
            self._supervisor,
            self.journal,
            around.worker_settings,
        )
        try:
            await self._worker.run()
        finally:
            await self._source.close()
