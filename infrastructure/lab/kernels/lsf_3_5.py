"""Formula lsf-3.5 as kernels. Written by `exitbrain.infrastructure.lab.formula_kernel`; not to be changed by hand."""

from typing import Any

from exitbrain.infrastructure.lab.jit import inlined


@inlined
def lsf_3_5(
    leverage: Any,
    direction: Any,
    volatility: Any,
    funding: Any,
    divergence: Any,
    average_pnl: Any,
    confidence: Any,
    base_tp: Any,
    base_sl: Any,
    cost: Any,
    liquidation_distance: Any,
    liquidation_known: Any,
    leverage_allowed: Any,
    logarithm: Any,
    p: Any,
    j: Any,
) -> Any:
    """Return the outputs for the parameters `p[:, j]`."""
    L = 1.0 if (leverage < 1.0) else leverage
    lsf = 1.0 / (1.0 + logarithm)
    p_factor_max = p[17, j]
    p_factor_min = p[16, j]
    p_doubt_below = p[14, j]
    p_gain_above = p[12, j]
    p_loss_step = p[11, j]
    t19 = 1.0 - p_loss_step
    after_losses = t19 if (average_pnl < 0.0) else 1.0
    p_gain_step = p[13, j]
    t22 = after_losses + p_gain_step
    after_gains = t22 if (average_pnl > p_gain_above) else after_losses
    p_doubt_step = p[15, j]
    t25 = after_gains - p_doubt_step
    after_doubt = t25 if (confidence < p_doubt_below) else after_gains
    factor_from_below = p_factor_min if (p_factor_min > after_doubt) else after_doubt
    pnl_factor = p_factor_max if (p_factor_max < factor_from_below) else factor_from_below
    p_tp1_offset = p[2, j]
    p_funding_weight = p[29, j]
    tp_scale = 1.0 + (p_funding_weight * funding)
    tp1_free = (base_tp * (p_tp1_offset + lsf)) * tp_scale
    p_tp_min = p[8, j]
    tp1 = p_tp_min if p_tp_min > tp1_free else tp1_free
    p_tp2_offset = p[3, j]
    tp2_free = (base_tp * (p_tp2_offset + (lsf / 2.0))) * tp_scale
    tp2 = p_tp_min if p_tp_min > tp2_free else tp2_free
    p_tp3_offset = p[4, j]
    tp3_free = (base_tp * (p_tp3_offset + (lsf / 4.0))) * tp_scale
    tp3 = p_tp_min if p_tp_min > tp3_free else tp3_free
    p_leverage_weight = p[5, j]
    p_divergence_weight = p[6, j]
    p_volatility_weight = p[7, j]
    sl_scale = (1.0 + (p_divergence_weight * divergence)) + (p_volatility_weight * volatility)
    sl_free = (base_sl * (1.0 + ((1.0 - lsf) * p_leverage_weight))) * sl_scale
    p_sl_min = p[9, j]
    t72 = p_sl_min if p_sl_min > sl_free else sl_free
    p_clamp_min = p[30, j]
    t74 = p_clamp_min if p_clamp_min > t72 else t72
    p_clamp_max = p[10, j]
    sl = p_clamp_max if p_clamp_max < t74 else t74
    p_low_leverage = p[18, j]
    t78 = L <= p_low_leverage
    p_harvest1_low = p[20, j]
    p_high_leverage = p[19, j]
    t81 = L <= p_high_leverage
    p_harvest1_middle = p[23, j]
    p_harvest1_high = p[26, j]
    t84 = p_harvest1_middle if t81 else p_harvest1_high
    harvest1 = p_harvest1_low if t78 else t84
    p_harvest2_low = p[21, j]
    p_harvest2_middle = p[24, j]
    p_harvest2_high = p[27, j]
    t89 = p_harvest2_middle if t81 else p_harvest2_high
    harvest2 = p_harvest2_low if t78 else t89
    p_harvest3_low = p[22, j]
    p_harvest3_middle = p[25, j]
    p_harvest3_high = p[28, j]
    t94 = p_harvest3_middle if t81 else p_harvest3_high
    harvest3 = p_harvest3_low if t78 else t94
    sl_floor = p_clamp_min if (p_clamp_min > p_sl_min) else p_sl_min
    return (
        lsf,
        pnl_factor,
        lsf,
        tp1,
        tp2,
        tp3,
        sl,
        harvest1,
        harvest2,
        harvest3,
        sl_floor,
        p_clamp_max,
        0.0,
    )
