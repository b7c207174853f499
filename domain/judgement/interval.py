"""Interval: what a number lies between, when candles or chance leave it open."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """Two ends, the lower first."""

    lower: float
    upper: float
