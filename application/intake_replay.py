"""Intake replay: from the raw fields of each receipt, with the recorded context, to the same events bit for bit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from exitbrain.application.intake import Context, Intake, State, Subject, subject_of
from exitbrain.application.planning import DecisionSettings
from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry, UnreadableEvent
from exitbrain.application.register_history import RegisterHistory
from exitbrain.application.replay import Drift, ReplayReport, Verdict
from exitbrain.domain.aggregate import Record
from exitbrain.domain.claim import KeyClaimed
from exitbrain.domain.drift import Difference, first_difference
from exitbrain.domain.exit_plan import Decision, ExitPlan, ExitPlanOpened
from exitbrain.domain.identity import claim_id, plan_id
from exitbrain.domain.instrument import Instrument, InstrumentSnapshotTaken
from exitbrain.domain.messages import IncomingMessage
from exitbrain.domain.performance import PnLWindow
from exitbrain.domain.position import Position, PositionClosed, PositionOpened
from exitbrain.domain.receipt import MessageReceived
from exitbrain.domain.values import EntryId


@dataclass(slots=True)
class _Group:
    """A receipt with its effects, as the log holds them one after the other."""

    receipt_id: UUID
    receipt: MessageReceived
    log_position: int
    records: list[Record] = field(default_factory=list)
    decision: Decision | None = None

    def add(self, record: Record) -> None:
        """Take the receipt or one of its effects, of which at most one is a decision."""
        self.records.append(record)
        if self.decision is None and isinstance(record.event, Decision):
            self.decision = record.event


StoredForm = Callable[[Record], object]
"""What a record is stored as: two records with equal stored forms are the same to the bit."""


class IntakeReplay:
    """Replay the intake over the whole log."""

    def __init__(self, ledger: ExitLedger, intake: Intake, stored_form: StoredForm) -> None:
        self._ledger = ledger
        self._intake = intake
        self._stored_form = stored_form
        self._registers = RegisterHistory()
        self._world = _World()

    def run(self, *, progress: Callable[[int], None] | None = None) -> ReplayReport:
        """Decide every receipt again on the recorded state and compare all it led to.

        `decisions` and `exact` of the report count decisions, `receipts` and `receipts_exact` all messages.
        """
        report = ReplayReport(receipts=0, receipts_exact=0)
        for number, group in enumerate(self._groups(report)):
            if progress is not None and number % 200 == 0:
                progress(group.log_position)
            self._judge(group, report)
        return report

    def _groups(self, report: ReplayReport) -> Iterator[_Group]:
        group: _Group | None = None
        for entry in readable_entries(self._ledger, report):
            event = entry.event
            if isinstance(event, MessageReceived):
                if group is not None:
                    yield group
                group = _Group(entry.stream_id, event, entry.position)
            elif self._registers.takes(event) and group is not None:
                yield group
                group = None
            if group is not None:
                group.add(Record(entry.stream_id, entry.version, event))
        if group is not None:
            yield group

    def _judge(self, group: _Group, report: ReplayReport) -> None:
        message = message_of(group.receipt)
        context = Context(group.receipt.recorded_at, _settings(group))
        translation = self._intake.translate(message)
        subject = subject_of(translation, context.settings)
        state = self._world.state(group, self._registers)
        if subject is not None:
            self._world.place(state, subject)
        decided = self._intake.decide_translated(message, translation, state, context)
        self._world.apply(group.records)
        difference = self._first_difference(group.records, decided.records)
        report.count_receipt(
            has_decision=group.decision is not None or decided.outcome.decision is not None,
            drift=None
            if difference is None
            else Drift(_subject(group), difference.field, difference.recorded, difference.recomputed),
        )

    def _first_difference(
        self, recorded: Sequence[Record], recomputed: Sequence[Record]
    ) -> Difference | None:
        # Nearly always the stored forms are equal, and comparing them takes a fifth of the walk through the fields.
        if list(map(self._stored_form, recorded)) == list(map(self._stored_form, recomputed)):
            return None
        return first_difference(_named(recorded), _named(recomputed))


def message_of(receipt: MessageReceived) -> IncomingMessage:
    """Return the message of a receipt as it came in."""
    return IncomingMessage(
        source=receipt.source,
        stream=receipt.stream,
        entry_id=receipt.entry_id,
        stream_id=stream_id_of(receipt.entry_id),
        fields=receipt.fields,
        origin=receipt.origin,
        broken=receipt.refusal if receipt.broken else None,
    )


def stream_id_of(entry_id: str) -> EntryId | None:
    """Return an entry id as time and sequence where it is a stream id, None where it is a content hash."""
    ms, dash, seq = entry_id.partition("-")
    return EntryId(int(ms), int(seq)) if dash and ms.isdecimal() and seq.isdecimal() else None


class _World:
    """What the recorded events add up to so far."""

    def __init__(self) -> None:
        self._keys: dict[UUID, tuple[str, str]] = {}
        self._positions: dict[tuple[str, str], Position] = {}
        self._plans: dict[UUID, ExitPlan] = {}
        self._claims: set[UUID] = set()
        self._snapshots: dict[str, Instrument] = {}

    def state(self, group: _Group, registers: RegisterHistory) -> State:
        """Return the recorded context of a message as the state it meets, without position and plan."""
        decision = group.decision
        if decision is None:
            return State(registers.latest())
        context = decision.context
        own = [r for r in group.records if isinstance(r.event, PositionClosed) and r.event.result is not None]
        taken_now = [r.event for r in group.records if isinstance(r.event, InstrumentSnapshotTaken)]
        instrument = None if context.snapshot is None else self._snapshots.get(context.snapshot)
        return State(
            register=registers.at_version(context.register_version),
            window=_RecordedWindow(decision.inputs.average_pnl, context.window.trades),
            window_position=context.window.log_position,
            uncommitted=context.window.uncommitted - len(own),
            instrument=taken_now[0].instrument if taken_now else instrument,
            snapshot_stored=context.snapshot in self._snapshots,
        )

    def place(self, state: State, subject: Subject) -> None:
        """Put the latest position of a symbol, its plan and the keys used before into a state."""
        state.position = self._positions.get((subject.account, subject.symbol))
        state.plan = None if state.position is None else self._plans.get(plan_id(state.position.id))
        state.claimed = frozenset(
            kind
            for kind, value in subject.claims
            if claim_id(kind, subject.account, subject.symbol, value) in self._claims
        )

    def apply(self, records: list[Record]) -> None:
        """Fold recorded events."""
        for record in records:
            event: Any = record.event
            match event:
                case MessageReceived():
                    continue
                case KeyClaimed():
                    self._claims.add(record.stream_id)
                case InstrumentSnapshotTaken():
                    self._snapshots[event.instrument.content_hash] = event.instrument
                case PositionOpened():
                    self._begin_position(record.stream_id, event)
                    self._fold(self._positions[(event.account, event.symbol)], record)
                case ExitPlanOpened():
                    self._plans[record.stream_id] = ExitPlan(record.stream_id)
                    self._fold(self._plans[record.stream_id], record)
                case _ if record.stream_id in self._keys:
                    self._fold(self._positions[self._keys[record.stream_id]], record)
                case _ if record.stream_id in self._plans:
                    self._fold(self._plans[record.stream_id], record)

    def _begin_position(self, position_id: UUID, opened: PositionOpened) -> None:
        key = (opened.account, opened.symbol)
        before = self._positions.get(key)
        if before is not None:
            del self._keys[before.id]
            self._plans.pop(plan_id(before.id), None)
        self._keys[position_id] = key
        self._positions[key] = Position(position_id)

    @staticmethod
    def _fold(aggregate: Position | ExitPlan, record: Record) -> None:
        aggregate.apply(record.event)
        aggregate.version = record.version


class _RecordedWindow(PnLWindow):
    """A window that says what the record says; the results behind it are the matter of the context audit."""

    __slots__ = ("_average", "_trades")

    def __init__(self, average: float, trades: int) -> None:
        super().__init__()
        self._average = average
        self._trades = trades

    def copy(self) -> PnLWindow:
        return _RecordedWindow(self._average, self._trades)

    def add(self, pnl_percent: object) -> None:
        pass

    @property
    def trades(self) -> int:
        return self._trades

    @property
    def average(self) -> float:
        return self._average


def _settings(group: _Group) -> DecisionSettings:
    decision = group.decision
    if decision is None:
        return DecisionSettings(account=group.receipt.account, dedupe_by=group.receipt.dedupe_by)
    return DecisionSettings(
        account=group.receipt.account,
        max_intent_age_s=decision.context.max_intent_age_s,
        fee_bps=decision.inputs.fee_bps,
        slippage_bps=decision.inputs.slippage_bps,
        dedupe_by=group.receipt.dedupe_by,
    )


def readable_entries(ledger: ExitLedger, report: ReplayReport) -> Iterator[LogEntry]:
    """Yield the log; an entry that can not be read is counted and passed over."""
    after = 0
    while True:
        try:
            for entry in ledger.log(after):
                after = entry.position
                yield entry
        except UnreadableEvent as unreadable:
            after = unreadable.position
            lost = Drift(f"log position {unreadable.position}", "event", unreadable.why, "")
            report.count(Verdict.UNREADABLE, lost)
        else:
            return


def _named(records: Sequence[Record]) -> dict[str, Any]:
    """Return records under names that tell a reader which event of a message differs."""
    return {
        f"{number}:{type(record.event).__name__}": (record.stream_id, record.version, record.event)
        for number, record in enumerate(records)
    }


def _subject(group: _Group) -> str:
    return f"receipt {group.receipt_id} of entry {group.receipt.entry_id}"
