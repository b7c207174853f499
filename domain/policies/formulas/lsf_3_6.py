"""The formula lsf-3.6, which fixes the faults of lsf-3.5 that a formula can fix."""

from exitbrain.domain.algebra import Algebra, N, maximum, minimum
from exitbrain.domain.policies.formulas.lsf_3_5 import (
    LsfParameters,
    harvest,
    leverage_sensitivity,
    stop,
    targets,
)
from exitbrain.domain.policies.formulas.pnl_feedback import pnl_factor
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs

NAME = "lsf-3.6"


class Lsf36Parameters(LsfParameters, frozen=True):
    """The constants of lsf-3.6; distances are fractions."""

    funding_gain: float = 80.0
    funding_limit: float = 0.25
    tp_costs: float = 3.0
    spacing: float = 1.1
    sl_costs: float = 2.0
    liquidation_share: float = 0.8


def lsf_3_6(a: Algebra, x: FormulaInputs[N], p: Lsf36Parameters) -> FormulaOutputs[N]:
    """Return the levels of lsf-3.6, or a refusal code; all distances are fractions.

    The side that pays funding harvests sooner, no target is nearer than three round-trip costs, targets keep
    a spacing, and the stop lies between a cost floor and a liquidation cap. The stop uses the unadjusted LSF,
    so that losses do not widen stops. Below the cap the stop still widens with leverage.
    """
    leverage = a.step("L", maximum(a, x.leverage, 1.0))
    lsf = a.step("lsf", leverage_sensitivity(a, leverage))
    factor = pnl_factor(a, x.average_pnl, x.confidence, p)
    adjusted = a.step("lsf_adjusted", lsf * factor)

    drag = a.step("funding_drag", p.funding_gain * x.direction * x.funding)
    drag = a.step("funding_drag_from_below", maximum(a, drag, 0.0 - p.funding_limit))
    drag = a.step("q", minimum(a, drag, p.funding_limit))
    tp1, tp2, tp3 = targets(a, x.base_tp, adjusted, a.step("tp_scale", 1.0 - drag), p)
    tp1 = a.at_least("tp1", "tp_min", tp1, p.tp_min)
    tp1 = a.step("tp1", a.at_least("tp1", "cost_floor", tp1, p.tp_costs * x.cost))
    tp2 = a.step("tp2", a.at_least("tp2", "spacing", tp2, p.spacing * tp1))
    tp3 = a.step("tp3", a.at_least("tp3", "spacing", tp3, p.spacing * tp2))

    cost_floor = a.step("cost_floor", p.sl_costs * x.cost)
    room = p.liquidation_share * (x.liquidation_distance - x.cost)
    room = a.step("liquidation_cap", a.where(x.liquidation_known > 0.0, room, p.clamp_max))
    floor = a.step("sl_floor", maximum(a, p.sl_min, cost_floor))
    cap = a.step("sl_cap", minimum(a, p.clamp_max, room))

    sl = stop(a, x, lsf, p)
    sl = a.at_least("sl", "sl_min", sl, p.sl_min)
    sl = a.at_least("sl", "cost_floor", sl, cost_floor)
    sl = a.at_most("sl", "clamp_max", sl, p.clamp_max)
    sl = a.at_most("sl", "liquidation_cap", sl, room)
    sl = a.mark("sl", "liquidation_unknown", x.liquidation_known <= 0.0, sl)

    code = a.where(cap < floor, 1.0, 0.0)
    code = a.step("code", a.where(x.leverage_allowed <= 0.0, 2.0, code))
    harvest1, harvest2, harvest3 = harvest(a, leverage, p)
    return FormulaOutputs(
        lsf=lsf,
        pnl_factor=factor,
        lsf_adjusted=adjusted,
        tp1=tp1,
        tp2=tp2,
        tp3=tp3,
        sl=a.step("sl", sl),
        harvest1=harvest1,
        harvest2=harvest2,
        harvest3=harvest3,
        floor=floor,
        cap=cap,
        code=code,
    )
