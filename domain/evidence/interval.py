"""The interval of a number that candles or chance leave uncertain."""

from msgspec import Struct


class Interval(Struct, frozen=True):
    """A lower and an upper end."""

    lower: float
    upper: float
