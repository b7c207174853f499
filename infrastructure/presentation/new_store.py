"""What a new store says of its policy before its first message."""

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.domain.identity import REGISTER_ID, STORE_ID
from exitbrain.domain.levels.guard_rules import STOP_COSTS
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.policies.formulas.registry import V3_6, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import EVERY_SYMBOL
from exitbrain.domain.values import Side, round_trip_cost
from exitbrain.infrastructure.presentation.wording import percent

_LEVERAGE = 20.0


def stop_inside_costs(ledger: ExitLedger, settings: DecisionSettings) -> str | None:
    """Return a sentence if the store has no message yet and the stop of its policy lies within twice the costs."""
    if ledger.head() > len(ledger.history(STORE_ID)) + len(ledger.history(REGISTER_ID)):
        return None
    policy = ledger.register().in_force(EVERY_SYMBOL).policy
    if policy.is_foreign:
        return None
    stop, cost = _stop(policy, settings), round_trip_cost(settings.fee_bps, settings.slippage_bps)
    if stop >= STOP_COSTS * cost:
        return None
    return (
        f"New store under {policy.name}: at {_LEVERAGE:g}x its stop is {percent(stop)} from the entry, "
        f"and a round trip costs {percent(cost)}; a new store with --policy {V3_6.name} keeps the stop outside the costs."
    )


def _stop(policy: Policy, settings: DecisionSettings) -> float:
    inputs = LevelInputs(
        side=Side.LONG,
        leverage=_LEVERAGE,
        leverage_assumed=False,
        volatility=1.0,
        funding=0.0,
        divergence=0.0,
        confidence=1.0,
        average_pnl=0.0,
        base_tp=policy.parameters["base_tp"],
        base_sl=policy.parameters["base_sl"],
        fee_bps=settings.fee_bps,
        slippage_bps=settings.slippage_bps,
        entry_price=None,
        quantity=None,
    )
    return policy.unit.to_fraction(compute(policy, inputs).sl)
