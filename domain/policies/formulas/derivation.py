"""The derivation of levels: every number from the inputs to the levels, line by line."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.levels.liquidation import Liquidation, liquidation
from exitbrain.domain.policies.formulas.registry import formula_of, parameters_of, raw_levels
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.domain.policies.formulas.tracing import (
    Line,
    TracingAlgebra,
    derivation,
    named,
    parameter,
    value_of,
)
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import fields_of, round_trip_cost


class Derivation(Struct, frozen=True):
    """The lines that derive the levels of a decision, and the levels."""

    lines: tuple[Line, ...]
    raw: RawLevels


def derive(policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket] = ()) -> Derivation:
    """Compute the levels with traced numbers: the same bits as other interpreters, plus the derivation."""
    a = TracingAlgebra()
    formula = formula_of(policy)
    given = fields_of(parameters_of(policy))
    parameters = formula.parameters(**{name: parameter(name, value) for name, value in given.items()})
    traced = formula.text(a, _traced_inputs(a, policy, inputs, brackets), parameters)
    outputs = {name: getattr(traced, name) for name in FormulaOutputs.__struct_fields__}
    lines = derivation(*(a.step(name, value) for name, value in outputs.items()))
    plain: FormulaOutputs[float] = FormulaOutputs(
        **{name: value_of(value) for name, value in outputs.items()}
    )
    return Derivation(lines, raw_levels(plain, tuple(a.bounds)))


def _traced_inputs(
    a: TracingAlgebra, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]
) -> FormulaInputs[Any]:
    leverage = named("leverage", inputs.leverage)
    direction = named("direction", float(inputs.side.direction))
    cost = round_trip_cost(named("fee_bps", inputs.fee_bps), named("slippage_bps", inputs.slippage_bps))  # type: ignore[arg-type]  # traced numbers behave as floats
    where = _traced_liquidation(a, direction, leverage, inputs, brackets)
    return FormulaInputs(
        leverage=leverage,
        direction=direction,
        volatility=named("volatility", inputs.volatility),
        funding=named("funding", 0.0 if "funding" in policy.ignores else inputs.funding),
        divergence=named("divergence", 0.0 if "divergence" in policy.ignores else inputs.divergence),
        average_pnl=named("average_pnl", inputs.average_pnl),
        confidence=named("confidence", inputs.confidence),
        base_tp=named("base_tp", inputs.base_tp),
        base_sl=named("base_sl", inputs.base_sl),
        cost=a.step("cost", cost),
        liquidation_distance=where.distance,
        liquidation_known=where.known,
        leverage_allowed=where.allowed,
    )


def _traced_liquidation(
    a: TracingAlgebra, direction: Any, leverage: Any, inputs: LevelInputs, brackets: Sequence[Bracket]
) -> Liquidation:
    if inputs.entry_price is None or inputs.quantity is None:
        return liquidation(a, direction, 1.0, None, leverage, brackets)
    entry = named("entry_price", float(inputs.entry_price))
    return liquidation(a, direction, entry, named("quantity", float(inputs.quantity)), leverage, brackets)
