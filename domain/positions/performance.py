"""The PnL window of an account: its last 20 results and their mean."""

from collections import deque
from decimal import Decimal

from exitbrain.domain.values import Side

WINDOW = 20

COUNTED = {Side.LONG: (Decimal(-100), Decimal(1000)), Side.SHORT: (Decimal(-1000), Decimal(100))}
"""The range of price returns in percent that count: no price falls by more than 100 %, few rise tenfold."""


def counted_percent(side: Side, pnl_percent: Decimal) -> Decimal:
    """Return the price return that counts in the window, limited to the range of its side."""
    lowest, highest = COUNTED[side]
    return min(max(pnl_percent, lowest), highest)


class PnLWindow:
    """The counted returns of the last results in percent, in log order, oldest first."""

    __slots__ = ("_known_mean", "_results")

    def __init__(self, results: tuple[float, ...] = ()) -> None:
        self._results: deque[float] = deque(results, maxlen=WINDOW)
        self._known_mean: float | None = None  # computed once: many decisions read one window

    def add(self, counted: Decimal) -> None:
        """Append the counted return of a result; beyond 20, the oldest is dropped."""
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
        """Return the mean in percent, summed in a plain loop, oldest first; 0 without results."""
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
