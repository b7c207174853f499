"""Intake: what a message does, decided without any effect.

`decide` takes a message, the state it meets and the context, and returns the events it leads to and the outcome.
It reads and writes nothing else, so a host with its own transaction, event store or bus can call it, and a
replay can call it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from exitbrain.application.ignored_exit import ignored_exit_of
from exitbrain.application.outcome import Outcome
from exitbrain.application.planning import PlanningContext, plan_levels
from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.translator import Translator
from exitbrain.application.subject import Key, account_of, account_said, close_keys, resent_keys
from exitbrain.domain.aggregate import Record, Stamp
from exitbrain.domain.claim import KeyClaimed
from exitbrain.domain.closing import (
    BOOK_CLOSE,
    CLOSE_INTENT,
    FLIPPED,
    REDUCE_INTENT,
    Answer,
    Part,
    part_of_close,
    part_of_reduction,
    whose_exit,
    whose_report,
)
from exitbrain.domain.configuration import DecisionSettings
from exitbrain.domain.decision import DecisionId, WindowReading
from exitbrain.domain.errors import WrongState
from exitbrain.domain.exit_plan import Decision, ExitPlan
from exitbrain.domain.identity import claim_id, receipt_id
from exitbrain.domain.instrument import Instrument, InstrumentSnapshotTaken, id_of_snapshot
from exitbrain.domain.messages import (
    BookClose,
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
from exitbrain.domain.position import CloseReported, Position, PositionClosed, Sighting
from exitbrain.domain.receipt import Disposition, IgnoredExit, MessageReceived, Reason, Refusal
from exitbrain.domain.values import DECIMAL, Assumption, Side, TimeOrigin, Whose

# Looking a member up in its class costs as much as two divisions.
_ACCEPTED, _NOTHING, _OPEN = Disposition.ACCEPTED, IntentKind.NOTHING, IntentKind.OPEN

SAME_EXIT_PRICE = Decimal("0.005")
"""How far, as a fraction, the exit prices of two closes under one order id may differ."""

PERPETUAL_ALLOWED = "the name of a perpetual, such as ETHUSDT or ETH/USDT:USDT, while SPOT_NAMES is refuse"
ONE_WAY_ALLOWED = "one position per symbol at a time; hedge mode is not supported yet"


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


@dataclass(frozen=True, slots=True)
class Context:
    """When a message is recorded, and the settings in force; `configured` is the version of the event that keeps them."""

    recorded_at: datetime
    settings: DecisionSettings
    configured: int = 0


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


_MESSAGES = (TradeIntent, TradeClosed)  # a tuple: a union written in place is built anew by each call
_SAID_NOTHING: tuple[tuple[Assumption, ...], tuple[str, ...]] = (), ()


class _Ignored(Exception):
    """Ends the handling of a message that does nothing.

    Of an exit: `rule` told whose it is, and `expected` says that nobody need look. `is_silent` where it is none.
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


class _Refused(Exception):
    """Ends the handling of a message that can be read, and is not to be done."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class _Handling:
    """The handling of one message: copies what it may change, collects records in their order."""

    __slots__ = (
        "before",
        "came",
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
        "read_instrument",
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
        self.before = state.before
        self.window = state.window
        self.uncommitted = state.uncommitted
        self.snapshot_stored = state.snapshot_stored
        self.touched: list[UUID] = []
        self.claims: list[Record] = []
        self.effects: list[Record] = []
        self.decision: DecisionId | None = None
        self.levels: Decision | None = None
        self.read_instrument: Instrument | None = None
        self.stamp = stamp = self._stamp(translation.time)
        clock = None if translation.time.at is None else translation.time.clock
        self.came = Sighting(stamp.occurred_at, message.stream_id, message.server, clock)

    def decided(self) -> Decided:
        """Return everything the message leads to."""
        translation = self.translation
        try:
            match translation:
                case TradeIntent():
                    self._check_taken(translation)
                    self._intent(translation)
                case TradeClosed():
                    self._check_taken(translation)
                    self._check_not_resent(translation)
                    self._closed(translation)
                case BookClose():
                    self._book(translation)
                case Unusable():
                    return self._refused(translation.refusal, is_exit=translation.is_exit)
                case ForeignStream():
                    return self._finish(Disposition.IGNORED, Reason.UNKNOWN_STREAM, None)
                case _:
                    assert_never(translation)
        except _Ignored as ignored:
            exit_ = None if ignored.is_silent else self._ignored_exit(ignored.rule, expected=ignored.expected)
            return self._finish(Disposition.IGNORED, ignored.reason, None, exit_)
        except _Refused as refused:
            return self._refused(refused.refusal, is_exit=self._is_exit())
        return self._finish(_ACCEPTED, None, None)

    def _refused(self, refusal: Refusal, *, is_exit: bool) -> Decided:
        ignored = self._ignored_exit(None, expected=False) if is_exit else None
        return self._finish(Disposition.REFUSED, refusal.reason, refusal, ignored)

    def _check_taken(self, translation: TradeIntent | TradeClosed) -> None:
        """Refuse or ignore what the settings do not take: spot names, paper trading."""
        settings = self.context.settings
        if translation.spot and settings.spot_names == "refuse":
            named = [assumed.value for assumed in translation.assumptions if assumed.field == "symbol"]
            given = named[0] if named else translation.symbol
            raise _Refused(Refusal(Reason.SPOT_NAME, "symbol", given, PERPETUAL_ALLOWED))
        if translation.paper and settings.paper == "ignore":
            raise self._ignored(Reason.PAPER, expected=self.given.held_by is None)

    def _intent(self, intent: TradeIntent) -> None:
        kind = intent.kind
        if kind is _NOTHING:
            raise _Ignored(Reason.NOT_AN_ENTRY, is_silent=True)
        if kind is IntentKind.FLAT and self.context.settings.flat == "ignore":
            raise _Ignored(Reason.NOT_AN_ENTRY, is_silent=self._held() is None)
        if self.context.settings.dedupe_by is not None:
            self._check_not_resent(intent)
        self._check_not_superseded()
        if kind is _OPEN:
            self._open(intent)
        else:
            self._exit(intent)
        if self.context.settings.dedupe_by is not None:
            self._claim(resent_keys(intent, self.context.settings))

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

    def _ignored(self, reason: Reason, *, rule: Whose | None = None, expected: bool = False) -> _Ignored:
        """Return what ends the handling of a message, told of where it is an exit."""
        return _Ignored(reason, rule=rule, expected=expected, is_silent=not self._is_exit())

    def _check_not_resent(self, translation: TradeIntent | TradeClosed) -> None:
        """Refuse to take a message twice that its producer sent again under a new entry id."""
        for key in resent_keys(translation, self.context.settings):
            if key in self.given.claimed:
                raise self._ignored(Reason.DUPLICATE_MESSAGE, expected=True)

    def _claim(self, keys: tuple[Key, ...], exit_price: Decimal | None = None) -> None:
        """Use up the business keys of a message, before its other effects."""
        if not keys:
            return
        translation, receipt = self.translation, self.stamp.receipt_id
        if not isinstance(translation, TradeIntent | TradeClosed):
            raise WrongState("only intents and closes have keys of their own")
        account = account_of(translation, self.context.settings)
        for kind, value in keys:
            key = (kind, account, translation.symbol, value)
            self.claims.append(Record(claim_id(*key), 1, KeyClaimed(*key, exit_price, receipt)))

    def _check_not_superseded(self) -> None:
        """Refuse to let an older entry overwrite a newer one; entries without a stream id never compare."""
        mine = self.message.stream_id
        if self.position is None or mine is None:
            return
        newest = self.position.newest_entries.get(self.message.source)
        if newest is not None and mine < newest:
            raise self._ignored(Reason.SUPERSEDED)

    def _open(self, intent: TradeIntent) -> None:
        if intent.side is None:
            raise WrongState(f"an opening intent for {intent.symbol} has no side")
        held = self._held()
        leverage, assumption = self._leverage(intent, held)
        if held is not None and held.side is intent.side:
            if leverage != held.leverage:
                held.change_leverage(leverage, self.stamp)
            held.increase(intent.entry_price, intent.quantity, in_units=intent.in_units, stamp=self.stamp)
        else:
            if held is not None:
                self._check_not_hedged(intent, held)
                self._end(held, FLIPPED, intent.entry_price, rule=None)
            self._begin(intent, intent.side, leverage)
        self._compute(intent, assumption)

    @staticmethod
    def _check_not_hedged(intent: TradeIntent, held: Position) -> None:
        """Refuse an entry that names the side that is not held: the account has positions on both sides."""
        if intent.holds is not None:
            said = f"{intent.holds} beside an open {held.side}"
            raise _Refused(Refusal(Reason.HEDGE_MODE, "position_side", said, ONE_WAY_ALLOWED))

    def _leverage(self, intent: TradeIntent, held: Position | None) -> tuple[float, Assumption | None]:
        if intent.leverage is not None:
            return intent.leverage, None
        if held is not None:
            why = "the message has none; the open position keeps its leverage"
            return held.leverage, Assumption("leverage", repr(held.leverage), why)
        return 1.0, Assumption("leverage", "1.0", "the message has none")

    def _begin(self, intent: TradeIntent, side: Side, leverage: float) -> None:
        self.before = self.position
        self.position = Position.open(
            account=account_of(intent, self.context.settings),
            symbol=intent.symbol,
            previous=self.position,
            side=side,
            leverage=leverage,
            entry_price=intent.entry_price,
            quantity=intent.quantity,
            in_units=intent.in_units,
            server=self.came.server,
            clock=self.came.clock,
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

    @property
    def _window_s(self) -> float:
        return self.context.settings.report_window_s

    def _keep_snapshot(self) -> None:
        instrument = self.given.instrument
        if instrument is not None and not self.snapshot_stored:
            self.effects.append(Record(id_of_snapshot(instrument), 1, InstrumentSnapshotTaken(instrument)))
            self.snapshot_stored = True

    def _exit(self, intent: TradeIntent) -> None:
        """Reduce or close the position that an intent means."""
        answer = whose_exit(intent, self.came, self._held(), self._last(), self._window_s)
        position = self._of_the_open(answer)
        is_close = intent.kind is not IntentKind.REDUCE
        assumptions = list(intent.assumptions)
        if intent.side is not None:
            said = f"a reduce applies to the open position; the message says {intent.side}"
            assumptions.append(Assumption("side", position.side.value, said))
        part = self._part_of_intent(intent, position, is_close=is_close)
        if part is not None:
            self._reduce(position, part, intent.entry_price, intent.order_id, answer.rule, assumptions)
            return
        reason = CLOSE_INTENT if is_close else REDUCE_INTENT
        self._end(position, reason, intent.entry_price, rule=answer.rule, assumptions=tuple(assumptions))

    def _part_of_intent(self, intent: TradeIntent, position: Position, *, is_close: bool) -> Part | None:
        if not is_close:
            return part_of_reduction(position, intent.quantity, intent.remaining, partial=intent.partial)
        quantity = intent.quantity if intent.in_units else None
        return self._part_of_close(
            position, quantity, intent.remaining, partial=intent.partial, price=intent.entry_price
        )

    def _part_of_close(
        self,
        position: Position,
        quantity: Decimal | None,
        remaining: Decimal | None,
        *,
        partial: bool,
        price: Decimal | None,
    ) -> Part | None:
        instrument = self.given.instrument
        if quantity is not None and instrument is not None:
            self.read_instrument = instrument
            self._keep_snapshot()
        return part_of_close(
            position,
            quantity,
            remaining,
            partial=partial,
            instrument=instrument,
            price=position.entry_price if price is None else price,
        )

    def _closed(self, closed: TradeClosed) -> None:
        self._check_not_claimed(closed, close_keys(closed, None))
        answer = whose_report(closed, self.came, self._held(), self._last(), self._window_s)
        meant = answer.position or self._last()
        if meant is not None:
            self._check_not_claimed(closed, close_keys(closed, meant.cycle))
        if answer.position is not None and not answer.position.is_open:
            self._report(closed, answer.position, answer.rule)
        position = self._of_the_open(answer)
        assumptions = [*closed.assumptions, *self._doubts(closed, position)]
        part = self._part_of_close(
            position, closed.quantity, closed.remaining, partial=closed.partial, price=closed.exit_price
        )
        keys = close_keys(closed, None) or close_keys(closed, position.cycle)
        if part is not None:
            self._claim(keys[1:], closed.exit_price)
            self._reduce(position, part, closed.exit_price, closed.order_id, answer.rule, assumptions)
        else:
            self._claim(keys[:1], closed.exit_price)
            self._complete(closed, position, answer.rule, tuple(assumptions))
        self._claim(resent_keys(closed, self.context.settings))

    @staticmethod
    def _doubts(closed: TradeClosed, position: Position) -> list[Assumption]:
        """Return what of a close does not fit the position that it ends."""
        doubts = []
        if closed.side is not None and closed.side is not position.side:
            said = f"a close applies to the open position; the message says {closed.side}"
            doubts.append(Assumption("side", position.side.value, said))
        at = closed.time.at
        if (
            at is not None
            and position.opened_at_origin is not TimeOrigin.RECORDED_AT
            and at < position.opened.at
        ):
            said = f"before the position opened at {position.opened.at.isoformat()}; the clocks disagree"
            doubts.append(Assumption("timestamp", at.isoformat(), said))
        return doubts

    def _check_not_claimed(self, closed: TradeClosed, keys: tuple[Key, ...]) -> None:
        """Refuse to count an order id twice; a repetition at another price is no mere repetition."""
        for key in keys:
            claimed = self.given.claimed.get(key)
            if claimed is not None:
                same = _is_same_price(closed.exit_price, claimed.exit_price)
                raise self._ignored(Reason.DUPLICATE_CLOSE, expected=same)

    def _complete(
        self, closed: TradeClosed, position: Position, rule: Whose, assumptions: tuple[Assumption, ...]
    ) -> None:
        _, plan = self._open_pair()
        position.close(
            reason=closed.reason,
            exit_price=closed.exit_price,
            reported_pnl_percent=closed.pnl_percent,
            pnl_usd=closed.pnl_usd,
            order_id=closed.order_id,
            rule=rule,
            reported=True,
            server=self.came.server,
            clock=self.came.clock,
            assumptions=assumptions,
            stamp=self.stamp,
        )
        plan.complete(closed.reason, self.stamp)
        self._feed_window(position)
        self._collect(position, plan)

    def _report(self, closed: TradeClosed, last: Position, rule: Whose) -> None:
        """Keep the report of a position that has ended, and end the handling: it ends nothing more.

        Nobody need look unless it could as well have been that of the open position.
        """
        expected = self._held() is None or rule in (Whose.NAMED, Whose.STREAM_ORDER)
        is_part = closed.partial or (closed.remaining is not None and closed.remaining > 0)
        if not last.reported and not is_part:
            reported = last.copy()
            reported.report(
                exit_price=closed.exit_price,
                pnl_percent=closed.pnl_percent,
                pnl_usd=closed.pnl_usd,
                order_id=closed.order_id,
                rule=rule,
                assumptions=closed.assumptions,
                stamp=self.stamp,
            )
            keys = close_keys(closed, None) or close_keys(closed, last.cycle)
            self._claim(keys[:1], closed.exit_price)
            self._claim(resent_keys(closed, self.context.settings))
            self._feed_window(reported)
            self.effects.extend(reported.collect())
            self.touched.append(last.id)
            if self._held() is None:
                self.position = reported
            else:
                self.before = reported
        raise self._ignored(Reason.EARLIER_CYCLE, rule=rule, expected=expected)

    def _book(self, book: BookClose) -> None:
        position, _ = self._open_pair()
        self._end(position, BOOK_CLOSE, book.price, rule=None, assumptions=book.assumptions)

    def _of_the_open(self, answer: Answer) -> Position:
        """Return the open position where the exit means it, and end the handling where it does not."""
        position = answer.position
        if position is not None and position.is_open:
            return position
        earlier = answer.rule is not Whose.OPEN_POSITION and (
            position is not None or answer.rule is Whose.STREAM_ORDER
        )
        reason = Reason.EARLIER_CYCLE if earlier and self._held() is not None else Reason.NO_OPEN_POSITION
        expected = answer.rule is Whose.STREAM_ORDER and position is not None
        raise self._ignored(reason, rule=answer.rule, expected=expected)

    def _reduce(
        self,
        position: Position,
        part: Part,
        exit_price: Decimal | None,
        order_id: str,
        rule: Whose,
        assumptions: list[Assumption],
    ) -> None:
        _, plan = self._open_pair()
        position.reduce(
            part.by,
            part.rest,
            exit_price=exit_price,
            order_id=order_id,
            rule=rule,
            assumptions=tuple(assumptions),
            stamp=self.stamp,
        )
        plan.resize(position.quantity, self.stamp)
        self._collect(position, plan)

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
            self.window.add(last.result.pnl_percent)
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
        assumptions, unusable = _SAID_NOTHING
        if isinstance(translation, _MESSAGES):
            account = account_of(translation, settings)
            assumptions, unusable = translation.assumptions, translation.unusable
        else:
            account = account_said(translation, settings)
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
            ignored_exit=ignored_exit,
            source=message.source,
            unusable=unusable,
            occurred_at=stamp.occurred_at,
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
            self.before,
            given.held_by,
        )
        return Decided((Record(stamp.receipt_id, 1, receipt), *self.claims, *self.effects), outcome, state)


def _is_same_price(one: Decimal | None, other: Decimal | None) -> bool:
    """Return whether two exit prices may be of one close; an unknown one may be any."""
    if one is None or other is None:
        return True
    return DECIMAL.subtract(one, other).copy_abs() <= DECIMAL.multiply(other, SAME_EXIT_PRICE)


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
