"""How the laboratory compiles: strict doubles, no lock of the interpreter, the machine code kept between runs."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile a function of numbers and arrays.

    `fastmath` stays off and nothing is contracted, so every operation rounds as in Python; a division by zero gives
    an infinity or NaN as in NumPy. Threads run it side by side.
    """
    return cast(F, numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function))
