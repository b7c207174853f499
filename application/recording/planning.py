"""Planning: from an open position and a signal to one recorded level computation."""

from msgspec import Struct

from exitbrain.application.engine_answer import ANSWER, WANTED, NoLevels, engine_name, levels_of, said_by
from exitbrain.application.ports.level_engine import EngineFailed, EngineUnavailable, LevelEngine
from exitbrain.domain.errors import ExitBrainError, UnknownPolicy
from exitbrain.domain.events import Stamp
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs, WindowReading
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import TradeIntent
from exitbrain.domain.messages.receipt import Reason, Refusal
from exitbrain.domain.plans.decision import DecisionContext, judge_levels
from exitbrain.domain.plans.exit_plan import Decision, ExitPlan, LevelsComputed, LevelsRefused
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.policies.register import PolicyRegister, RegisteredPolicy
from exitbrain.domain.positions.performance import PnLWindow
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import Assumption, Cause, Origin

Signal = tuple[float, float, float, float, tuple[Assumption, ...]]
"""The market signal of an intent (volatility, funding, divergence, confidence), and the defaults used."""

_NO_VOLATILITY = Assumption("volatility", "1.0", "the message has none")
_NO_FUNDING = Assumption("funding", "0.0", "the message has none")
_NO_DIVERGENCE = Assumption("divergence", "0.0", "the message has none")
_NO_CONFIDENCE = Assumption("confidence", "0.8", "the message has none")


def signal_of(intent: TradeIntent) -> Signal:
    """Return the signal of an intent, with an assumption for each default used."""
    volatility, funding = intent.volatility, intent.funding
    divergence, confidence = intent.divergence, intent.confidence
    assumptions: tuple[Assumption, ...] = ()
    if volatility is None:
        volatility, assumptions = 1.0, (*assumptions, _NO_VOLATILITY)
    if funding is None:
        funding, assumptions = 0.0, (*assumptions, _NO_FUNDING)
    if divergence is None:
        divergence, assumptions = 0.0, (*assumptions, _NO_DIVERGENCE)
    if confidence is None:
        confidence, assumptions = 0.8, (*assumptions, _NO_CONFIDENCE)
    return volatility, funding, divergence, confidence, assumptions


class PlanningContext(Struct, frozen=True):
    """The inputs of a level computation besides position and signal."""

    register: PolicyRegister
    window: PnLWindow
    reading: WindowReading
    instrument: Instrument | None
    settings: DecisionSettings
    origin: Origin
    stamp: Stamp


class Unanswered(ExitBrainError):
    """An engine gave no levels that can be recorded: its name, its inputs, and the resulting refusal."""

    def __init__(self, engine: str, policy: PolicyRef, inputs: LevelInputs, refusal: Refusal) -> None:
        super().__init__(engine, policy, inputs, refusal)
        self.engine = engine
        self.policy = policy
        self.inputs = inputs
        self.refusal = refusal


def plan_levels(
    engine: LevelEngine,
    position: Position,
    plan: ExitPlan,
    intent: TradeIntent,
    leverage_assumption: Assumption | None,
    context: PlanningContext,
) -> Decision:
    """Compute the next revision of a plan from the position and the signal; raises Unanswered."""
    registered = context.register.in_force(position.symbol)
    signal = signal_of(intent)
    inputs = _inputs(position, signal, leverage_assumption is not None, registered, context)
    assumed = () if leverage_assumption is None else (leverage_assumption,)
    decision_context = _decision_context(position, intent, context)
    instrument = context.instrument
    name = engine_name(engine, registered.policy)
    try:
        raw = levels_of(engine, registered.policy, inputs, () if instrument is None else instrument.brackets)
    except (EngineFailed, EngineUnavailable, UnknownPolicy) as failed:
        raise Unanswered(name, registered.ref, inputs, _refusal(name, failed)) from failed
    levels = judge_levels(registered.policy.unit, inputs, raw, instrument, decision_context.freshness)
    kind = LevelsComputed if raw.refusal is None else LevelsRefused
    return kind(
        revision=plan.revision + 1,
        quantity=position.quantity,
        harvest=levels.harvest,
        cause=Cause.INTENT,
        causes=(context.stamp.cause_id,),
        position_id=position.id,
        account=position.account,
        symbol=position.symbol,
        policy=registered.ref,
        engine=name,
        inputs=inputs,
        context=decision_context,
        assumptions=(*intent.assumptions, *assumed, *signal[-1]),
        levels=levels,
    )


def _refusal(engine: str, failed: EngineFailed | EngineUnavailable | UnknownPolicy) -> Refusal:
    if isinstance(failed, NoLevels):
        what, value, allowed = failed.field, failed.value, failed.allowed
    else:
        what, value, allowed = ANSWER, said_by(failed), WANTED
    return Refusal(Reason.ENGINE_FAILED, f"{what} of engine {engine}", value, allowed)


def _inputs(
    position: Position,
    signal: Signal,
    leverage_assumed: bool,
    registered: RegisteredPolicy,
    context: PlanningContext,
) -> LevelInputs:
    instrument, settings = context.instrument, context.settings
    volatility, funding, divergence, confidence, _ = signal
    own_fee = instrument.taker_fee_bps if instrument is not None else None
    parameters = registered.policy.parameters
    return LevelInputs(
        side=position.side,
        leverage=position.leverage,
        leverage_assumed=leverage_assumed,
        volatility=volatility,
        funding=funding,
        divergence=divergence,
        confidence=confidence,
        average_pnl=context.window.average,
        base_tp=parameters["base_tp"],
        base_sl=parameters["base_sl"],
        fee_bps=settings.fee_bps if own_fee is None else own_fee,
        slippage_bps=settings.slippage_bps,
        entry_price=position.entry_price,
        quantity=position.quantity,
    )


def _decision_context(position: Position, intent: TradeIntent, context: PlanningContext) -> DecisionContext:
    stamp, instrument = context.stamp, context.instrument
    return DecisionContext(
        occurred_at=stamp.occurred_at,
        time_origin=stamp.time_origin,
        recorded_at=stamp.recorded_at,
        origin=context.origin,
        position_version=position.version,
        register_version=context.register.version,
        window=context.reading,
        snapshot=None if instrument is None else instrument.content_hash,
        max_intent_age_s=context.settings.max_intent_age_s,
        order_id=intent.order_id,
        atr_value=intent.atr_value,
        regime=intent.regime,
    )
