"""The liquidation price of an isolated one-way position, bracket by bracket.

Source: the venue's "How to calculate liquidation price of USD-M futures". With wallet W = Q*E/L, direction d,
quantity Q, entry E and bracket (rate m, amount c): LP = (W + c - d*Q*E) / (Q*m - d*Q). The bracket that counts
is the one whose notional at the solution lies inside it; maintenance margin is continuous over the brackets, so
it is unique, and it is the first whose solution does not exceed its cap. (Asking for the floor as well would lose
a solution that rounding puts a hair below its own floor.) Plain iteration can oscillate; this cannot.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from exitbrain.domain.algebra import Algebra
from exitbrain.domain.levels.instrument import Bracket


class Liquidation(Struct, frozen=True):
    """Where a position is liquidated: `distance` as a fraction of the entry, meaningful where `known` is 1.

    `allowed` is 0 where no bracket allows the leverage. Cross margin and hedge mode cannot be known locally.
    """

    distance: Any
    known: Any
    allowed: Any


UNKNOWN = Liquidation(distance=0.0, known=0.0, allowed=1.0)


def liquidation(
    a: Algebra, direction: Any, entry: Any, quantity: Any | None, leverage: Any, brackets: Sequence[Bracket]
) -> Liquidation:
    """Return where the position is liquidated; an unknown price is passed as entry 1 and quantity None.

    With an unknown quantity the highest-margin bracket that still allows the leverage is taken, without its
    amount: the nearest liquidation price of any allowed size (but for a short that a rise lifts into the next).
    """
    if not brackets:
        return UNKNOWN
    if quantity is None:
        return _of_unknown_size(a, direction, leverage, brackets)
    return _of_known_size(a, direction, entry, quantity, leverage, brackets)


def liquidation_in_floats(
    direction: float, entry: float, quantity: float | None, leverage: float, brackets: Sequence[Bracket]
) -> Liquidation:
    """Return what `liquidation` gives with floats, the same 64 bits, walking the brackets only as far as needed."""
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
    limit: Any = 0.0  # the leverage that the bracket of the notional allows; none above the last
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
