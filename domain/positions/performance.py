"""The PnL window of an account: its last 20 results, and their mean."""

from collections import deque
from decimal import Decimal

from exitbrain.domain.values import Side

WINDOW = 20

COUNTED = {Side.LONG: (Decimal(-100), Decimal(1000)), Side.SHORT: (Decimal(-1000), Decimal(100))}
"""Between which price returns in percent a result counts: no price falls by more than 100 %, few rise tenfold."""


def counted_percent(side: Side, pnl_percent: Decimal) -> Decimal:
    """Return what of a price return counts in the window: all of it, up to the end of the range of its side."""
    lowest, highest = COUNTED[side]
    return min(max(pnl_percent, lowest), highest)


class PnLWindow:
    """The last results in log order, each as far as it counts: price returns in percent, oldest first."""

    __slots__ = ("_known_mean", "_results")

    def __init__(self, results: tuple[float, ...] = ()) -> None:
        self._results: deque[float] = deque(results, maxlen=WINDOW)
        self._known_mean: float | None = None  # once asked for: many decisions read one window

    def add(self, counted: Decimal) -> None:
        """Append what counts of a result; the oldest of more than 20 leaves."""
        self._results.append(float(counted))
        self._known_mean = None

    def copy(self) -> "PnLWindow":
        """Return an independent window with the same results."""
        return PnLWindow(tuple(self._results))

    @property
    def trades(self) -> int:
        """Return how many results the window holds, 0 to 20."""
        return len(self._results)

    @property
    def average(self) -> float:
        """Return the mean in percent: a plain loop, oldest first, divided by n; 0 when there are none."""
        if self._known_mean is None:
            self._known_mean = self._mean()
        return self._known_mean

    def _mean(self) -> float:
        if not self._results:
            return 0.0
        total = 0.0
        for result in self._results:
            total = total + result
        return total / len(self._results)
