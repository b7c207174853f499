"""Intake: what a message does, decided without any effect.

`decide` takes a message, the state it meets and the context, and returns the events it leads to and the outcome.
It reads and writes nothing else, so a host with its own transaction, event store or bus can call it, and a
replay can call it again.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from exitbrain.application.outcome import Outcome
from exitbrain.application.planning import DecisionSettings, PlanningContext, plan_levels
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.translator import Translator
from exitbrain.domain.aggregate import Record, Stamp
from exitbrain.domain.claim import CLOSE_ORDER_ID, KeyClaimed, resent_kind
from exitbrain.domain.decision import DecisionId, WindowReading
from exitbrain.domain.errors import WrongState
from exitbrain.domain.exit_plan import Decision, ExitPlan
from exitbrain.domain.identity import claim_id, receipt_id
from exitbrain.domain.instrument import Instrument, InstrumentSnapshotTaken, id_of_snapshot
from exitbrain.domain.messages import (
    ForeignStream,
    IncomingMessage,
    IntentKind,
    MessageTime,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.performance import PnLWindow
from exitbrain.domain.policy_register import PolicyRegister
from exitbrain.domain.position import Position, PositionClosed
from exitbrain.domain.receipt import Disposition, MessageReceived, Reason, Refusal
from exitbrain.domain.values import Assumption, Side, TimeOrigin

FLIPPED = "FLIPPED"
CLOSE_INTENT = "CLOSE_INTENT"
REDUCE_INTENT = "REDUCE_INTENT"

# Looking a member up in its class costs as much as two divisions.
_ACCEPTED, _NOTHING, _OPEN = Disposition.ACCEPTED, IntentKind.NOTHING, IntentKind.OPEN


@dataclass(slots=True)  # not frozen: one is made for every message
class Subject:
    """What a message is about, and the business keys (kind, value) by which it must count only once."""

    account: str
    symbol: str
    claims: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class State:
    """What a message meets: the latest position of its symbol with its plan, the register, the PnL window.

    `window_position` is the log position up to which the window was read, `uncommitted` how many results of the
    same transaction it holds beyond that. `snapshot_stored` says that the instrument snapshot is in the store,
    `claimed` names the kinds of business keys of the message that were used before.
    """

    register: PolicyRegister
    position: Position | None = None
    plan: ExitPlan | None = None
    window: PnLWindow = field(default_factory=PnLWindow)
    window_position: int = 0
    uncommitted: int = 0
    instrument: Instrument | None = None
    snapshot_stored: bool = False
    claimed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Context:
    """When a message is recorded, and the settings in force."""

    recorded_at: datetime
    settings: DecisionSettings


@dataclass(slots=True)  # not frozen: one is made for every message
class Decided:
    """What a message leads to: the records to save in this order, the outcome, and the state after it."""

    records: tuple[Record, ...]
    outcome: Outcome
    state: State

    @property
    def events(self) -> tuple[object, ...]:
        """Return the events alone, in their order."""
        return tuple(record.event for record in self.records)


class Intake:
    """Decide messages with one engine and one translator."""

    def __init__(self, engine: LevelEngine, translator: Translator) -> None:
        self._engine = engine
        self._translator = translator

    def translate(self, message: IncomingMessage) -> Translation:
        """Return what a message says."""
        return self._translator.translate(message)

    def decide(self, message: IncomingMessage, state: State, context: Context) -> Decided:
        """Return what a message leads to; nothing is written and `state` stays as it is."""
        return self.decide_translated(message, self.translate(message), state, context)

    def decide_translated(
        self, message: IncomingMessage, translation: Translation, state: State, context: Context
    ) -> Decided:
        """Decide a message that has been translated already."""
        return _Handling(self._engine, message, translation, state, context).decided()


_NOT_OURS = (Unusable, ForeignStream)  # a tuple: a union written in place is built anew by each call


def subject_of(translation: Translation, settings: DecisionSettings) -> Subject | None:
    """Return the account and symbol whose state a message meets, None when it meets none."""
    if isinstance(translation, _NOT_OURS):
        return None
    claims = _claims_of(translation, settings)
    return Subject(translation.account or settings.account, translation.symbol, claims)


def _claims_of(
    translation: TradeIntent | TradeClosed, settings: DecisionSettings
) -> tuple[tuple[str, str], ...]:
    claims: tuple[tuple[str, str], ...] = ()
    if isinstance(translation, TradeClosed) and translation.order_id:
        claims = ((CLOSE_ORDER_ID, translation.order_id),)
    if settings.dedupe_by is not None and (own_id := translation.ids.get(settings.dedupe_by)):
        claims = (*claims, (resent_kind(settings.dedupe_by), own_id))
    return claims


class _Ignored(Exception):
    """Ends the handling of a message that does nothing."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


class _Handling:
    """The handling of one message: copies what it may change, collects records in their order."""

    __slots__ = (
        "claims",
        "context",
        "decision",
        "effects",
        "engine",
        "given",
        "levels",
        "message",
        "plan",
        "position",
        "snapshot_stored",
        "stamp",
        "touched",
        "translation",
        "uncommitted",
        "window",
    )

    def __init__(
        self,
        engine: LevelEngine,
        message: IncomingMessage,
        translation: Translation,
        state: State,
        context: Context,
    ) -> None:
        self.engine = engine
        self.message = message
        self.translation = translation
        self.context = context
        self.given = state
        self.position, self.plan = state.position, state.plan
        if self.position is not None and self.position.is_open:  # what has ended never changes again
            self.position = self.position.copy()
            self.plan = None if self.plan is None else self.plan.copy()
        self.window = state.window
        self.uncommitted = state.uncommitted
        self.snapshot_stored = state.snapshot_stored
        self.touched: list[UUID] = []
        self.claims: list[Record] = []
        self.effects: list[Record] = []
        self.decision: DecisionId | None = None
        self.levels: Decision | None = None
        self.stamp = self._stamp(translation.time)

    def decided(self) -> Decided:
        """Return everything the message leads to."""
        translation = self.translation
        try:
            match translation:
                case TradeIntent():
                    self._intent(translation)
                    self._claim(translation)
                case TradeClosed():
                    self._check_not_resent()
                    self._closed(translation)
                    self._claim(translation)
                case Unusable():
                    return self._finish(Disposition.REFUSED, translation.refusal.reason, translation.refusal)
                case ForeignStream():
                    return self._finish(Disposition.IGNORED, Reason.UNKNOWN_STREAM, None)
                case _:
                    assert_never(translation)
        except _Ignored as ignored:
            return self._finish(Disposition.IGNORED, ignored.reason, None)
        return self._finish(_ACCEPTED, None, None)

    def _intent(self, intent: TradeIntent) -> None:
        if intent.kind is _NOTHING:
            raise _Ignored(Reason.NOT_AN_ENTRY)
        self._check_not_resent()
        self._check_not_superseded()
        if intent.kind is _OPEN:
            self._open(intent)
        else:
            self._reduce_or_close(intent)

    def _check_not_resent(self) -> None:
        """Refuse to take a message twice that its producer sent again under a new entry id."""
        field = self.context.settings.dedupe_by
        if field is not None and resent_kind(field) in self.given.claimed:
            raise _Ignored(Reason.DUPLICATE_MESSAGE)

    def _claim(self, translation: TradeIntent | TradeClosed) -> None:
        """Use up the business keys of a message that was accepted, before its other effects."""
        settings = self.context.settings
        for kind, value in _claims_of(translation, settings):
            key = (kind, translation.account or settings.account, translation.symbol, value)
            self.claims.append(Record(claim_id(*key), 1, KeyClaimed(*key, self.stamp.receipt_id)))

    def _check_not_superseded(self) -> None:
        """Refuse to let an older entry overwrite a newer one; entries without a stream id never compare."""
        mine = self.message.stream_id
        if self.position is None or mine is None:
            return
        newest = self.position.newest_entries.get(self.message.source)
        if newest is not None and mine < newest:
            raise _Ignored(Reason.SUPERSEDED)

    def _open(self, intent: TradeIntent) -> None:
        if intent.side is None:
            raise WrongState(f"an opening intent for {intent.symbol} has no side")
        held = self.position if self.position is not None and self.position.is_open else None
        leverage, assumption = self._leverage(intent, held)
        if held is not None and held.side is intent.side:
            if leverage != held.leverage:
                held.change_leverage(leverage, self.stamp)
            held.increase(intent.entry_price, intent.quantity, self.stamp)
        else:
            if held is not None:
                self._end(held, FLIPPED, intent.entry_price)
            self._begin(intent, intent.side, leverage)
        self._compute(intent, assumption)

    def _leverage(self, intent: TradeIntent, held: Position | None) -> tuple[float, Assumption | None]:
        if intent.leverage is not None:
            return intent.leverage, None
        if held is not None:
            why = "the message has none; the open position keeps its leverage"
            return held.leverage, Assumption("leverage", repr(held.leverage), why)
        return 1.0, Assumption("leverage", "1.0", "the message has none")

    def _begin(self, intent: TradeIntent, side: Side, leverage: float) -> None:
        self.position = Position.open(
            account=intent.account or self.context.settings.account,
            symbol=intent.symbol,
            previous=self.position,
            side=side,
            leverage=leverage,
            entry_price=intent.entry_price,
            quantity=intent.quantity,
            stamp=self.stamp,
        )
        self.plan = ExitPlan.open(self.position, self.stamp)

    def _compute(self, intent: TradeIntent, leverage_assumption: Assumption | None) -> None:
        position, plan = self._open_pair()
        self._keep_snapshot()
        reading = WindowReading(self.given.window_position, self.uncommitted, self.window.trades)
        planning = PlanningContext(
            self.given.register,
            self.window,
            reading,
            self.given.instrument,
            self.context.settings,
            self.message.origin,
            self.stamp,
        )
        self.levels = plan_levels(self.engine, position, plan, intent, leverage_assumption, planning)
        plan.revise(self.levels)
        self.decision = DecisionId(plan.id, plan.revision)
        self._collect(position, plan)

    def _keep_snapshot(self) -> None:
        instrument = self.given.instrument
        if instrument is not None and not self.snapshot_stored:
            self.effects.append(Record(id_of_snapshot(instrument), 1, InstrumentSnapshotTaken(instrument)))
            self.snapshot_stored = True

    def _reduce_or_close(self, intent: TradeIntent) -> None:
        position, plan = self._open_pair()
        assumptions = list(intent.assumptions)
        if intent.side is not None:
            said = f"a reduce applies to the open position; the message says {intent.side}"
            assumptions.append(Assumption("side", position.side.value, said))
        is_close = intent.kind is IntentKind.CLOSE
        if self._closes_all(intent, position, is_close):
            reason = CLOSE_INTENT if is_close else REDUCE_INTENT
            self._end(position, reason, intent.entry_price, tuple(assumptions))
            return
        position.reduce(intent.quantity, tuple(assumptions), self.stamp)
        plan.resize(position.quantity, self.stamp)
        self._collect(position, plan)

    def _closes_all(self, intent: TradeIntent, position: Position, is_close: bool) -> bool:
        if intent.quantity is None:
            return is_close
        if position.quantity is None:
            return is_close
        return intent.quantity >= position.quantity

    def _closed(self, closed: TradeClosed) -> None:
        if CLOSE_ORDER_ID in self.given.claimed:
            raise _Ignored(Reason.DUPLICATE_CLOSE)
        position, plan = self._open_pair()
        if self._is_of_an_earlier_cycle(position):
            raise _Ignored(Reason.EARLIER_CYCLE)
        assumptions = list(closed.assumptions)
        if closed.side is not None and closed.side is not position.side:
            said = f"a close applies to the open position; the message says {closed.side}"
            assumptions.append(Assumption("side", position.side.value, said))
        position.close(
            reason=closed.reason,
            exit_price=closed.exit_price,
            reported_pnl_percent=closed.pnl_percent,
            pnl_usd=closed.pnl_usd,
            order_id=closed.order_id,
            assumptions=tuple(assumptions),
            stamp=self.stamp,
        )
        plan.complete(closed.reason, self.stamp)
        self._feed_window(position)
        self._collect(position, plan)

    def _is_of_an_earlier_cycle(self, position: Position) -> bool:
        told = TimeOrigin.RECORDED_AT not in (self.stamp.time_origin, position.opened_at_origin)
        return told and self.stamp.occurred_at < position.opened_at

    def _end(
        self,
        position: Position,
        reason: str,
        exit_price: Decimal | None,
        assumptions: tuple[Assumption, ...] = (),
    ) -> None:
        """Close a position by an intent and cancel its plan."""
        _, plan = self._open_pair()
        position.close(
            reason=reason,
            exit_price=exit_price,
            reported_pnl_percent=None,
            pnl_usd=None,
            order_id="",
            assumptions=assumptions,
            stamp=self.stamp,
        )
        plan.cancel(reason, self.stamp)
        self._feed_window(position)
        self._collect(position, plan)

    def _feed_window(self, position: Position) -> None:
        closed = position.pending[-1].event
        if isinstance(closed, PositionClosed) and closed.result is not None:
            self.window = self.window.copy()
            self.window.add(closed.result.pnl_percent)
            self.uncommitted += 1

    def _open_pair(self) -> tuple[Position, ExitPlan]:
        if self.position is None or not self.position.is_open:
            raise _Ignored(Reason.NO_OPEN_POSITION)
        if self.plan is None:
            raise WrongState(f"the open position {self.position.id} has no plan")
        return self.position, self.plan

    def _collect(self, position: Position, plan: ExitPlan) -> None:
        self.effects.extend(position.collect())
        self.effects.extend(plan.collect())
        self.touched.extend((position.id, plan.id))

    def _stamp(self, time: MessageTime) -> Stamp:
        message, recorded_at = self.message, self.context.recorded_at
        if time.at is not None and time.origin is not None:
            at, origin = time.at, time.origin
        elif (stream_time := _time_of(message)) is not None:
            at, origin = stream_time, TimeOrigin.STREAM_ID
        else:
            at, origin = recorded_at, TimeOrigin.RECORDED_AT
        receipt_id = receipt_id_of(message, time)
        return Stamp(receipt_id, message.source, message.stream_id, at, origin, recorded_at)

    def _finish(self, disposition: Disposition, reason: Reason | None, refusal: Refusal | None) -> Decided:
        stamp, message = self.stamp, self.message
        assumptions = () if isinstance(self.translation, _NOT_OURS) else self.translation.assumptions
        # By place: names cost three times as much, and one is made for every message.
        receipt = MessageReceived(
            message.source,
            message.stream,
            message.entry_id,
            message.fields,
            message.origin,
            disposition,
            reason,
            refusal,
            message.broken is not None,
            self.context.settings.account,
            self.context.settings.dedupe_by,
            stamp.occurred_at,
            stamp.time_origin,
            stamp.recorded_at,
            stamp.occurred_at > stamp.recorded_at,
            assumptions,
            tuple(self.touched),
            server=message.server,
        )
        outcome = Outcome(
            stamp.receipt_id,
            message.entry_id,
            disposition,
            reason,
            refusal,
            receipt.touched,
            self.decision,
            self.levels,
        )
        given = self.given
        state = State(
            given.register,
            self.position,
            self.plan,
            self.window,
            given.window_position,
            self.uncommitted,
            given.instrument,
            self.snapshot_stored,
            given.claimed,
        )
        return Decided((Record(stamp.receipt_id, 1, receipt), *self.claims, *self.effects), outcome, state)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


def _time_of(message: IncomingMessage) -> datetime | None:
    stream_id = message.stream_id
    if stream_id is None or stream_id.ms > _LATEST_MS:
        return None
    return _EPOCH + timedelta(milliseconds=stream_id.ms)


def receipt_id_of(message: IncomingMessage, time: MessageTime) -> UUID:
    """Return the id of the receipt of a message: ordered by its stream id, else by its own time, never by the clock."""
    if message.stream_id is not None:
        ms = message.stream_id.ms
    elif time.at is not None:
        ms = (time.at - _EPOCH) // timedelta(milliseconds=1)
    else:
        ms = 0
    return receipt_id(message.source, message.entry_id, ms)
