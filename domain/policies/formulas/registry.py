"""The formulas by name, the shipped policies, and the computation of levels from a policy."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from exitbrain.domain.algebra import Algebra, Bound, FloatAlgebra
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import REFUSALS, LevelInputs, RawLevels
from exitbrain.domain.levels.liquidation import Liquidation, liquidation
from exitbrain.domain.policies.formulas import lsf_3_5, lsf_3_6
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Unit, fields_of, round_trip_cost


class Formula(Struct, frozen=True):
    """A formula: its function and the type of its parameters."""

    name: str
    parameters: type[Struct]
    text: Callable[[Algebra, FormulaInputs[Any], Any], FormulaOutputs[Any]]

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Return all parameters that a policy with this formula must give."""
        return self.parameters.__struct_fields__


FORMULAS = {
    formula.name: formula
    for formula in (
        Formula(lsf_3_5.NAME, lsf_3_5.Lsf35Parameters, lsf_3_5.lsf_3_5),
        Formula(lsf_3_6.NAME, lsf_3_6.Lsf36Parameters, lsf_3_6.lsf_3_6),
    )
}

V3_5 = Policy(
    name="v3.5",
    formula=lsf_3_5.NAME,
    unit=Unit.PERCENT,
    parameters=fields_of(lsf_3_5.Lsf35Parameters(base_tp=1.0, base_sl=0.5)),
    ignores=("divergence", "funding"),
)
V3_5_FRACTION = Policy(
    name="v3.5-fraction",
    formula=lsf_3_5.NAME,
    unit=Unit.FRACTION,
    parameters=fields_of(lsf_3_5.Lsf35Parameters()),
)
V3_6 = Policy(
    name="v3.6",
    formula=lsf_3_6.NAME,
    unit=Unit.FRACTION,
    parameters=fields_of(lsf_3_6.Lsf36Parameters()),
)
SHIPPED = {policy.name: policy for policy in (V3_5, V3_5_FRACTION, V3_6)}


def formula_of(policy: Policy) -> Formula:
    """Return the formula of a policy; raises UnknownPolicy if this version does not have it."""
    try:
        return FORMULAS[policy.formula]
    except KeyError:
        raise UnknownPolicy(policy.formula, tuple(FORMULAS)) from None


@lru_cache(maxsize=1024)
def parameters_of(policy: Policy) -> Any:
    """Return the parameters of a policy in the type that its formula reads; raises UnknownPolicy."""
    formula = formula_of(policy)
    if unknown := sorted(set(policy.parameters) ^ set(formula.parameter_names)):
        raise UnknownPolicy(f"{policy.name} (parameters {', '.join(unknown)})", tuple(SHIPPED))
    return formula.parameters(**policy.parameters)


def evaluate(
    a: Algebra, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket] = ()
) -> FormulaOutputs[Any]:
    """Compute the levels of a decision in the given algebra. Faster ways must give the same result."""
    return formula_of(policy).text(a, formula_inputs(a, policy, inputs, brackets), parameters_of(policy))


def formula_inputs(
    a: Algebra, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket] = ()
) -> FormulaInputs[Any]:
    """Return the inputs of the policy's formula, from the inputs of a decision."""
    where = liquidation_of(a, inputs, brackets)
    return FormulaInputs(
        leverage=inputs.leverage,
        direction=float(inputs.side.direction),
        volatility=inputs.volatility,
        funding=0.0 if "funding" in policy.ignores else inputs.funding,
        divergence=0.0 if "divergence" in policy.ignores else inputs.divergence,
        average_pnl=inputs.average_pnl,
        confidence=inputs.confidence,
        base_tp=inputs.base_tp,
        base_sl=inputs.base_sl,
        cost=round_trip_cost(inputs.fee_bps, inputs.slippage_bps),
        liquidation_distance=where.distance,
        liquidation_known=where.known,
        leverage_allowed=where.allowed,
    )


def liquidation_of(a: Algebra, inputs: LevelInputs, brackets: Sequence[Bracket]) -> Liquidation:
    """Return where the position is liquidated; without price or quantity, entry is 1 and size unknown."""
    entry, quantity = inputs.entry_price, inputs.quantity
    if entry is None or quantity is None:
        return liquidation(a, float(inputs.side.direction), 1.0, None, inputs.leverage, brackets)
    return liquidation(
        a, float(inputs.side.direction), float(entry), float(quantity), inputs.leverage, brackets
    )


def compute(policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket] = ()) -> RawLevels:
    """Compute the raw levels of a decision with Python floats, in the policy's unit."""
    a = FloatAlgebra()
    return raw_levels(evaluate(a, policy, inputs, brackets), tuple(a.bounds))


def raw_levels(outputs: FormulaOutputs[float], bounds: tuple[Bound, ...]) -> RawLevels:
    """Return the outputs of a formula as raw levels, ready to be judged."""
    return RawLevels(
        lsf=outputs.lsf,
        pnl_factor=outputs.pnl_factor,
        lsf_adjusted=outputs.lsf_adjusted,
        tp1=outputs.tp1,
        tp2=outputs.tp2,
        tp3=outputs.tp3,
        sl=outputs.sl,
        harvest=(outputs.harvest1, outputs.harvest2, outputs.harvest3),
        floor=outputs.floor,
        cap=outputs.cap,
        refusal=REFUSALS.get(int(outputs.code)),
        bounds=bounds,
    )
