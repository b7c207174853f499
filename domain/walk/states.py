"""The reachable states of a walk: for each number of filled targets the lowest and the highest history so far."""

from dataclasses import dataclass

from exitbrain.domain.walk.costs import Account, Path
from exitbrain.domain.walk.outcome import History


@dataclass(slots=True)  # not frozen: it is replaced candle by candle
class Open:
    """The histories that are in one state: the two that bound them, and whether there is more than one."""

    low: Path
    high: Path
    several: bool


@dataclass(slots=True)  # not frozen: it grows while a walk goes on
class Ended:
    """The histories that have ended: the two that bound them, and whether there is more than one."""

    low: History
    high: History
    several: bool


class States:
    """Keeps the bounds; of histories with the same net result the one that was found first."""

    def __init__(self, account: Account, count: int) -> None:
        self._account = account
        self.open: list[Open | None] = [None] * count
        self.open[0] = Open(Path(), Path(), several=False)
        self.ended: Ended | None = None

    @property
    def filled(self) -> list[int]:
        """Return the states in which something is open, by the number of filled targets."""
        return [filled for filled, state in enumerate(self.open) if state is not None]

    def take_all(self) -> list[tuple[int, Open]]:
        """Return the open states, ascending, and start with none."""
        taken = [(filled, state) for filled, state in enumerate(self.open) if state is not None]
        self.open = [None] * len(self.open)
        return taken

    def put(self, filled: int, low: Path, high: Path, several: bool) -> None:
        """Add histories to a state."""
        state, net = self.open[filled], self._account.net
        if state is None:
            self.open[filled] = Open(low, high, several)
            return
        state.several = True
        if net(low) < net(state.low):
            state.low = low
        if net(high) > net(state.high):
            state.high = high

    def end(self, low: Path, high: Path, several: bool, holes: int) -> None:
        """Add histories that have ended."""
        lowest = self._account.history(low, holes)
        highest = lowest if high is low else self._account.history(high, holes)
        if self.ended is None:
            self.ended = Ended(lowest, highest, several)
            return
        self.ended.several = True
        if lowest.net < self.ended.low.net:
            self.ended.low = lowest
        if highest.net > self.ended.high.net:
            self.ended.high = highest
