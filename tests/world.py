"""A whole ExitBrain in memory with a clock that stands still, and messages for it."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.publisher import PublishedPosition
from exitbrain.application.queries.lsf_history import LsfAudit, LsfChange
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recording import opening
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.recorder import Recorder, Saved
from exitbrain.application.replay.context import ContextAudit
from exitbrain.application.replay.decisions import DecisionReplay, ReplayReport
from exitbrain.application.replay.intake import IntakeReplay
from exitbrain.domain.events import Record
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.result import MessageResult, PolicyInForce
from exitbrain.domain.plans.exit_plan import LevelsComputed, LevelsRefused
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.store import FIRST_EPOCH, StoreIdentity
from exitbrain.domain.values import Origin, changed
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.wire.activation import activation_message
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.translator import WireTranslator

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NOON_MS = 1767268800000
MAX_BYTES = 65_536
SERVER = "one-server"
THIS_STORE = UUID("5eed0000-0000-4000-8000-000000000001")
THIS = StoreIdentity(THIS_STORE, FIRST_EPOCH)


class StoppedClock:
    """A clock that shows what it is set to."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class World:
    """A recorder over a ledger, and everything that reads it again."""

    def __init__(
        self,
        *,
        policy: str = "v3.5",
        ledger: ExitLedger | None = None,
        instruments: Instruments | None = None,
        settings: DecisionSettings | None = None,
        store_id: UUID = THIS_STORE,
        at: datetime = NOON,
    ) -> None:
        self.clock = StoppedClock(at)
        self.ledger: ExitLedger = InMemoryLedger() if ledger is None else ledger
        self.engine = BuiltInFormulas()
        self.translator = WireTranslator()
        self.intake = Intake(self.engine, self.translator)
        self._instruments = instruments or NoInstruments()
        self._settings = settings or DecisionSettings()
        if self.ledger.head() == 0:
            opening.begin(self.ledger, self.clock, "test", store_id=store_id, policy=policy)
        self.recorder = self.another_recorder()
        self._sequence = 0

    def another_recorder(self, saved: Saved | None = None) -> Recorder:
        """Return a second worker on the same ledger."""
        recorder = Recorder(
            self.ledger, self.intake, self._instruments, self.clock, self._settings, build="test", saved=saved
        )
        recorder.context()  # keeps the settings now, not with the first message
        return recorder

    def intent(self, *, entry_id: str | None = "next", **payload: Any) -> MessageResult:
        """Record an intent as a producer sends it: a payload of JSON text under a stream id."""
        return self.recorder.handle(self.message("trade.intent", payload, entry_id))

    def closed(self, *, entry_id: str | None = "next", **fields: Any) -> MessageResult:
        """Record the report of a close as flat text fields."""
        texts = {name: str(value) for name, value in fields.items()}
        return self.recorder.handle(self._entry_of("trade.closed", texts, entry_id))

    def put_in_force(
        self, policy: Policy | str, *, scope: str = "*", by: str = "risk desk", why: str = "a test"
    ) -> PolicyInForce:
        """Put a policy in force at the time that the clock shows."""
        chosen = policy if isinstance(policy, Policy) else self.ledger.register().named(policy).policy
        message = activation_message(chosen, scope=scope, by=by, why=why, at=self.clock.now())
        return self.recorder.put_in_force(message)

    def message(self, stream: str, payload: dict[str, Any], entry_id: str | None = "next") -> IncomingMessage:
        """Return a message with its payload as JSON text; the stream ids grow by themselves."""
        return self._entry_of(stream, {"payload": json.dumps(payload)}, entry_id)

    def _entry_of(self, stream: str, fields: dict[str, str], entry_id: str | None) -> IncomingMessage:
        """Return the entry of a stream of one server."""
        message = from_fields(
            f"quantum:stream:{stream}",
            self._entry(entry_id),
            fields,
            origin=Origin.LIVE,
            max_bytes=MAX_BYTES,
        )
        return changed(message, server=SERVER)

    def events_of(self, outcome: MessageResult) -> list[object]:
        """Return what the message led to beside its receipt, in log order."""
        entries = list(self.ledger.log())
        start = next(n for n, entry in enumerate(entries) if entry.stream_id == outcome.receipt_id)
        effects: list[object] = []
        for entry in entries[start + 1 :]:
            if entry.event.TOPIC == "exitbrain.MessageReceived":
                break
            effects.append(entry.event)
        return effects

    def decision_of(self, outcome: MessageResult) -> LevelsComputed | LevelsRefused:
        """Return the decision a message led to."""
        return next(e for e in self.events_of(outcome) if isinstance(e, LevelsComputed | LevelsRefused))

    def replay(self) -> ReplayReport:
        return DecisionReplay(
            Policies(self.ledger), Snapshots(self.ledger), DecodedDecisions(self.ledger), self.engine
        ).run()

    def intake_replay(self) -> ReplayReport:
        return IntakeReplay(self.ledger, self.intake, MAPPER.to_stored_event).run()

    def context_audit(self) -> ReplayReport:
        return ContextAudit(self.ledger, WireTranslator()).run()

    def lsf_changes(self) -> list[LsfChange]:
        return list(LsfAudit(self.ledger, self.engine).changes())

    def check_every_replay_is_exact(self) -> None:
        """Replay in all three ways."""
        for report in (self.replay(), self.intake_replay(), self.context_audit()):
            assert report.clean, report.first_drift
            assert report.exact == report.decisions

    def _entry(self, entry_id: str | None) -> str | None:
        if entry_id != "next":
            return entry_id
        self._sequence += 1
        return f"{NOON_MS + self._sequence}-0"


def at(position: int, store: StoreIdentity = THIS) -> PublishedPosition:
    """Return the published position of a store at a position of its log."""
    return PublishedPosition(store, position)


def rewritten(ledger: ExitLedger, change: Any) -> InMemoryLedger:
    """Return a copy of a ledger in which `change(event)` replaced events; None keeps one as it is."""
    copy = InMemoryLedger()
    copy.save(
        [Record(entry.stream_id, entry.version, change(entry.event) or entry.event) for entry in ledger.log()]
    )
    return copy
