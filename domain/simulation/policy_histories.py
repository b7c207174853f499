"""One policy during a walk: its levels so far, and the moves they allow in each candle."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from exitbrain.domain.simulation.bar_moves import Bar, BarMoves, Move, Phase
from exitbrain.domain.simulation.booking import Booking
from exitbrain.domain.simulation.candle import Due
from exitbrain.domain.simulation.costs import Path
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.intrabar_path import Standing
from exitbrain.domain.simulation.ladder import Ladder, ladder_from, ladder_of
from exitbrain.domain.simulation.outcome import History
from exitbrain.domain.simulation.plan import Change, Increased, Plan, Reduced, Relevelled, relevelled
from exitbrain.domain.simulation.stops import Stops

PathChange = Callable[[Path], Path]
"""The effect of a plan's change on a history."""


class HistoryState(Struct, frozen=True, order=True):
    """The state of a history: its level set, and how many of its placed targets are filled."""

    level_set: int
    filled: int


class LevelSet(Struct, frozen=True):
    """Levels in force for histories that reached them with the same targets filled and part open."""

    setup: ExitSetup
    ladder: Ladder
    stops: Stops
    bar_moves: BarMoves
    booking: Booking


class PolicyHistories:
    """The level sets of one plan, and the moves they allow for a history. It stores no histories."""

    def __init__(self, plan: Plan) -> None:
        ladder = ladder_of(plan.setup)
        stops = Stops(plan.setup, ladder)
        booking = Booking(plan.setup)
        self.account = booking.account
        self.level_sets = [LevelSet(plan.setup, ladder, stops, BarMoves(ladder, stops), booking)]

    def standing(self, state: HistoryState) -> Standing:
        """Return the levels and the stops of a history."""
        level_set = self.level_sets[state.level_set]
        return Standing(level_set.ladder, level_set.stops, state.filled)

    def moves(self, state: HistoryState, phase: Phase, bar: Bar) -> list[Move]:
        """Return the possible moves of a history in a phase of a candle."""
        return phase(self.level_sets[state.level_set].bar_moves, state.filled, bar)

    def moved(
        self, state: HistoryState, path: Path, move: Move, bar: Bar, at_open: bool, holes: int
    ) -> tuple[HistoryState | None, Path | History]:
        """Return the state after a move, None at the end, and the resulting history."""
        level_set = self.level_sets[state.level_set]
        moved = level_set.booking.moved(path, level_set.ladder, state.filled, move, bar, at_open)
        if move.exit is not None or move.filled == level_set.ladder.last:
            return None, self.account.history(moved, holes)
        return HistoryState(state.level_set, move.filled), moved

    def closed_by(self, state: HistoryState, move: Move) -> tuple[object, ...]:
        """Return what a move closes and at which price; empty if it closes nothing."""
        ladder = self.level_sets[state.level_set].ladder
        filled = ladder.targets[state.filled : move.filled]
        return filled if move.exit is None else (*filled, move.exit, ladder.open_after[move.filled])

    def with_funding(self, state: HistoryState, path: Path, dues: Sequence[Due]) -> Path:
        """Return the history after paying the funding due."""
        return self.account.with_funding(
            path, dues, self.level_sets[state.level_set].ladder.open_after[state.filled]
        )

    def changed(self, change: Change, state: HistoryState, bar: Bar) -> tuple[HistoryState, PathChange]:
        """Return the state of histories after a change, and its effect on them."""
        level_set = self.level_sets[state.level_set]
        still_open, setup = level_set.ladder.open_after[state.filled], level_set.setup
        match change:
            case Relevelled():
                return self._level_set_from(
                    level_set, state.filled, relevelled(setup, change), still_open
                ), _unchanged
            case Reduced(kept=kept, price=price):
                closed = still_open * (1.0 - kept)
                following = self._level_set_from(level_set, state.filled, setup, still_open * kept)
                return following, lambda path: level_set.booking.reduced(path, closed, price, bar)
            case Increased(added=added, price=price):
                following = self._level_set_from(level_set, state.filled, setup, still_open + added)
                return following, lambda path: self.account.with_more(path, added, price)

    def _level_set_from(
        self, level_set: LevelSet, filled: int, setup: ExitSetup, still_open: float
    ) -> HistoryState:
        ladder = ladder_from(setup, level_set.ladder.rungs[filled], still_open)
        stops = level_set.stops.continued(filled, setup, ladder)
        booking = Booking(setup, self.account)
        self.level_sets.append(LevelSet(setup, ladder, stops, BarMoves(ladder, stops), booking))
        return HistoryState(len(self.level_sets) - 1, 0)


def _unchanged(path: Path) -> Path:
    return path
