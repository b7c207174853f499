"""The results of one account in log order, and those in the PnL window of a decision."""

from bisect import bisect_right
from typing import Generic, TypeVar

from exitbrain.domain.levels.levels import WindowReading
from exitbrain.domain.positions.performance import WINDOW

T = TypeVar("T")


class ResultLog(Generic[T]):
    """One kept value per result, in log order."""

    def __init__(self) -> None:
        self._positions: list[int] = []
        self._kept: list[T] = []

    def add(self, position: int, result: T) -> None:
        """Append the result at a log position."""
        self._positions.append(position)
        self._kept.append(result)

    def read_by(self, reading: WindowReading) -> tuple[T, ...]:
        """Return the window of the next decision in the log; call this before a later result is added."""
        read = bisect_right(self._positions, reading.log_position)
        own = max(read, len(self._kept) - reading.uncommitted) if reading.uncommitted else len(self._kept)
        return (*self._kept[max(0, read - WINDOW) : read], *self._kept[own:])[-WINDOW:]
