"""Prices of levels that a test gives as distances."""

from exitbrain.domain.levels.levels import Distances
from exitbrain.domain.values import Side


def prices_at(side: Side, entry: float, distances: Distances) -> tuple[tuple[float, float, float], float]:
    """Return the target prices `E*(1 + d*tp)` and the stop price `E*(1 - d*sl)`, products of doubles."""
    d = side.direction
    tp1, tp2, tp3, sl = distances.tp1, distances.tp2, distances.tp3, distances.sl
    return (entry * (1 + d * tp1), entry * (1 + d * tp2), entry * (1 + d * tp3)), entry * (1 - d * sl)
