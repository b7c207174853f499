"""Interval: what a number lies between, when candles or chance leave it open."""

from msgspec import Struct


class Interval(Struct, frozen=True):
    """Two ends, the lower first."""

    lower: float
    upper: float
