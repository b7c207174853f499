"""Positions of one target and one stop, without costs and moving stops: what other programs know how to leave."""

from dataclasses import dataclass

import numpy as np

from exitbrain.infrastructure.lab.arrays import Doubles, Integers, Mask

OPEN_AT_END = -1


@dataclass(frozen=True, slots=True)
class Prices:
    """Candles as float64 arrays, either (bars,) of one market or (bars, columns) of many."""

    open: Doubles
    high: Doubles
    low: Doubles
    close: Doubles

    def of(self, column: int) -> "Prices":
        """Return the candles of one market of many."""
        return Prices(*(x[:, column].copy() for x in (self.open, self.high, self.low, self.close)))


@dataclass(frozen=True, slots=True)
class OneTarget:
    """Where a position is closed: direction is +1 or -1, the distances are fractions of the entry price."""

    direction: float
    target: float
    stop: float


@dataclass(frozen=True, slots=True)
class Exits:
    """One row for each position, entered at the close of a bar; bars count from the first candle given.

    `exit_bar` is OPEN_AT_END and `price` NaN for a position that the data do not close.
    """

    column: Integers
    entry_bar: Integers
    exit_bar: Integers
    price: Doubles

    @property
    def closed(self) -> Mask:
        """Return which positions the data close."""
        return np.not_equal(self.exit_bar, OPEN_AT_END)
