"""The formula of v3.6 as an engine of your own: it uses every input, and gives the same bits as the shipped one.

Try it in this folder: `exitbrain levels --leverage 20 --policy foreign:engine_v3_6:EngineLikeV36`. Copy it and change what
you like. All distances are fractions of the entry: 0.01 is 1 %.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from types import SimpleNamespace

from exitbrain import Bound, Bracket

TP_MIN, SL_MIN, SL_MAX = 0.003, 0.0015, 0.02
TP_COSTS, SL_COSTS = 3.0, 2.0  # least distances, in round-trip costs
SPACING = 1.1  # between targets
LIQUIDATION_SHARE = 0.8  # of the way to liquidation that a stop may use


class EngineLikeV36:
    """Compute the levels of v3.6 from nothing but the arguments."""

    def __init__(self, base_tp: float, base_sl: float) -> None:
        """Take the bases of the policy, which each call gives again."""

    def compute_levels(
        self,
        base_tp_pct: float,
        base_sl_pct: float,
        leverage: float,
        volatility_factor: float,
        funding_delta: float,
        exchange_divergence: float,
        *,
        side: str,
        average_pnl: float,
        confidence: float,
        fee_bps: float,
        slippage_bps: float,
        entry_price: float | None,
        quantity: float | None,
        brackets: Sequence[Bracket],
    ) -> SimpleNamespace:
        """Return the levels, their limits and what bound them, or a refusal."""
        direction = 1.0 if side == "LONG" else -1.0
        cost = 2.0 * (fee_bps + slippage_bps) / 10000.0
        held = max(leverage, 1.0)
        lsf = 1.0 / (1.0 + ln(held + 1.0))
        factor = pnl_factor(average_pnl, confidence)
        adjusted = lsf * factor
        limits = Limits()

        paid = min(max(80.0 * direction * funding_delta, 0.0 - 0.25), 0.25)
        scale = 1.0 - paid
        tp1 = limits.at_least("tp1", "tp_min", base_tp_pct * (0.6 + adjusted) * scale, TP_MIN)
        tp1 = limits.at_least("tp1", "cost_floor", tp1, TP_COSTS * cost)
        tp2 = limits.at_least("tp2", "spacing", base_tp_pct * (1.2 + adjusted / 2.0) * scale, SPACING * tp1)
        tp3 = limits.at_least("tp3", "spacing", base_tp_pct * (1.8 + adjusted / 4.0) * scale, SPACING * tp2)

        price = 1.0 if entry_price is None or quantity is None else entry_price
        size = None if entry_price is None else quantity
        distance, allowed = liquidation(direction, price, size, leverage, brackets)
        room = SL_MAX if distance is None else LIQUIDATION_SHARE * (distance - cost)
        market = (1.0 + 0.4 * exchange_divergence) + 0.2 * volatility_factor
        sl = limits.at_least("sl", "sl_min", base_sl_pct * (1.0 + (1.0 - lsf) * 0.8) * market, SL_MIN)
        sl = limits.at_least("sl", "cost_floor", sl, SL_COSTS * cost)
        sl = limits.at_most("sl", "clamp_max", sl, SL_MAX)
        sl = limits.at_most("sl", "liquidation_cap", sl, room)
        if distance is None:
            limits.bounds.append(Bound("sl", "liquidation_unknown", sl, sl))

        floor, cap = max(SL_MIN, SL_COSTS * cost), min(SL_MAX, room)
        refusal = "NO_STOP_FITS" if cap < floor else None
        return SimpleNamespace(
            tp1_pct=tp1,
            tp2_pct=tp2,
            tp3_pct=tp3,
            sl_pct=sl,
            harvest_scheme=harvest(held),
            lsf=lsf,
            pnl_factor=factor,
            lsf_adjusted=adjusted,
            floor=floor,
            cap=cap,
            refusal=refusal if allowed else "LEVERAGE_NOT_IN_BRACKET",
            bounds=limits.bounds,
        )


class Limits:
    """Limit numbers and remember which limit changed which number."""

    def __init__(self) -> None:
        self.bounds: list[Bound] = []

    def at_least(self, level: str, limit_name: str, value: float, limit: float) -> float:
        """Return the value, or the limit if that is higher."""
        return self._changed(level, limit_name, value, limit) if limit > value else value

    def at_most(self, level: str, limit_name: str, value: float, limit: float) -> float:
        """Return the value, or the limit if that is lower."""
        return self._changed(level, limit_name, value, limit) if limit < value else value

    def _changed(self, level: str, limit_name: str, value: float, limit: float) -> float:
        self.bounds.append(Bound(level, limit_name, value, limit))
        return limit


def ln(x: float) -> float:
    """Return the correctly rounded logarithm, so that every machine gives the same bits; `math.log` may not."""
    return float(Decimal(x).ln(Context(prec=50)))


def pnl_factor(average_pnl: float, confidence: float) -> float:
    """Return the factor of recent results (in percent) and of the confidence of the signal."""
    factor = 1.0 - 0.1 if average_pnl < 0.0 else 1.0
    factor = factor + 0.1 if average_pnl > 0.3 else factor
    factor = factor - 0.05 if confidence < 0.5 else factor
    return min(max(factor, 0.8), 1.2)


def harvest(leverage: float) -> tuple[float, float, float]:
    """Return the shares to close at the three targets."""
    if leverage <= 10.0:
        return 0.3, 0.3, 0.4
    return (0.4, 0.4, 0.2) if leverage <= 30.0 else (0.5, 0.3, 0.2)


def liquidation(
    direction: float, entry: float, quantity: float | None, leverage: float, brackets: Sequence[Bracket]
) -> tuple[float | None, bool]:
    """Return the distance to the liquidation price, None if unknown, and whether a bracket allows the leverage.

    Without a quantity it is the nearest of any size that the leverage allows.
    """
    if not brackets:
        return None, True
    if quantity is None:
        fitting = [bracket.maintenance_rate for bracket in brackets if leverage <= bracket.max_leverage]
        rate = max([brackets[0].maintenance_rate, *fitting])
        return direction * (1.0 - (1.0 / leverage - direction) / (rate - direction)), bool(fitting)
    notional = quantity * entry
    price = entry
    for bracket in brackets:
        price = (notional / leverage + bracket.cum - direction * notional) / (
            quantity * bracket.maintenance_rate - direction * quantity
        )
        if quantity * price <= bracket.cap:
            break
    most = next((bracket.max_leverage for bracket in brackets if notional <= bracket.cap), 0.0)
    return direction * (entry - price) / entry, leverage <= most
