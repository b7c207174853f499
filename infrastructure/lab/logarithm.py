"""The correctly rounded natural logarithm of arrays: the bits of the domain's `ln`, 1,000 times as fast.

A double x in [1, 128) is 2^k * m with m in [1, 2), and r is 11 bits near 1/m from a table over 512 intervals.
Then ln x = k ln 2 - ln r + ln(1 + z) with z = m r - 1, which two doubles hold exactly, and |z| < 2^-9; the
series of ln(1 + z) is computed in double-double to its third power and in doubles beyond. The unrounded sum
is off by less than 2^-88, so if adding and subtracting 2^-80 rounds to the same double, that double is right.
Otherwise, about once in 2^27 for random x, and outside [1, 128), the domain's Decimal decides.
"""

from decimal import Context, Decimal

import numpy as np
import numpy.typing as npt

from exitbrain.domain.algebra import ln
from exitbrain.infrastructure.lab.jit import jit

LOWEST, BEYOND = 1.0, 128.0
"""The range of the fast method: LOWEST <= x < BEYOND."""

_INTERVALS = 512
_EXACT = Context(prec=60)
_SPLITTER = 134217729.0  # 2^27 + 1
_SLACK = 2.0**-80
_THIRD_HIGH = 1.0 / 3.0
_THIRD_LOW = 2.0**-54 / 3.0  # 1/3 less its double is 2^-54 / 3


def _in_two(value: Decimal) -> tuple[float, float]:
    high = float(value)
    return high, float(_EXACT.subtract(value, Decimal(high)))


def _tables() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    reciprocals = np.empty(_INTERVALS)
    high, low = np.empty(_INTERVALS), np.empty(_INTERVALS)
    for i in range(_INTERVALS):
        reciprocal = round(2048.0 / (1.0 + (i + 0.5) / _INTERVALS)) / 2048.0
        reciprocals[i] = reciprocal
        high[i], low[i] = _in_two(-Decimal(reciprocal).ln(_EXACT))
    return reciprocals, high, low


# Constants in the kernel; computing them takes some tens of milliseconds on import.
_RECIPROCAL, _LOG_HIGH, _LOG_LOW = _tables()
_LN2 = Decimal(2).ln(_EXACT)
_LN2_HEAD = round(float(_LN2) * 2.0**42) / 2.0**42  # 42 bits, so multiplying by k is exact
_LN2_TAIL = float(_EXACT.subtract(_LN2, Decimal(_LN2_HEAD)))
_LN_OF_WHOLE = np.array([0.0, *(ln(float(whole)) for whole in range(1, int(BEYOND)))])


def ln_of(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the correctly rounded natural logarithm of every double, in the shape given."""
    given = np.ascontiguousarray(x, dtype=np.float64)
    flat = given.reshape(-1)
    result = np.empty_like(flat)
    undecided = np.empty(len(flat), dtype=np.bool_)
    if _fill(flat, result, undecided):
        for row in np.flatnonzero(undecided):
            result[row] = ln(float(flat[row]))
    return result.reshape(given.shape)


@jit
def ln_core(x: float) -> tuple[float, bool]:
    """Return the logarithm and whether it is decided; if not, use the domain's `ln`."""
    if not LOWEST <= x < BEYOND:
        return np.nan, False
    whole = int(x)
    if x == whole:
        return _LN_OF_WHOLE[whole], True
    k, m = 0.0, x
    while m >= 2.0:
        m *= 0.5
        k += 1.0
    i = int((m - 1.0) * _INTERVALS)
    product, product_error = two_product(m, _RECIPROCAL[i])
    z, z_low = two_sum(product - 1.0, product_error)
    series, series_low = _ln_of_one_plus(z, z_low)
    total, lost1 = two_sum(k * _LN2_HEAD, _LOG_HIGH[i])
    total, lost2 = two_sum(total, series)
    rest = lost1 + lost2 + (_LOG_LOW[i] + series_low + k * _LN2_TAIL)
    high, low = two_sum(total, rest)
    return high, high + (low + _SLACK) == high and high + (low - _SLACK) == high


@jit
def _fill(
    x: npt.NDArray[np.float64], result: npt.NDArray[np.float64], undecided: npt.NDArray[np.bool_]
) -> int:
    count = 0
    for row in range(len(x)):
        value, decided = ln_core(x[row])
        result[row] = value
        undecided[row] = not decided
        count += not decided
    return count


@jit
def _ln_of_one_plus(z: float, z_low: float) -> tuple[float, float]:
    """Return z - z^2/2 + z^3/3 in two doubles, plus the terms up to z^10, for |z| < 2^-9."""
    square, square_low = two_product(z, z)
    square_low += 2.0 * z * z_low
    cube, cube_low = two_product(square, z)
    cube_low += square * z_low + square_low * z
    third, third_low = two_product(cube, _THIRD_HIGH)
    third_low += cube * _THIRD_LOW + cube_low * _THIRD_HIGH
    beyond = -(square * square) * (
        1 / 4 - z * (1 / 5 - z * (1 / 6 - z * (1 / 7 - z * (1 / 8 - z * (1 / 9 - z / 10)))))
    )
    total, lost1 = two_sum(z, -0.5 * square)
    total, lost2 = two_sum(total, third)
    return total, lost1 + lost2 + (z_low - 0.5 * square_low + third_low + beyond)


@jit
def two_sum(a: float, b: float) -> tuple[float, float]:
    """Return the rounded sum and the exact rounding error (Knuth)."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


@jit
def two_product(a: float, b: float) -> tuple[float, float]:
    """Return the rounded product and the exact rounding error (Dekker, without fused multiply-add)."""
    product = a * b
    scaled = _SPLITTER * a
    a_high = scaled - (scaled - a)
    a_low = a - a_high
    scaled = _SPLITTER * b
    b_high = scaled - (scaled - b)
    b_low = b - b_high
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
