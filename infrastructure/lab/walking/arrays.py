"""Integer codes for names, used in the arrays of the kernel."""

import numpy as np

from exitbrain.domain.simulation.outcome import LegLevel

LEVELS = tuple(LegLevel)
"""The level of a leg is its place in this tuple."""


def codes(count: int) -> tuple[int, ...]:
    """Return 0, 1, .. as NumPy integers, because Numba compiles again for each literal argument."""
    return tuple(np.arange(count))


def code_of(level: LegLevel) -> int:
    """Return the code of a level."""
    return codes(len(LEVELS))[LEVELS.index(level)]
