"""The formulas, written a second time as plainly as their specification puts them, give the same bits."""

import struct
from decimal import Context, Decimal

from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.registry import V3_5, V3_5_FRACTION, V3_6, compute
from exitbrain.domain.policies.policy import Policy
from tests.property.level_inputs import random_inputs, threshold_inputs


def sensitivity(leverage: float) -> float:
    return 1 / (1 + float(Decimal(leverage + 1).ln(Context(prec=60))))


def factor(x: LevelInputs) -> float:
    value = 1.0
    if x.average_pnl < 0:
        value = value - 0.1
    if x.average_pnl > 0.3:
        value = value + 0.1
    if x.confidence < 0.5:
        value = value - 0.05
    return min(max(value, 0.8), 1.2)


def harvest(leverage: float) -> tuple[float, float, float]:
    if leverage <= 10:
        return (0.3, 0.3, 0.4)
    return (0.4, 0.4, 0.2) if leverage <= 30 else (0.5, 0.3, 0.2)


def v3_5(x: LevelInputs, funding: float, divergence: float) -> tuple[float, ...]:
    lsf = sensitivity(max(x.leverage, 1.0))
    scale = 1 + 0.8 * funding
    tp1 = max(x.base_tp * (0.6 + lsf) * scale, 0.003)
    tp2 = max(x.base_tp * (1.2 + lsf / 2) * scale, 0.003)
    tp3 = max(x.base_tp * (1.8 + lsf / 4) * scale, 0.003)
    sl = x.base_sl * (1 + (1 - lsf) * 0.8) * ((1 + 0.4 * divergence) + 0.2 * x.volatility)
    sl = min(max(sl, 0.0015, 0.001), 0.02)
    return (lsf, factor(x), lsf, tp1, tp2, tp3, sl, *harvest(x.leverage), 0.0015, 0.02)


def v3_6(x: LevelInputs) -> tuple[tuple[float, ...], bool]:
    """Return the outputs without brackets, and whether a stop fits."""
    lsf = sensitivity(max(x.leverage, 1.0))
    a = lsf * factor(x)
    direction = 1 if x.side == "LONG" else -1
    q = min(max(80 * direction * x.funding, -0.25), 0.25)
    cost = 2 * (x.fee_bps + x.slippage_bps) / 10000
    tp1 = max(x.base_tp * (0.6 + a) * (1 - q), 0.003, 3 * cost)
    tp2 = max(x.base_tp * (1.2 + a / 2) * (1 - q), 1.1 * tp1)
    tp3 = max(x.base_tp * (1.8 + a / 4) * (1 - q), 1.1 * tp2)
    s = x.base_sl * (1 + (1 - lsf) * 0.8) * ((1 + 0.4 * x.divergence) + 0.2 * x.volatility)
    floor, cap = max(0.0015, 2 * cost), 0.02
    sl = min(max(s, floor), cap)
    return (lsf, factor(x), a, tp1, tp2, tp3, sl, *harvest(x.leverage), floor, cap), cap >= floor


def bits(numbers: tuple[float, ...]) -> bytes:
    return struct.pack(f"<{len(numbers)}d", *numbers)


def outputs(raw: RawLevels) -> tuple[float, ...]:
    levels = (raw.lsf, raw.pnl_factor, raw.lsf_adjusted, raw.tp1, raw.tp2, raw.tp3, raw.sl)
    return (*levels, *raw.harvest, raw.floor, raw.cap)


def every(policy: Policy) -> list[LevelInputs]:
    return [*random_inputs(policy, seed=41, count=2000), *threshold_inputs(policy, ())]


def test_v3_5_fraction_uses_every_input() -> None:
    for x in every(V3_5_FRACTION):
        raw = compute(V3_5_FRACTION, x)
        assert bits(outputs(raw)) == bits(v3_5(x, x.funding, x.divergence)), x
        assert raw.refusal is None


def test_v3_5_reads_neither_funding_nor_divergence() -> None:
    for x in every(V3_5):
        assert bits(outputs(compute(V3_5, x))) == bits(v3_5(x, 0.0, 0.0)), x


def test_v3_6_without_brackets() -> None:
    for x in every(V3_6):
        raw = compute(V3_6, x)
        expected, fits = v3_6(x)
        assert bits(outputs(raw)) == bits(expected), x
        assert (raw.refusal is None) == fits, x
