"""The stops of one position after 0, 1, 2 placed targets, as the domain's `Stops` moves them.

All are values, not arrays: a rule close that moves the trailed price makes new ones.
"""

from typing import NamedTuple

import numpy as np

from exitbrain.domain.simulation.outcome import LegLevel
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.arrays import code_of
from exitbrain.infrastructure.lab.walking.placed import LIQUIDATION, Placed, moved_stop

TRAIL = code_of(LegLevel.TRAIL)


class KernelStops(NamedTuple):
    """Prices and levels by filled targets: the stop lies between the loose and the tight end, often equal."""

    loose: tuple[float, float, float]
    loose_level: tuple[int, int, int]
    tight: tuple[float, float, float]
    tight_level: tuple[int, int, int]


class Trailed(NamedTuple):
    """The best known and best possible price since entry, and the trailed price for each, NaN for none."""

    known: float
    possible: float
    loose: float
    tight: float


@jit
def trailed_at_entry(p: Placed) -> Trailed:
    """Return the state of trailing before the first candle."""
    return Trailed(p.entry, p.entry, np.nan, np.nan)


@jit
def seen(trailed: Trailed, d: float, favourable: float, known: float) -> Trailed:
    """Update the best possible and the best known price since the entry from a candle."""
    return Trailed(
        known if d * (known - trailed.known) > 0 else trailed.known,
        favourable if d * (favourable - trailed.possible) > 0 else trailed.possible,
        trailed.loose,
        trailed.tight,
    )


@jit
def moved(trailed: Trailed, p: Placed) -> Trailed:
    """Move the trailed price at the close of a rule interval; it never moves back."""
    return Trailed(
        trailed.known,
        trailed.possible,
        _price_after(trailed.known, trailed.loose, p),
        _price_after(trailed.possible, trailed.tight, p),
    )


@jit
def in_force(trailed: Trailed, p: Placed) -> KernelStops:
    """Return the tightest stops."""
    loose, loose_level = _tightest(trailed.loose, p)
    tight, tight_level = _tightest(trailed.tight, p)
    return KernelStops(loose, loose_level, tight, tight_level)


@jit
def touched(d: float, stop: float, level: int, price: float, mark: float) -> bool:
    """Return whether a price, or for a liquidation the mark price, touches a stop."""
    return d * ((mark if level == LIQUIDATION else price) - stop) <= 0


@jit
def _price_after(best: float, before: float, p: Placed) -> float:
    if p.d * (best - p.entry) / p.entry < p.activation:
        return np.nan
    price = moved_stop(p.entry, best * (1 - p.d * p.distance), p.d, p.tick_units, p.tick_scale)
    return before if p.d * (before - price) > 0 else price


@jit
def _tightest(trailed: float, p: Placed) -> tuple[tuple[float, float, float], tuple[int, int, int]]:
    price0, level0 = _tightest_after(0, trailed, p)
    price1, level1 = _tightest_after(1, trailed, p)
    price2, level2 = _tightest_after(2, trailed, p)
    return (price0, price1, price2), (level0, level1, level2)


@jit
def _tightest_after(filled: int, trailed: float, p: Placed) -> tuple[float, int]:
    """Return the stop in force; comparing with NaN is false, so disabled stops are never chosen."""
    price, level = p.resting[filled], p.resting_level[filled]
    if p.d * (trailed - price) > 0:
        price, level = trailed, TRAIL
    if p.d * (p.liquidated_at[filled] - price) > 0:
        price, level = p.liquidated_at[filled], LIQUIDATION
    return price, level
