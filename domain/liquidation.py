"""The liquidation price of an isolated one-way position, bracket by bracket.

Source: the venue's "How to calculate liquidation price of USD-M futures". With wallet W = Q*E/L, direction d,
quantity Q, entry E and bracket (rate m, amount c): LP = (W + c - d*Q*E) / (Q*m - d*Q). The bracket that counts
is the one whose notional at the solution lies inside it; maintenance margin is continuous over the brackets, so
it is unique. Plain iteration can oscillate; solving in each bracket and keeping the consistent one can not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exitbrain.domain.formulas.algebra import Algebra
from exitbrain.domain.instrument import Bracket


@dataclass(frozen=True, slots=True)
class Liquidation:
    """Where a position is liquidated: `distance` as a fraction of the entry, meaningful where `known` is 1.

    `allowed` is 0 where no bracket allows the leverage. Cross margin and hedge mode can not be known locally.
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
    amount: the nearest liquidation price that any allowed size can have.
    """
    if not brackets:
        return UNKNOWN
    if quantity is None:
        return _of_unknown_size(a, direction, leverage, brackets)
    return _of_known_size(a, direction, entry, quantity, leverage, brackets)


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
    price: Any = entry
    allowed: Any = 0.0
    last = len(brackets) - 1
    for number, bracket in enumerate(brackets):
        solution = (wallet + bracket.cum - direction * notional) / (
            quantity * bracket.maintenance_rate - direction * quantity
        )
        solution = a.step(f"solution_{number + 1}", solution)
        size = a.step(f"notional_at_{number + 1}", quantity * solution)
        chosen = solution if number == last else a.where(size <= bracket.cap, solution, price)
        price = chosen if number == 0 else a.where(size > bracket.floor, chosen, price)
        fits = a.where(leverage <= bracket.max_leverage, 1.0, 0.0)
        fits = a.where(notional > bracket.floor, a.where(notional <= bracket.cap, fits, 0.0), 0.0)
        allowed = a.where(fits > 0.0, 1.0, allowed)
    price = a.step("liquidation_price", price)
    return _known(a, direction * (entry - price) / entry, allowed)


def _known(a: Algebra, distance: Any, allowed: Any) -> Liquidation:
    return Liquidation(
        distance=a.step("liquidation_distance", distance),
        known=1.0,
        allowed=a.step("leverage_allowed", allowed),
    )
