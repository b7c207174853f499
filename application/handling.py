"""Handling: what deciding one message needs: what it met, the records in their order, and the receipt in the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from exitbrain.application.belief import believed, with_doubts
from exitbrain.application.ignored_exit import ignored_exit_of
from exitbrain.application.outcome import Outcome
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.subject import Key, account_of, account_said, resent_keys, symbol_said
from exitbrain.domain.aggregate import Record, Stamp
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.claim import KeyClaimed
from exitbrain.domain.configuration import DecisionSettings
from exitbrain.domain.decision import DecisionId
from exitbrain.domain.errors import ExitBrainError, WrongState
from exitbrain.domain.exit_plan import Decision, ExitPlan
from exitbrain.domain.identity import claim_id, receipt_id
from exitbrain.domain.instrument import Instrument, InstrumentSnapshotTaken, id_of_snapshot
from exitbrain.domain.messages import (
    IncomingMessage,
    MessageTime,
    TradeClosed,
    TradeIntent,
    Translation,
)
from exitbrain.domain.performance import PnLWindow
from exitbrain.domain.policy_register import PolicyRegister
from exitbrain.domain.position import CloseReported, Position, PositionClosed, Sighting
from exitbrain.domain.receipt import Disposition, FailedAsking, IgnoredExit, MessageReceived, Reason, Refusal
from exitbrain.domain.values import EPOCH, Assumption, EntryId, TimeOrigin, Whose, ms_of

_MESSAGES = (TradeIntent, TradeClosed)  # a tuple: a union written in place is built anew by each call
_NOTHING_UNUSABLE: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """What a message meets: the latest position of its symbol with its plan, the register, the PnL window.

    `before` is the position that ended before an open one. `window_position` is the log position up to which the window
    was read, `uncommitted` how many results of the same transaction it holds beyond that. `snapshot_stored` says that
    the instrument snapshot is in the store, `claimed` tells who used the business keys of the message before. `held_by` is
    the account that alone holds the symbol, where it is another than that of the message.
    """

    register: PolicyRegister
    position: Position | None = None
    plan: ExitPlan | None = None
    window: PnLWindow = field(default_factory=PnLWindow)
    window_position: int = 0
    uncommitted: int = 0
    instrument: Instrument | None = None
    snapshot_stored: bool = False
    claimed: Mapping[Key, KeyClaimed] = field(default_factory=dict)
    before: Position | None = None
    held_by: str | None = None


class Context(Struct, frozen=True):
    """When a message is recorded, and the settings in force; `configured` is the version of the event that keeps them."""

    recorded_at: datetime
    settings: DecisionSettings
    configured: int = 0


class Decided(Struct, frozen=True):
    """What a message leads to: the records to save in this order, the outcome, and the state after it."""

    records: tuple[Record, ...]
    outcome: Outcome
    state: State

    @property
    def events(self) -> tuple[ExitEvent, ...]:
        """Return the events alone, in their order."""
        return tuple(record.event for record in self.records)


class Ignored(ExitBrainError):
    """Ends the handling of a message that does nothing.

    Of an exit: `rule` told whose it is, and `expected` says that no action is needed. `is_silent` where it is none.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        rule: Whose | None = None,
        expected: bool = False,
        is_silent: bool = False,
    ) -> None:
        self.reason = reason
        self.rule = rule
        self.expected = expected
        self.is_silent = is_silent


class Refused(ExitBrainError):
    """Ends the handling of a message that can be read, and is not to be done."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class Handling:
    """The handling of one message: copies what it may change, collects records in their order."""

    __slots__ = (
        "before",
        "came",
        "claims",
        "context",
        "decision",
        "doubts",
        "effects",
        "engine",
        "entry_id",
        "failed_asking",
        "given",
        "levels",
        "message",
        "plan",
        "position",
        "read_instrument",
        "register",
        "said_at",
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
        self.context = context
        self.given = state
        self.entry_id, self.said_at, self.doubts = believed(
            message.stream_id, translation.time, context.recorded_at, context.settings.max_clock_ahead_s
        )
        self.translation = translation = with_doubts(translation, self.doubts)
        self.position, self.plan = state.position, state.plan
        if self.position is not None and self.position.is_open:  # one that ended is copied for its report
            self.position = self.position.copy()
            self.plan = None if self.plan is None else self.plan.copy()
        self.before = state.before
        self.register = state.register
        self.window = state.window
        self.uncommitted = state.uncommitted
        self.snapshot_stored = state.snapshot_stored
        self.touched: list[UUID] = []
        self.claims: list[Record] = []
        self.effects: list[Record] = []
        self.decision: DecisionId | None = None
        self.levels: Decision | None = None
        self.read_instrument: Instrument | None = None
        self.failed_asking: FailedAsking | None = None
        self.stamp = stamp = self._stamp(receipt_id_of(message, translation.time))
        clock = None if self.said_at.at is None else self.said_at.clock
        self.came = Sighting(stamp.occurred_at, self.entry_id, message.server, clock)

    def _held(self) -> Position | None:
        """Return the open position."""
        return self.position if self.position is not None and self.position.is_open else None

    def _last(self) -> Position | None:
        """Return the position that ended last."""
        return self.before if self._held() is not None else self.position

    def _is_exit(self) -> bool:
        translation = self.translation
        return isinstance(translation, TradeClosed) or (
            isinstance(translation, TradeIntent) and translation.is_exit
        )

    def _ignored(self, reason: Reason, *, rule: Whose | None = None, expected: bool = False) -> Ignored:
        """Return what ends the handling of a message, told of where it is an exit."""
        return Ignored(reason, rule=rule, expected=expected, is_silent=not self._is_exit())

    def _check_not_resent(self, translation: TradeIntent | TradeClosed) -> None:
        """Refuse to take a message twice that its producer sent again under a new entry id."""
        for key in resent_keys(translation, self.context.settings):
            if key in self.given.claimed:
                raise self._ignored(Reason.DUPLICATE_MESSAGE, expected=True)

    def _claim(self, keys: tuple[Key, ...], exit_price: Decimal | None = None) -> None:
        """Use up the business keys of a message, before its other effects."""
        if not keys:
            return
        translation, receipt = self.translation, self.stamp.cause_id
        if not isinstance(translation, TradeIntent | TradeClosed):
            raise WrongState("only intents and closes have keys of their own")
        account = account_of(translation, self.context.settings)
        for kind, value in keys:
            key = (kind, account, translation.symbol, value)
            self.claims.append(Record(claim_id(*key), 1, KeyClaimed(*key, exit_price, receipt)))

    def _check_not_superseded(self) -> None:
        """Refuse to let an older entry overwrite a newer one; entries without a stream id never compare."""
        mine = self.entry_id
        if self.position is None or mine is None:
            return
        newest = self.position.newest_entries.get(self.message.source)
        if newest is not None and mine < newest:
            raise self._ignored(Reason.SUPERSEDED)

    @property
    def _window_s(self) -> float:
        return self.context.settings.report_window_s

    def _keep_snapshot(self) -> None:
        instrument = self.given.instrument
        if instrument is not None and not self.snapshot_stored:
            self.effects.append(Record(id_of_snapshot(instrument), 1, InstrumentSnapshotTaken(instrument)))
            self.snapshot_stored = True

    def _end(
        self,
        position: Position,
        reason: str,
        exit_price: Decimal | None,
        *,
        rule: Whose | None,
        assumptions: tuple[Assumption, ...] = (),
    ) -> None:
        """Close a position by an intent, or an operator's word, and cancel its plan."""
        _, plan = self._open_pair()
        position.close(
            reason=reason,
            exit_price=exit_price,
            reported_pnl_percent=None,
            pnl_usd=None,
            order_id="",
            rule=rule,
            reported=False,
            server=self.came.server,
            clock=self.came.clock,
            assumptions=assumptions,
            stamp=self.stamp,
        )
        plan.cancel(reason, self.stamp)
        self._feed_window(position)
        self._collect(position, plan)

    def _feed_window(self, position: Position) -> None:
        last = position.pending[-1].event
        if isinstance(last, PositionClosed | CloseReported) and last.result is not None:
            self.window = self.window.copy()
            self.window.add(last.result.counted)
            self.uncommitted += 1

    def _open_pair(self) -> tuple[Position, ExitPlan]:
        if self.position is None or not self.position.is_open:
            raise Ignored(Reason.NO_OPEN_POSITION)
        if self.plan is None:
            raise WrongState(f"the open position {self.position.id} has no plan")
        return self.position, self.plan

    def _collect(self, position: Position, plan: ExitPlan) -> None:
        self.effects.extend(position.collect())
        self.effects.extend(plan.collect())
        self.touched.extend((position.id, plan.id))

    def _stamp(self, receipt_id: UUID) -> Stamp:
        time, recorded_at = self.said_at, self.context.recorded_at
        if time.at is not None and time.origin is not None:
            at, origin = time.at, time.origin
        elif (stream_time := _time_of(self.entry_id)) is not None:
            at, origin = stream_time, TimeOrigin.STREAM_ID
        else:
            at, origin = recorded_at, TimeOrigin.RECORDED_AT
        return Stamp(
            cause_id=receipt_id,
            source=self.message.source,
            entry_id=self.entry_id,
            occurred_at=at,
            time_origin=origin,
            recorded_at=recorded_at,
        )

    def _ignored_exit(self, rule: Whose | None, *, expected: bool) -> IgnoredExit:
        given = self.given
        return ignored_exit_of(
            self.message,
            self.translation,
            self.context.settings,
            given.position,
            given.before,
            held_by=given.held_by,
            rule=rule,
            expected=expected,
        )

    def _finish(
        self,
        disposition: Disposition,
        reason: Reason | None,
        refusal: Refusal | None,
        ignored_exit: IgnoredExit | None = None,
    ) -> Decided:
        stamp, message = self.stamp, self.message
        translation, settings = self.translation, self.context.settings
        assumptions, unusable = self.doubts, _NOTHING_UNUSABLE
        if isinstance(translation, _MESSAGES):
            account = account_of(translation, settings)
            assumptions, unusable = translation.assumptions, translation.unusable
        else:
            account = account_said(translation, settings)
        # By place: 21 names take 2 µs longer, a twentieth of a decision.
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
            account,
            stamp.occurred_at,
            stamp.time_origin,
            stamp.recorded_at,
            stamp.occurred_at > stamp.recorded_at,
            assumptions,
            tuple(self.touched),
            self.context.configured,
            None if self.read_instrument is None else self.read_instrument.content_hash,
            message.server,
            ignored_exit,
            self.failed_asking,
        )
        outcome = Outcome(
            stamp.cause_id,
            message.entry_id,
            disposition=disposition,
            reason=reason,
            refusal=refusal,
            touched=receipt.touched,
            decision=self.decision,
            levels=self.levels,
            ignored_exit=ignored_exit,
            source=message.source,
            unusable=unusable,
            occurred_at=stamp.occurred_at,
            account=account,
            symbol=symbol_said(translation),
            not_believed=tuple([doubt.field for doubt in self.doubts]) if self.doubts else (),
        )
        given = self.given
        state = State(
            self.register,
            self.position,
            self.plan,
            self.window,
            given.window_position,
            self.uncommitted,
            given.instrument,
            self.snapshot_stored,
            given.claimed,
            self.before,
            given.held_by,
        )
        return Decided((Record(stamp.cause_id, 1, receipt), *self.claims, *self.effects), outcome, state)


_LATEST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


def _time_of(entry_id: EntryId | None) -> datetime | None:
    if entry_id is None or entry_id.ms > _LATEST_MS:
        return None
    return EPOCH + timedelta(milliseconds=entry_id.ms)


def receipt_id_of(message: IncomingMessage, time: MessageTime) -> UUID:
    """Return the id of the receipt of a message: ordered by its stream id, else by its own time, never by the clock.

    It is the same whenever it is asked for, so what is believed of id and time does not matter.
    """
    if message.stream_id is not None:
        ms = message.stream_id.ms
    elif time.at is not None:
        ms = ms_of(time.at)
    else:
        ms = 0
    return receipt_id(message.source, message.entry_id, ms)
