"""Recorded level computations: the latest of a position, and each in the history of a plan."""

from msgspec import Struct

from exitbrain.domain.algebra import Bound
from exitbrain.domain.identity import decision_id, plan_id
from exitbrain.domain.levels.levels import LEVELS
from exitbrain.domain.plans.exit_plan import Decision, LevelsComputed
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.values import Assumption, Unit
from exitbrain.infrastructure.presentation.guards import GuardFinding, guards_of
from exitbrain.infrastructure.presentation.levels import Prices, given_levels, prices_of


class LatestDecision(Struct):
    """The current decision of a plan, with its raw levels."""

    decision_id: str
    revision: int
    policy: str
    unit: Unit | None
    tp1: float
    tp2: float
    tp3: float
    sl: float
    trigger_prices: Prices | None


class PlanDecision(Struct):
    """A level computation in the history of a plan."""

    decision_id: str
    revision: int
    cause: str
    policy: str
    engine: str
    lsf_adjusted: float
    tp1: float | None
    tp2: float | None
    tp3: float | None
    sl: float | None
    refusal: str | None
    binding: tuple[Bound, ...]
    guards: list[GuardFinding]
    assumptions: tuple[Assumption, ...]
    trigger_prices: Prices | None


def latest_decision(decision: LevelsComputed, register: PolicyRegister) -> LatestDecision:
    """Return the current decision of a plan."""
    raw = decision.levels.raw
    return LatestDecision(
        decision_id=_id_of(decision),
        revision=decision.revision,
        policy=decision.policy.name,
        unit=unit_of(decision, register),
        **{level: getattr(raw, level) for level in LEVELS},
        trigger_prices=prices_of(decision.levels.triggers),
    )


def plan_decision(decision: Decision) -> PlanDecision:
    """Return a decision with its bounds, guard findings and assumptions."""
    judged = decision.levels
    return PlanDecision(
        decision_id=_id_of(decision),
        revision=decision.revision,
        cause=decision.cause.value,
        policy=decision.policy.name,
        engine=decision.engine,
        lsf_adjusted=judged.raw.lsf_adjusted,
        **given_levels(judged),
        refusal=judged.raw.refusal,
        binding=judged.binding,
        guards=guards_of(judged.guards),
        assumptions=decision.assumptions,
        trigger_prices=prices_of(judged.triggers),
    )


def unit_of(event: object, register: PolicyRegister) -> Unit | None:
    """Return the unit of the raw levels of an event, None if it has none or its policy is not registered."""
    if not isinstance(event, Decision):
        return None
    registered = register.policies.get(event.policy.name)
    return None if registered is None else registered.policy.unit


def _id_of(decision: Decision) -> str:
    return str(decision_id(plan_id(decision.position_id), decision.revision))
