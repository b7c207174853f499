"""Candles of a fair market: the price goes up and down with equal chance, whatever it did before.

No stop or target has an advantage on such candles, so what a laboratory finds there is chance.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

_FLIPS = 240
"""How many coin flips a minute consists of: so many that a level is hardly jumped over."""

_SHAPES = 1024
_FLIP = 14_000
"""A flip moves the price by this part of it, which makes some 4 % a day."""


class TickCandle(NamedTuple):
    """A candle with its prices in ticks."""

    open: int
    high: int
    low: int
    close: int


class _Shape(NamedTuple):
    """The course of a minute, in flips from its open."""

    highest: int
    lowest: int
    last: int


def fair_candles(random: Random, first_ticks: int, count: int) -> Iterator[TickCandle]:
    """Yield candles, each opening where the one before closed."""
    ticks = first_ticks
    for shape in random.choices(_shapes(random), k=count):
        flip = max(1, ticks // _FLIP)
        last = ticks + flip * shape.last
        yield TickCandle(ticks, ticks + flip * shape.highest, ticks + flip * shape.lowest, last)
        ticks = last


def _shapes(random: Random) -> Sequence[_Shape]:
    """Return the courses that a minute can take, each with its mirror image, so that neither side is favoured."""
    shapes = [_shape(random.getrandbits(_FLIPS)) for _ in range(_SHAPES)]
    return [*shapes, *(_Shape(-shape.lowest, -shape.highest, -shape.last) for shape in shapes)]


def _shape(flips: int) -> _Shape:
    at = highest = lowest = 0
    for place in range(_FLIPS):
        at += 1 if flips >> place & 1 else -1
        highest, lowest = max(highest, at), min(lowest, at)
    return _Shape(highest, lowest, at)
