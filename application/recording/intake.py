"""Intake: decides what a message does, without side effects.

`decide` takes a message, its state and context, and returns the resulting events and the outcome. It reads
and writes nothing else, so a host with its own transaction, event store or bus can call it, and a replay can
call it again.
"""

from typing import assert_never

from exitbrain.application.ports.level_engine import LevelEngine
from exitbrain.application.ports.translator import Translator
from exitbrain.application.recording.decided import Context, Decided, State
from exitbrain.application.recording.exits import ExitHandling
from exitbrain.application.recording.handling import Ignored, Refused
from exitbrain.application.recording.planning import PlanningContext, Unanswered, plan_levels
from exitbrain.application.recording.policy_changes import PolicyHandling
from exitbrain.application.recording.subject import account_of, resent_keys
from exitbrain.domain.errors import WrongState
from exitbrain.domain.levels.levels import WindowReading
from exitbrain.domain.messages.closing import (
    FLIPPED,
)
from exitbrain.domain.messages.message import (
    ActivatePolicy,
    BookClose,
    ForeignStream,
    IncomingMessage,
    IntentKind,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.messages.receipt import Disposition, FailedAsking, Reason, Refusal
from exitbrain.domain.plans.decision import DecisionId
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import Assumption, Side

PERPETUAL_ALLOWED = "the name of a perpetual, such as ETHUSDT or ETH/USDT:USDT, while SPOT_NAMES is refuse"
ONE_WAY_ALLOWED = "one position per symbol at a time; hedge mode is not supported yet"


class Intake:
    """Decide messages with one engine and one translator."""

    def __init__(self, engine: LevelEngine, translator: Translator) -> None:
        self._engine = engine
        self._translator = translator

    def translate(self, message: IncomingMessage) -> Translation:
        """Return what a message says."""
        return self._translator.translate(message)

    def decide(self, message: IncomingMessage, state: State, context: Context) -> Decided:
        """Return the result of a message; writes nothing and leaves `state` unchanged."""
        return self.decide_translated(message, self.translate(message), state, context)

    def decide_translated(
        self, message: IncomingMessage, translation: Translation, state: State, context: Context
    ) -> Decided:
        """Decide a message that is already translated."""
        try:
            return _Handling(self._engine, message, translation, state, context).decided()
        except Unanswered as unanswered:  # start over, to drop what the first handling has done
            return _Handling(self._engine, message, translation, state, context).without_levels(unanswered)


class _Handling(ExitHandling, PolicyHandling):
    """Handling of any message."""

    __slots__ = ()

    def decided(self) -> Decided:
        """Return the result of the message."""
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
                case ActivatePolicy():
                    self._activate(translation)
                case Unusable():
                    return self._refused(translation.refusal, is_exit=translation.is_exit)
                case ForeignStream():
                    return self._finish(Disposition.IGNORED, Reason.UNKNOWN_STREAM, None)
                case _:
                    assert_never(translation)
        except Ignored as ignored:
            exit_ = None if ignored.is_silent else self._ignored_exit(ignored.rule, expected=ignored.expected)
            return self._finish(Disposition.IGNORED, ignored.reason, None, exit_)
        except Refused as refused:
            return self._refused(refused.refusal, is_exit=self._is_exit())
        return self._finish(Disposition.ACCEPTED, None, None)

    def without_levels(self, unanswered: Unanswered) -> Decided:
        """Refuse an entry for which the engine gave no levels, keeping what is needed to ask it again."""
        given = self.given
        self.read_instrument = given.instrument
        self._keep_snapshot()
        reading = WindowReading(given.window_position, given.uncommitted, given.window.trades)
        self.failed_asking = FailedAsking(
            unanswered.engine, unanswered.policy, unanswered.inputs, given.register.version, reading
        )
        return self._refused(unanswered.refusal, is_exit=False)

    def _refused(self, refusal: Refusal, *, is_exit: bool) -> Decided:
        ignored = self._ignored_exit(None, expected=False) if is_exit else None
        return self._finish(Disposition.REFUSED, refusal.reason, refusal, ignored)

    def _check_taken(self, translation: TradeIntent | TradeClosed) -> None:
        """Refuse spot names and ignore paper trading, if the settings say so."""
        settings = self.context.settings
        if translation.spot and settings.spot_names == "refuse":
            named = [assumed.value for assumed in translation.assumptions if assumed.field == "symbol"]
            given = named[0] if named else translation.symbol
            raise Refused(Refusal(Reason.SPOT_NAME, "symbol", given, PERPETUAL_ALLOWED))
        if translation.paper and settings.paper == "ignore":
            raise self._ignored(Reason.PAPER, expected=self.given.held_by is None)

    def _intent(self, intent: TradeIntent) -> None:
        kind = intent.kind
        if kind is IntentKind.NOTHING:
            raise Ignored(Reason.NOT_AN_ENTRY, is_silent=True)
        if kind is IntentKind.FLAT and self.context.settings.flat == "ignore":
            raise Ignored(Reason.NOT_AN_ENTRY, is_silent=self._held() is None)
        if self.context.settings.dedupe_by is not None:
            self._check_not_resent(intent)
        self._check_not_superseded()
        if kind is IntentKind.OPEN:
            self._open(intent)
        else:
            self._exit(intent)
        if self.context.settings.dedupe_by is not None:
            self._claim(resent_keys(intent, self.context.settings))

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
        """Refuse an entry that names the opposite side: the account is in hedge mode."""
        if intent.holds is not None:
            said = f"{intent.holds} beside an open {held.side}"
            raise Refused(Refusal(Reason.HEDGE_MODE, "position_side", said, ONE_WAY_ALLOWED))

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
            register=self.given.register,
            window=self.window,
            reading=reading,
            instrument=self.given.instrument,
            settings=self.context.settings,
            origin=self.message.origin,
            stamp=self.stamp,
        )
        self.levels = plan_levels(self.engine, position, plan, intent, leverage_assumption, planning)
        plan.revise(self.levels)
        self.decision = DecisionId(plan.id, plan.revision)
        self._collect(position, plan)
