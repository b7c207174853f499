"""The placed targets, and what is still open after each."""

from msgspec import Struct

from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.outcome import TARGET_LEVELS, LegLevel


class Target(Struct, frozen=True):
    """A placed target: its price and the fraction of the original quantity that it closes."""

    level: LegLevel
    price: float
    share: float


class Ladder(Struct, frozen=True):
    """The placed targets, nearest first; `open_after[k]` is open after k of them.

    `rungs[k]` is how many of the three targets have been passed when k placed ones are filled: k unless a
    target has no share.
    """

    direction: int
    targets: tuple[Target, ...]
    open_after: tuple[float, ...]
    rungs: tuple[int, ...]

    @property
    def last(self) -> int:
        """Return the number of targets, after which everything is closed."""
        return len(self.targets)

    def filled_at(self, filled: int, price: float) -> int:
        """Return how many targets are filled when the price is reached after `filled` of them.

        An exact touch counts.
        """
        d, targets = self.direction, self.targets
        while filled < len(targets) and d * (price - targets[filled].price) >= 0:
            filled += 1
        return filled


def ladder_of(setup: ExitSetup) -> Ladder:
    """Return the placed targets; the open part is from the table [1, h2+h3, h3, 0], not subtracted."""
    return ladder_from(setup, 0, 1.0)


def ladder_from(setup: ExitSetup, rung: int, still_open: float) -> Ladder:
    """Return the placed targets of a position that has passed `rung` of the three and has `still_open` left.

    The open part is divided among the targets ahead in proportion to their shares. If none of them has a
    share, the last target closes it all.
    """
    _, h2, h3 = setup.shares
    table = (1.0, h2 + h3, h3, 0.0)
    placed = [number for number in range(rung, 3) if setup.shares[number] > 0.0]
    if not placed:
        target = Target(TARGET_LEVELS[2], setup.targets[2], still_open)
        return Ladder(setup.side.direction, (target,), (still_open, 0.0), (rung, 3))
    scale = still_open / table[rung]
    targets = tuple(
        Target(TARGET_LEVELS[number], setup.targets[number], scale * setup.shares[number])
        for number in placed
    )
    rungs = (rung, *(number + 1 for number in placed))
    open_after = (*(scale * table[behind] for behind in rungs[:-1]), 0.0)
    return Ladder(setup.side.direction, targets, open_after, rungs)
