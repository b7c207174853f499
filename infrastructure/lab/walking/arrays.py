"""The integers that stand for names in the arrays of the kernel."""

import numpy as np

from exitbrain.domain.simulation.outcome import LegLevel

LEVELS = tuple(LegLevel)
"""The level of a leg is its place in this tuple."""


def codes(count: int) -> tuple[int, ...]:
    """Return 0, 1, .. as NumPy's integers: for each literal one that it is called with Numba compiles a function anew."""
    return tuple(np.arange(count))


def code_of(level: LegLevel) -> int:
    """Return what stands for a level."""
    return codes(len(LEVELS))[LEVELS.index(level)]
