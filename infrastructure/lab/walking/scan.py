"""Search for the next candle that reaches one of two prices.

The compiler turns a block of branch-free comparisons into vector instructions. The extremes of whole blocks,
computed once for a market, allow long strides.
"""

from exitbrain.infrastructure.lab.arrays import Doubles
from exitbrain.infrastructure.lab.jit import jit

STRIDE = 64
"""The number of candles in a block with stored extremes."""

_BLOCK = 16


def block_lows(lows: Doubles) -> Doubles:
    """Return the lowest of each full block of STRIDE candles."""
    lowest: Doubles = _blocks(lows).min(axis=1)
    return lowest


def block_highs(highs: Doubles) -> Doubles:
    """Return the highest of each full block of STRIDE candles."""
    highest: Doubles = _blocks(highs).max(axis=1)
    return highest


@jit
def first_touch(lows: Doubles, highs: Doubles, below: float, above: float, bar: int, end: int) -> int:
    """Return the first bar from `bar` on with a low <= `below` or a high >= `above`, or `end`."""
    while bar + _BLOCK <= end:
        touched = False
        for i in range(bar, bar + _BLOCK):
            touched |= (lows[i] <= below) | (highs[i] >= above)
        if touched:
            break
        bar += _BLOCK
    while bar < end and lows[bar] > below and highs[bar] < above:
        bar += 1
    return bar


@jit
def first_touch_in_strides(
    lows: Doubles,
    highs: Doubles,
    lows_of_blocks: Doubles,
    highs_of_blocks: Doubles,
    below: float,
    above: float,
    bar: int,
    end: int,
) -> int:
    """Return the result of `first_touch`, skipping whole blocks between `bar` and `end`."""
    edge = min(end, (bar + STRIDE - 1) // STRIDE * STRIDE)
    bar = first_touch(lows, highs, below, above, bar, edge)
    if bar < edge or edge == end:
        return bar
    block = first_touch(lows_of_blocks, highs_of_blocks, below, above, edge // STRIDE, end // STRIDE)
    return first_touch(lows, highs, below, above, block * STRIDE, end)


def _blocks(column: Doubles) -> Doubles:
    full = len(column) // STRIDE
    return column[: full * STRIDE].reshape(full, STRIDE)
