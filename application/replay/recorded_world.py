"""RecordedWorld: the state rebuilt from recorded events, as each message found it."""

from collections.abc import Sequence
from uuid import UUID

from exitbrain.application.recording.decided import State
from exitbrain.application.recording.subject import Subject, keys_met
from exitbrain.application.replay.register_history import RegisterHistory
from exitbrain.domain.events import Record
from exitbrain.domain.identity import claim_id, plan_id
from exitbrain.domain.levels.instrument import Instrument, InstrumentSnapshotTaken
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.message import Translation
from exitbrain.domain.messages.receipt import FailedAsking, MessageReceived
from exitbrain.domain.plans.exit_plan import Decision, ExitPlan, ExitPlanOpened
from exitbrain.domain.positions.events import PositionClosed, PositionOpened
from exitbrain.domain.positions.performance import PnLWindow
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import changed


class RecordedWorld:
    """The state after the recorded events so far."""

    def __init__(self) -> None:
        self._keys: dict[UUID, tuple[str, str]] = {}
        self._positions: dict[tuple[str, str], Position] = {}
        self._before: dict[tuple[str, str], Position] = {}
        self._plans: dict[UUID, ExitPlan] = {}
        self._claims: dict[UUID, KeyClaimed] = {}
        self._snapshots: dict[str, Instrument] = {}

    def state(
        self,
        receipt: MessageReceived,
        decision: Decision | None,
        records: Sequence[Record],
        registers: RegisterHistory,
    ) -> State:
        """Return the state before a message with these records, without the positions."""
        held_by = None if receipt.ignored_exit is None else receipt.ignored_exit.held_by
        if receipt.failed_asking is not None:
            return self._asked_in_vain(receipt, receipt.failed_asking, records, registers)
        if decision is None:
            snapshot = receipt.snapshot
            return State(
                registers.latest(),
                instrument=self._instrument(snapshot, records),
                snapshot_stored=snapshot in self._snapshots,
                held_by=held_by,
            )
        context = decision.context
        own = [r for r in records if isinstance(r.event, PositionClosed) and r.event.result is not None]
        return State(
            register=registers.at_version(context.register_version),
            window=_RecordedWindow(decision.inputs.average_pnl, context.window.trades),
            window_position=context.window.log_position,
            uncommitted=context.window.uncommitted - len(own),
            instrument=self._instrument(context.snapshot, records),
            snapshot_stored=context.snapshot in self._snapshots,
            held_by=held_by,
        )

    def _asked_in_vain(
        self,
        receipt: MessageReceived,
        asked: FailedAsking,
        records: Sequence[Record],
        registers: RegisterHistory,
    ) -> State:
        return State(
            register=registers.at_version(asked.register_version),
            window=_RecordedWindow(asked.inputs.average_pnl, asked.window.trades),
            window_position=asked.window.log_position,
            uncommitted=asked.window.uncommitted,
            instrument=self._instrument(receipt.snapshot, records),
            snapshot_stored=receipt.snapshot in self._snapshots,
        )

    def _instrument(self, snapshot: str | None, records: Sequence[Record]) -> Instrument | None:
        """Return the instrument that was read: saved with these records, or earlier."""
        if snapshot is None:
            return None
        for record in records:
            if isinstance(record.event, InstrumentSnapshotTaken):
                return record.event.instrument
        return self._snapshots.get(snapshot)

    def placed(self, state: State, translation: Translation, subject: Subject) -> State:
        """Return a state with the positions of the symbol, the plan and the keys used before."""
        market = (subject.account, subject.symbol)
        position = self._positions.get(market)
        plan = None if position is None else self._plans.get(plan_id(position.id))
        before = self._before.get(market) if position is not None and position.is_open else None
        claimed = {}
        for kind, value in keys_met(translation, subject, position, before):
            claim = self._claims.get(claim_id(kind, subject.account, subject.symbol, value))
            if claim is not None:
                claimed[(kind, value)] = claim
        return changed(state, position=position, plan=plan, before=before, claimed=claimed)

    def apply(self, records: Sequence[Record]) -> None:
        """Apply recorded events."""
        for record in records:
            event = record.event
            match event:
                case MessageReceived():
                    continue
                case KeyClaimed():
                    self._claims[record.stream_id] = event
                case InstrumentSnapshotTaken():
                    self._snapshots[event.instrument.content_hash] = event.instrument
                case PositionOpened():
                    self._begin_position(record.stream_id, event)
                    self._positions[(event.account, event.symbol)].fold(record)
                case ExitPlanOpened():
                    self._plans[record.stream_id] = ExitPlan(record.stream_id)
                    self._plans[record.stream_id].fold(record)
                case _ if record.stream_id in self._keys:
                    self._of_market(record.stream_id).fold(record)
                case _ if record.stream_id in self._plans:
                    self._plans[record.stream_id].fold(record)

    def _begin_position(self, position_id: UUID, opened: PositionOpened) -> None:
        market = (opened.account, opened.symbol)
        last = self._positions.get(market)
        if last is not None:
            self._plans.pop(plan_id(last.id), None)
            earlier = self._before.get(market)
            if earlier is not None:
                del self._keys[earlier.id]  # a message can only mean one of the last two
            self._before[market] = last
        self._keys[position_id] = market
        self._positions[market] = Position(position_id)

    def _of_market(self, position_id: UUID) -> Position:
        market = self._keys[position_id]
        latest = self._positions[market]
        return latest if latest.id == position_id else self._before[market]


class _RecordedWindow(PnLWindow):
    """A window with the recorded values; the context audit checks the results behind them."""

    __slots__ = ("_average", "_trades")

    def __init__(self, average: float, trades: int) -> None:
        super().__init__()
        self._average = average
        self._trades = trades

    def copy(self) -> PnLWindow:
        return _RecordedWindow(self._average, self._trades)

    def add(self, counted: object) -> None:
        pass

    @property
    def trades(self) -> int:
        return self._trades

    @property
    def average(self) -> float:
        return self._average
