"""The arrays of the kernel, and the integers that stand for names in them."""

import numpy as np
import numpy.typing as npt

from exitbrain.domain.walk.outcome import LegLevel

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

LEVELS = tuple(LegLevel)
"""The level of a leg is its place in this tuple."""


def codes(count: int) -> tuple[int, ...]:
    """Return 0, 1, .. as NumPy's integers: for each literal one that it is called with Numba compiles a function anew."""
    return tuple(np.arange(count))


def code_of(level: LegLevel) -> int:
    """Return what stands for a level."""
    return codes(len(LEVELS))[LEVELS.index(level)]
