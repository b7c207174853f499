"""RecordedWorld: what the recorded events add up to, and with it the state that each message met."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from exitbrain.application.intake import State, Subject
from exitbrain.application.register_history import RegisterHistory
from exitbrain.domain.aggregate import Record
from exitbrain.domain.claim import KeyClaimed
from exitbrain.domain.exit_plan import Decision, ExitPlan, ExitPlanOpened
from exitbrain.domain.identity import claim_id, plan_id
from exitbrain.domain.instrument import Instrument, InstrumentSnapshotTaken
from exitbrain.domain.performance import PnLWindow
from exitbrain.domain.position import Position, PositionClosed, PositionOpened
from exitbrain.domain.receipt import MessageReceived


class RecordedWorld:
    """What the recorded events add up to so far."""

    def __init__(self) -> None:
        self._keys: dict[UUID, tuple[str, str]] = {}
        self._positions: dict[tuple[str, str], Position] = {}
        self._plans: dict[UUID, ExitPlan] = {}
        self._claims: set[UUID] = set()
        self._snapshots: dict[str, Instrument] = {}

    def state(
        self, decision: Decision | None, records: Sequence[Record], registers: RegisterHistory
    ) -> State:
        """Return what a message with this decision and these records met, without position and plan."""
        if decision is None:
            return State(registers.latest())
        context = decision.context
        own = [r for r in records if isinstance(r.event, PositionClosed) and r.event.result is not None]
        taken_now = [r.event for r in records if isinstance(r.event, InstrumentSnapshotTaken)]
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

    def apply(self, records: Sequence[Record]) -> None:
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
