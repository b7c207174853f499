"""The formula lsf-3.5, exactly as the old engine computed it."""

from typing import Any

from msgspec import Struct

from exitbrain.domain.algebra import Algebra, N, maximum
from exitbrain.domain.policies.formulas.pnl_feedback import pnl_factor
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs

NAME = "lsf-3.5"


class LsfParameters(Struct, frozen=True):
    """The constants that all formulas share; distances in the policy's unit, `gain_above` in percent."""

    base_tp: float = 0.01
    base_sl: float = 0.005
    tp1_offset: float = 0.6
    tp2_offset: float = 1.2
    tp3_offset: float = 1.8
    leverage_weight: float = 0.8
    divergence_weight: float = 0.4
    volatility_weight: float = 0.2
    tp_min: float = 0.003
    sl_min: float = 0.0015
    clamp_max: float = 0.02
    loss_step: float = 0.1
    gain_above: float = 0.3
    gain_step: float = 0.1
    doubt_below: float = 0.5
    doubt_step: float = 0.05
    factor_min: float = 0.8
    factor_max: float = 1.2
    low_leverage: float = 10.0
    high_leverage: float = 30.0
    harvest1_low: float = 0.3
    harvest2_low: float = 0.3
    harvest3_low: float = 0.4
    harvest1_middle: float = 0.4
    harvest2_middle: float = 0.4
    harvest3_middle: float = 0.2
    harvest1_high: float = 0.5
    harvest2_high: float = 0.3
    harvest3_high: float = 0.2


class Lsf35Parameters(LsfParameters, frozen=True):
    """The constants of lsf-3.5."""

    funding_weight: float = 0.8
    clamp_min: float = 0.001


def lsf_3_5(a: Algebra, x: FormulaInputs[N], p: Lsf35Parameters) -> FormulaOutputs[N]:
    """Return the levels of lsf-3.5; the PnL factor is computed but not applied."""
    leverage = a.step("L", maximum(a, x.leverage, 1.0))
    lsf = a.step("lsf", leverage_sensitivity(a, leverage))
    factor = pnl_factor(a, x.average_pnl, x.confidence, p)
    scale = a.step("tp_scale", 1.0 + p.funding_weight * x.funding)
    tp1, tp2, tp3 = targets(a, x.base_tp, lsf, scale, p)
    sl = stop(a, x, lsf, p)
    harvest1, harvest2, harvest3 = harvest(a, leverage, p)
    return FormulaOutputs(
        lsf=lsf,
        pnl_factor=factor,
        lsf_adjusted=lsf,
        tp1=a.step("tp1", a.at_least("tp1", "tp_min", tp1, p.tp_min)),
        tp2=a.step("tp2", a.at_least("tp2", "tp_min", tp2, p.tp_min)),
        tp3=a.step("tp3", a.at_least("tp3", "tp_min", tp3, p.tp_min)),
        sl=a.step("sl", _clamped(a, sl, p)),
        harvest1=harvest1,
        harvest2=harvest2,
        harvest3=harvest3,
        floor=a.step("sl_floor", maximum(a, p.sl_min, p.clamp_min)),
        cap=a.step("sl_cap", p.clamp_max),
        code=a.step("code", 0.0),
    )


def leverage_sensitivity(a: Algebra, leverage: Any) -> Any:
    """Return the LSF, 1/(1+ln(L+1)): smaller for higher leverage."""
    return 1.0 / (1.0 + a.ln(leverage + 1.0))


def targets(a: Algebra, base_tp: Any, lsf: Any, scale: Any, p: Any) -> tuple[Any, Any, Any]:
    """Return the three targets before limits, in the unit of `base_tp`."""
    return (
        a.step("tp1_free", base_tp * (p.tp1_offset + lsf) * scale),
        a.step("tp2_free", base_tp * (p.tp2_offset + lsf / 2.0) * scale),
        a.step("tp3_free", base_tp * (p.tp3_offset + lsf / 4.0) * scale),
    )


def stop(a: Algebra, x: FormulaInputs[Any], lsf: Any, p: Any) -> Any:
    """Return the stop before limits; the scale adds its terms in the order of the old engine."""
    scale = a.step(
        "sl_scale", (1.0 + p.divergence_weight * x.divergence) + p.volatility_weight * x.volatility
    )
    return a.step("sl_free", x.base_sl * (1.0 + (1.0 - lsf) * p.leverage_weight) * scale)


def harvest(a: Algebra, leverage: Any, p: Any) -> tuple[Any, Any, Any]:
    """Return the fractions to close at the three targets."""

    def by_leverage(low: Any, middle: Any, high: Any) -> Any:
        return a.where(leverage <= p.low_leverage, low, a.where(leverage <= p.high_leverage, middle, high))

    return (
        a.step("harvest1", by_leverage(p.harvest1_low, p.harvest1_middle, p.harvest1_high)),
        a.step("harvest2", by_leverage(p.harvest2_low, p.harvest2_middle, p.harvest2_high)),
        a.step("harvest3", by_leverage(p.harvest3_low, p.harvest3_middle, p.harvest3_high)),
    )


def _clamped(a: Algebra, sl: Any, p: Lsf35Parameters) -> Any:
    sl = a.at_least("sl", "sl_min", sl, p.sl_min)
    sl = a.at_least("sl", "clamp_min", sl, p.clamp_min)
    return a.at_most("sl", "clamp_max", sl, p.clamp_max)
