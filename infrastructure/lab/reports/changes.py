"""Collect the changes for a report: every change of a level, and the ladders that changed most."""

from exitbrain.application.whatif.decisions import Pair
from exitbrain.domain.levels.levels import LEVELS

LADDERS = 3
"""The number of changed ladders that are kept."""


class Changes:
    """Collect pairs one by one.

    `of_level` holds the changes of each distance (after minus before, fractions of the entry price). `widest`
    holds the pairs with the largest changes, no two of the same size, since many decisions change alike.
    `recorded` names the policies that decided.
    """

    def __init__(self) -> None:
        self.of_level: dict[str, list[float]] = {level: [] for level in LEVELS}
        self.recorded: dict[str, None] = {}
        self._widest: list[tuple[float, Pair]] = []

    @property
    def widest(self) -> list[Pair]:
        """Return the pairs whose ladders changed most, largest change first."""
        return [pair for _, pair in self._widest]

    def take(self, pair: Pair) -> None:
        """Add one decision before and after."""
        self.recorded[pair.decision.policy.name] = None
        if pair.before is None or pair.after is None:
            return
        changes = [pair.after[place] - pair.before[place] for place in range(len(LEVELS))]
        for level, change in zip(LEVELS, changes, strict=True):
            self.of_level[level].append(change)
        size = max(map(abs, changes))
        if size > 0.0 and all(size != known for known, _ in self._widest):
            self._widest = sorted([*self._widest, (size, pair)], key=lambda one: -one[0])[:LADDERS]
