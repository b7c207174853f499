"""A plain position, its levels and its instrument, from which tests change what they are about."""

from decimal import Decimal
from typing import Any

from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument, brackets_with_amounts
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, changed

FRESH = Freshness(age_s=1.0, max_age_s=300.0)

# The recorded ladder of the largest instrument, its first five brackets.
BRACKETS = brackets_with_amounts(
    [
        (0.0, 50_000.0, 0.004, 125.0),
        (50_000.0, 600_000.0, 0.005, 100.0),
        (600_000.0, 3_000_000.0, 0.0065, 75.0),
        (3_000_000.0, 12_000_000.0, 0.01, 50.0),
        (12_000_000.0, 70_000_000.0, 0.02, 25.0),
    ]
)

BTCUSDT = Instrument(
    symbol="BTCUSDT",
    tick_size=Decimal("0.1"),
    step_size=Decimal("0.001"),
    min_notional=Decimal(100),
    taker_fee_bps=5.0,
    brackets=BRACKETS,
)


def inputs_for(policy: Policy, **changes: Any) -> LevelInputs:
    """Return the inputs of a 10x long of 0.3 BTC at 43250.5, with the bases of the policy."""
    plain = LevelInputs(
        side=Side.LONG,
        leverage=10.0,
        leverage_assumed=False,
        volatility=1.0,
        funding=0.0,
        divergence=0.0,
        confidence=0.8,
        average_pnl=0.0,
        base_tp=policy.parameters["base_tp"],
        base_sl=policy.parameters["base_sl"],
        fee_bps=5.0,
        slippage_bps=0.0,
        entry_price=Decimal("43250.5"),
        quantity=Decimal("0.3"),
    )
    return changed(plain, **changes)


def raw_levels(**changes: Any) -> RawLevels:
    """Return raw levels that satisfy every guard of the plain position, as fractions."""
    plain = RawLevels(
        lsf=0.3,
        pnl_factor=1.0,
        lsf_adjusted=0.3,
        tp1=0.009,
        tp2=0.0135,
        tp3=0.0187,
        sl=0.0094,
        harvest=(0.3, 0.3, 0.4),
        floor=0.002,
        cap=0.02,
        refusal=None,
        bounds=(),
    )
    return changed(plain, **changes)
