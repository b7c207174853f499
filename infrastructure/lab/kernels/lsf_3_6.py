"""Formula lsf-3.6 as kernels. Written by `exitbrain.infrastructure.lab.formula_kernel`; not to be changed by hand."""

from typing import Any

from exitbrain.infrastructure.lab.jit import inlined


@inlined
def lsf_3_6(
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
    lsf_adjusted = lsf * pnl_factor
    p_tp1_offset = p[2, j]
    p_funding_limit = p[30, j]
    t37 = 0.0 - p_funding_limit
    p_funding_gain = p[29, j]
    funding_drag = (p_funding_gain * direction) * funding
    funding_drag_from_below = t37 if (t37 > funding_drag) else funding_drag
    q = p_funding_limit if (p_funding_limit < funding_drag_from_below) else funding_drag_from_below
    tp_scale = 1.0 - q
    tp1_free = (base_tp * (p_tp1_offset + lsf_adjusted)) * tp_scale
    p_tp_min = p[8, j]
    t50 = p_tp_min if p_tp_min > tp1_free else tp1_free
    p_tp_costs = p[31, j]
    t53 = p_tp_costs * cost
    tp1 = t53 if t53 > t50 else t50
    p_tp2_offset = p[3, j]
    tp2_free = (base_tp * (p_tp2_offset + (lsf_adjusted / 2.0))) * tp_scale
    p_spacing = p[32, j]
    t62 = p_spacing * tp1
    tp2 = t62 if t62 > tp2_free else tp2_free
    p_tp3_offset = p[4, j]
    tp3_free = (base_tp * (p_tp3_offset + (lsf_adjusted / 4.0))) * tp_scale
    t70 = p_spacing * tp2
    tp3 = t70 if t70 > tp3_free else tp3_free
    p_leverage_weight = p[5, j]
    p_divergence_weight = p[6, j]
    p_volatility_weight = p[7, j]
    sl_scale = (1.0 + (p_divergence_weight * divergence)) + (p_volatility_weight * volatility)
    sl_free = (base_sl * (1.0 + ((1.0 - lsf) * p_leverage_weight))) * sl_scale
    p_sl_min = p[9, j]
    t88 = p_sl_min if p_sl_min > sl_free else sl_free
    p_sl_costs = p[33, j]
    cost_floor = p_sl_costs * cost
    t91 = cost_floor if cost_floor > t88 else t88
    p_clamp_max = p[10, j]
    t93 = p_clamp_max if p_clamp_max < t91 else t91
    p_liquidation_share = p[34, j]
    t99 = p_liquidation_share * (liquidation_distance - cost)
    liquidation_cap = t99 if (liquidation_known > 0.0) else p_clamp_max
    t101 = liquidation_cap if liquidation_cap < t93 else t93
    p_low_leverage = p[18, j]
    t105 = L <= p_low_leverage
    p_harvest1_low = p[20, j]
    p_high_leverage = p[19, j]
    t108 = L <= p_high_leverage
    p_harvest1_middle = p[23, j]
    p_harvest1_high = p[26, j]
    t111 = p_harvest1_middle if t108 else p_harvest1_high
    harvest1 = p_harvest1_low if t105 else t111
    p_harvest2_low = p[21, j]
    p_harvest2_middle = p[24, j]
    p_harvest2_high = p[27, j]
    t116 = p_harvest2_middle if t108 else p_harvest2_high
    harvest2 = p_harvest2_low if t105 else t116
    p_harvest3_low = p[22, j]
    p_harvest3_middle = p[25, j]
    p_harvest3_high = p[28, j]
    t121 = p_harvest3_middle if t108 else p_harvest3_high
    harvest3 = p_harvest3_low if t105 else t121
    sl_floor = cost_floor if (cost_floor > p_sl_min) else p_sl_min
    sl_cap = liquidation_cap if (liquidation_cap < p_clamp_max) else p_clamp_max
    t130 = 1.0 if (sl_cap < sl_floor) else 0.0
    code = 2.0 if (leverage_allowed <= 0.0) else t130
    return (
        lsf,
        pnl_factor,
        lsf_adjusted,
        tp1,
        tp2,
        tp3,
        t101,
        harvest1,
        harvest2,
        harvest3,
        sl_floor,
        sl_cap,
        code,
    )
