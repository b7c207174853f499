"""The liquidation price of an isolated one-way position, bracket by bracket.

Source: the venue's "How to calculate liquidation price of USD-M futures". With wallet W = Q*E/L, direction d,
quantity Q, entry E and bracket (rate m, amount c): LP = (W + c - d*Q*E) / (Q*m - d*Q). The right bracket is
the one that contains the notional at its own solution. Maintenance margin is continuous over the brackets, so
there is only one: the first whose solution does not exceed its cap. (Checking the floor too would lose a
solution that rounding puts just below its own floor.) Plain iteration can oscillate; this cannot.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from exitbrain.domain.algebra import Algebra
from exitbrain.domain.levels.instrument import Bracket


class Liquidation(Struct, frozen=True):
    """Where a position is liquidated: `distance` is a fraction of the entry, valid if `known` is 1.

    `allowed` is 0 if no bracket allows the leverage. Cross margin and hedge mode cannot be known locally.
    """

    distance: Any
    known: Any
    allowed: Any


UNKNOWN = Liquidation(distance=0.0, known=0.0, allowed=1.0)


def liquidation(
    a: Algebra, direction: Any, entry: Any, quantity: Any | None, leverage: Any, brackets: Sequence[Bracket]
) -> Liquidation:
    """Return where the position is liquidated; pass an unknown price as entry 1 and quantity None.

    With an unknown quantity, use the highest-margin bracket that allows the leverage, without its amount.
    This gives the nearest liquidation price of any allowed size (except for a short that a rise lifts into
    the next bracket).
    """
    if not brackets:
        return UNKNOWN
    if quantity is None:
        return _of_unknown_size(a, direction, leverage, brackets)
    return _of_known_size(a, direction, entry, quantity, leverage, brackets)


def liquidation_in_floats(
    direction: float, entry: float, quantity: float | None, leverage: float, brackets: Sequence[Bracket]
) -> Liquidation:
    """Return the result of `liquidation` in floats, the same 64 bits, reading only the brackets needed."""
    if not brackets:
        return UNKNOWN
    if quantity is None:
        fitting = [bracket.maintenance_rate for bracket in brackets if leverage <= bracket.max_leverage]
        rate = max(fitting, default=0.0)
        rate = max(rate, brackets[0].maintenance_rate)
        price = (1.0 / leverage - direction) / (rate - direction)
        return Liquidation(direction * (1.0 - price), 1.0, 1.0 if fitting else 0.0)
    notional = quantity * entry
    wallet = notional / leverage
    price = entry
    for bracket in brackets:
        price = (wallet + bracket.cum - direction * notional) / (
            quantity * bracket.maintenance_rate - direction * quantity
        )
        if quantity * price <= bracket.cap:
            break
    allowed = 0.0
    for bracket in brackets:
        if notional <= bracket.cap:
            allowed = 1.0 if leverage <= bracket.max_leverage else 0.0
            break
    return Liquidation(direction * (entry - price) / entry, 1.0, allowed)


def _of_unknown_size(a: Algebra, direction: Any, leverage: Any, brackets: Sequence[Bracket]) -> Liquidation:
    rate: Any = brackets[0].maintenance_rate
    allowed: Any = 0.0
    for number, bracket in enumerate(brackets):
        fits = leverage <= bracket.max_leverage
        higher = a.where(bracket.maintenance_rate > rate, bracket.maintenance_rate, rate)
        rate = a.step(f"rate_{number + 1}", a.where(fits, higher, rate))
        allowed = a.step(f"allowed_{number + 1}", a.where(fits, 1.0, allowed))
    rate = a.step("maintenance_rate", rate)
    price = (1.0 / leverage - direction) / (rate - direction)
    return _known(a, direction * (1.0 - price), allowed)


def _of_known_size(
    a: Algebra, direction: Any, entry: Any, quantity: Any, leverage: Any, brackets: Sequence[Bracket]
) -> Liquidation:
    notional = a.step("notional", quantity * entry)
    wallet = a.step("wallet", notional / leverage)
    paid, sold = direction * notional, direction * quantity
    price: Any = None
    limit: Any = 0.0  # the leverage allowed by the bracket of the notional; 0 above the last bracket
    for bracket in reversed(brackets):
        solution = (wallet + bracket.cum - paid) / (quantity * bracket.maintenance_rate - sold)
        inside = quantity * solution <= bracket.cap
        price = solution if price is None else a.where(inside, solution, price)
        limit = a.where(notional <= bracket.cap, bracket.max_leverage, limit)
    price = a.step("liquidation_price", price)
    allowed = a.where(leverage <= limit, 1.0, 0.0)
    return _known(a, direction * (entry - price) / entry, allowed)


def _known(a: Algebra, distance: Any, allowed: Any) -> Liquidation:
    return Liquidation(
        distance=a.step("liquidation_distance", distance),
        known=1.0,
        allowed=a.step("leverage_allowed", allowed),
    )
