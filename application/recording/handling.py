"""Handling of one message: its state, its records in order, and finally its receipt."""

from decimal import Decimal
from uuid import UUID

from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.recording.belief import believed, with_doubts
from exitbrain.application.recording.decided import Context, Decided, State
from exitbrain.application.recording.ignored_exit import ignored_exit_of
from exitbrain.application.recording.stamping import receipt_id_of, stamp_of
from exitbrain.application.recording.subject import Key, account_of, account_said, resent_keys, symbol_said
from exitbrain.domain.errors import ExitBrainError, WrongState
from exitbrain.domain.events import Record
from exitbrain.domain.identity import claim_id
from exitbrain.domain.levels.instrument import Instrument, InstrumentSnapshotTaken, id_of_snapshot
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.message import (
    IncomingMessage,
    TradeClosed,
    TradeIntent,
    Translation,
)
from exitbrain.domain.messages.receipt import (
    Disposition,
    FailedAsking,
    IgnoredExit,
    MessageReceived,
    Reason,
    Refusal,
)
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.plans.decision import DecisionId
from exitbrain.domain.plans.exit_plan import Decision, ExitPlan
from exitbrain.domain.positions.events import CloseReported, PositionClosed
from exitbrain.domain.positions.position import Position
from exitbrain.domain.positions.sighting import Sighting
from exitbrain.domain.values import Assumption, Whose

_MESSAGES = (TradeIntent, TradeClosed)  # a tuple: an inline union would be rebuilt on each call


class Ignored(ExitBrainError):
    """Stops the handling of a message that does nothing.

    For an exit, `rule` says how its position was found and `expected` that no action is needed. Other
    messages are `is_silent`.
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
    """Stops the handling of a message that is readable but must not be carried out."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class Handling:
    """Handling of one message: copies what it may change and collects records in order."""

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
        if self.position is not None and self.position.is_open:  # an ended one is copied when reported
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
        cause_id = receipt_id_of(message, translation.time)
        self.stamp = stamp = stamp_of(cause_id, message, self.entry_id, self.said_at, context.recorded_at)
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
        """Return the error that stops the handling, silent unless the message is an exit."""
        return Ignored(reason, rule=rule, expected=expected, is_silent=not self._is_exit())

    def _check_not_resent(self, translation: TradeIntent | TradeClosed) -> None:
        """Ignore a message that its producer sent again under a new entry id."""
        for key in resent_keys(translation, self.context.settings):
            if key in self.given.claimed:
                raise self._ignored(Reason.DUPLICATE_MESSAGE, expected=True)

    def _claim(self, keys: tuple[Key, ...], exit_price: Decimal | None = None) -> None:
        """Claim the business keys of a message, before its other effects."""
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
        """Ignore an entry older than the newest one handled; entries without a stream id are not compared."""
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
        """Close a position on an intent or an operator's request, and cancel its plan."""
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
        receipt = self._receipt(disposition, reason, refusal, ignored_exit)
        given = self.given
        state = State(
            register=self.register,
            position=self.position,
            plan=self.plan,
            window=self.window,
            window_position=given.window_position,
            uncommitted=self.uncommitted,
            instrument=given.instrument,
            snapshot_stored=self.snapshot_stored,
            claimed=given.claimed,
            before=self.before,
            held_by=given.held_by,
        )
        records = (Record(self.stamp.cause_id, 1, receipt), *self.claims, *self.effects)
        return Decided(records, self._outcome(receipt), state)

    def _receipt(
        self,
        disposition: Disposition,
        reason: Reason | None,
        refusal: Refusal | None,
        ignored_exit: IgnoredExit | None,
    ) -> MessageReceived:
        stamp, message = self.stamp, self.message
        translation, settings = self.translation, self.context.settings
        assumptions = self.doubts
        if isinstance(translation, _MESSAGES):
            account, assumptions = account_of(translation, settings), translation.assumptions
        else:
            account = account_said(translation, settings)
        # Positional: 21 keywords would take 2 µs longer, 5 % of a decision.
        return MessageReceived(
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

    def _outcome(self, receipt: MessageReceived) -> MessageResult:
        translation = self.translation
        return MessageResult(
            self.stamp.cause_id,
            receipt.entry_id,
            disposition=receipt.disposition,
            reason=receipt.reason,
            refusal=receipt.refusal,
            touched=receipt.touched,
            decision=self.decision,
            levels=self.levels,
            ignored_exit=receipt.ignored_exit,
            source=receipt.source,
            unusable=translation.unusable if isinstance(translation, _MESSAGES) else (),
            occurred_at=receipt.occurred_at,
            account=receipt.account,
            symbol=symbol_said(translation),
            not_believed=tuple([doubt.field for doubt in self.doubts]) if self.doubts else (),
        )
