"""Intake replay: decides each recorded message again in its context; the events must match bit for bit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry, UnreadableEvent
from exitbrain.application.recording.decided import Context
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.received import message_of
from exitbrain.application.recording.subject import subject_of
from exitbrain.application.replay.decisions import Drift, ReplayReport, Verdict
from exitbrain.application.replay.recorded_world import RecordedWorld
from exitbrain.application.replay.register_history import RegisterHistory
from exitbrain.domain.catalogue import BEGINNING_TOPICS, DECISION_TOPICS, topics_about
from exitbrain.domain.errors import DomainError
from exitbrain.domain.events import About, Record
from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.messages.configuration import DecisionSettings, IntakeConfigured
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.difference import Difference, first_difference
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.policies.register import RegisterEvent


@dataclass(slots=True)
class _Group:
    """Events saved together: a receipt with its effects, or an event of the store or the register.

    `lost` is the first unreadable one.
    """

    log_position: int
    stream_id: UUID | None
    is_message: bool
    records: list[Record] = field(default_factory=list)
    decision: Decision | None = None
    lost: UnreadableEvent | None = None

    @property
    def receipt(self) -> MessageReceived:
        """Return the receipt of a fully readable message."""
        received = self.records[0].event
        assert isinstance(received, MessageReceived), "a message begins with its receipt"
        return received

    def has_effect(self, entry: LogEntry | UnreadableEvent) -> bool:
        """Return whether the next log entry belongs to the group."""
        if isinstance(entry, UnreadableEvent):
            if entry.topic in topics_about(About.REGISTER):
                return self.is_message and self.lost is None and REGISTER_ID in self.receipt.touched
            return entry.topic not in BEGINNING_TOPICS
        if isinstance(entry.event, RegisterEvent):
            return self.is_message and entry.event.receipt_id == self.stream_id
        return entry.event.TOPIC not in BEGINNING_TOPICS

    @property
    def has_decision(self) -> bool:
        """Return whether the group has a decision, readable or not."""
        return self.decision is not None or (self.lost is not None and self.lost.topic in DECISION_TOPICS)

    def add(self, entry: LogEntry | UnreadableEvent) -> None:
        """Add an entry; at most one of the group is a decision."""
        if isinstance(entry, UnreadableEvent):
            self.lost = self.lost or entry
            return
        self.records.append(Record(entry.stream_id, entry.version, entry.event))
        if self.decision is None and isinstance(entry.event, Decision):
            self.decision = entry.event


StoredForm = Callable[[Record], object]
"""The stored form of a record: records with equal stored forms are equal to the bit."""


class IntakeReplay:
    """Replay the intake over the whole log."""

    def __init__(self, ledger: ExitLedger, intake: Intake, stored_form: StoredForm) -> None:
        self._ledger = ledger
        self._intake = intake
        self._stored_form = stored_form
        self._registers = RegisterHistory()
        self._world = RecordedWorld()
        self._configured: dict[int, DecisionSettings] = {}

    def run(self, *, progress: Callable[[int], None] | None = None) -> ReplayReport:
        """Decide every receipt again on the recorded state and compare all its events.

        `decisions` and `exact` of the report count decisions, `receipts` and `receipts_exact` all messages.
        """
        report = ReplayReport(receipts=0, receipts_exact=0)
        for number, group in enumerate(self._groups()):
            if progress is not None and number % 200 == 0:
                progress(group.log_position)
            if group.is_message and group.lost is None:
                self._judge(group, report)
            else:
                self._pass_over(group, report)
        return report

    def _groups(self) -> Iterator[_Group]:
        group: _Group | None = None
        for entry in whole_log(self._ledger):
            if group is None or not group.has_effect(entry):
                if group is not None:
                    yield group
                group = _group_of(entry)
            group.add(entry)
        if group is not None:
            yield group

    def _judge(self, group: _Group, report: ReplayReport) -> None:
        message = message_of(group.receipt)
        configured = group.receipt.configured
        settings = self._configured.get(configured, DecisionSettings())
        context = Context(group.receipt.recorded_at, settings, configured)
        translation = self._intake.translate(message)
        subject = subject_of(translation, context.settings)
        state = self._world.state(group.receipt, group.decision, group.records, self._registers)
        if subject is not None:
            state = self._world.placed(state, translation, subject)
        has_decision = group.decision is not None
        recomputed: Sequence[Record] = ()
        difference: Difference | None
        try:
            decided = self._intake.decide_translated(message, translation, state, context)
        except DomainError as impossible:  # an altered or lost event can make the record contradictory
            difference = Difference("effects", _names(group.records), str(impossible))
        else:
            has_decision |= decided.outcome.decision is not None
            recomputed = decided.records
            difference = self._first_difference(group.records, recomputed)
        self._take_register_events(group)
        self._world.apply(group.records)
        drift = None
        if difference is not None:
            drift = Drift(_subject(group), difference.field, difference.recorded, difference.recomputed)
            if recomputed:
                drift = drift.between(_engine_of(group.records), _engine_of(recomputed))
        report.count_receipt(has_decision=has_decision, drift=drift)

    def _pass_over(self, group: _Group, report: ReplayReport) -> None:
        """Apply a group that is not a fully readable message; count a lost event as UNREADABLE."""
        self._take_register_events(group)
        for record in group.records:
            if isinstance(record.event, IntakeConfigured):
                self._configured[record.version] = record.event.settings
        self._world.apply(group.records)
        if group.lost is None:
            return
        if group.is_message:
            report.count_receipt(
                has_decision=group.has_decision, drift=lost(group.lost), verdict=Verdict.UNREADABLE
            )
        else:
            report.count(Verdict.UNREADABLE, lost(group.lost), is_decision=False)

    def _take_register_events(self, group: _Group) -> None:
        for record in group.records:
            self._registers.takes(record)

    def _first_difference(
        self, recorded: Sequence[Record], recomputed: Sequence[Record]
    ) -> Difference | None:
        # The stored forms are nearly always equal, and five times faster to compare than all fields.
        if list(map(self._stored_form, recorded)) == list(map(self._stored_form, recomputed)):
            return None
        return first_difference(_named(recorded), _named(recomputed))


def whole_log(
    ledger: ExitLedger, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
) -> Iterator[LogEntry | UnreadableEvent]:
    """Yield the log, with the error in place of each unreadable entry."""
    while True:
        try:
            for entry in ledger.log(after, upto=upto, topics=topics):
                after = entry.position
                yield entry
        except UnreadableEvent as unreadable:
            after = unreadable.position
            yield unreadable
        else:
            return


def lost(unreadable: UnreadableEvent) -> Drift:
    """Return the drift that reports an unreadable event."""
    return Drift(f"log position {unreadable.position}", "event", unreadable.why, "")


def _group_of(first: LogEntry | UnreadableEvent) -> _Group:
    if isinstance(first, UnreadableEvent):
        return _Group(first.position, None, first.topic == MessageReceived.TOPIC)
    return _Group(first.position, first.stream_id, isinstance(first.event, MessageReceived))


def _names(records: Sequence[Record]) -> str:
    return ", ".join(type(record.event).__name__ for record in records)


def _named(records: Sequence[Record]) -> dict[str, Any]:
    """Return the records by name, so that a difference names the event."""
    return {
        f"{number}:{type(record.event).__name__}": (record.stream_id, record.version, record.event)
        for number, record in enumerate(records)
    }


def _engine_of(records: Sequence[Record]) -> str:
    """Return the engine asked for these records, even if it failed; "" if none was."""
    for record in records:
        if isinstance(record.event, Decision):
            return record.event.engine
        if isinstance(record.event, MessageReceived) and record.event.failed_asking is not None:
            return record.event.failed_asking.engine
    return ""


def _subject(group: _Group) -> str:
    return f"receipt {group.records[0].stream_id} of entry {group.receipt.entry_id}"
