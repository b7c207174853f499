"""One policy on its way through the candles: its levels so far, and what they make of each candle."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from exitbrain.domain.simulation.booking import Booking
from exitbrain.domain.simulation.candle import Due
from exitbrain.domain.simulation.costs import Path
from exitbrain.domain.simulation.givens import Givens
from exitbrain.domain.simulation.ladder import Ladder, ladder_from, ladder_of
from exitbrain.domain.simulation.order import Standing
from exitbrain.domain.simulation.outcome import History
from exitbrain.domain.simulation.plan import Change, Increased, Plan, Reduced, Relevelled, relevelled
from exitbrain.domain.simulation.stops import Stops
from exitbrain.domain.simulation.touches import Bar, Move, Phase, Touches

PathChange = Callable[[Path], Path]
"""What a change of a plan does to a history."""


class Spot(Struct, frozen=True, order=True):
    """Where a history stands: on which levels, and how many of their placed targets are filled."""

    lane: int
    filled: int


class Lane(Struct, frozen=True):
    """Levels in force for histories that came to them with the same targets behind and the same part open."""

    givens: Givens
    ladder: Ladder
    stops: Stops
    touches: Touches
    booking: Booking


class Track:
    """The lanes of one plan. Histories are values; the track only knows what may happen to one."""

    def __init__(self, plan: Plan) -> None:
        ladder = ladder_of(plan.givens)
        stops = Stops(plan.givens, ladder)
        booking = Booking(plan.givens)
        self.account = booking.account
        self.lanes = [Lane(plan.givens, ladder, stops, Touches(ladder, stops), booking)]

    def standing(self, spot: Spot) -> Standing:
        """Return the levels and the stops of a history."""
        lane = self.lanes[spot.lane]
        return Standing(lane.ladder, lane.stops, spot.filled)

    def moves(self, spot: Spot, phase: Phase, bar: Bar) -> list[Move]:
        """Return what a part of a candle may do to a history."""
        return phase(self.lanes[spot.lane].touches, spot.filled, bar)

    def moved(
        self, spot: Spot, path: Path, move: Move, bar: Bar, at_open: bool, holes: int
    ) -> tuple[Spot | None, Path | History]:
        """Return where a move leads, None at the end, and the history it makes."""
        lane = self.lanes[spot.lane]
        moved = lane.booking.moved(path, lane.ladder, spot.filled, move, bar, at_open)
        if move.exit is not None or move.filled == lane.ladder.last:
            return None, self.account.history(moved, holes)
        return Spot(spot.lane, move.filled), moved

    def closed_by(self, spot: Spot, move: Move) -> tuple[object, ...]:
        """Return what a move closes, and at which price; empty where it closes nothing."""
        ladder = self.lanes[spot.lane].ladder
        filled = ladder.targets[spot.filled : move.filled]
        return filled if move.exit is None else (*filled, move.exit, ladder.open_after[move.filled])

    def with_funding(self, spot: Spot, path: Path, dues: Sequence[Due]) -> Path:
        """Return the history after funding was due."""
        return self.account.with_funding(path, dues, self.lanes[spot.lane].ladder.open_after[spot.filled])

    def changed(self, change: Change, spot: Spot, bar: Bar) -> tuple[Spot, PathChange]:
        """Return where the histories of a spot go on after a change, and what it does to them."""
        lane = self.lanes[spot.lane]
        still_open, givens = lane.ladder.open_after[spot.filled], lane.givens
        match change:
            case Relevelled():
                return self._lane_from(lane, spot.filled, relevelled(givens, change), still_open), _unchanged
            case Reduced(kept=kept, price=price):
                closed = still_open * (1.0 - kept)
                following = self._lane_from(lane, spot.filled, givens, still_open * kept)
                return following, lambda path: lane.booking.reduced(path, closed, price, bar)
            case Increased(added=added, price=price):
                following = self._lane_from(lane, spot.filled, givens, still_open + added)
                return following, lambda path: self.account.with_more(path, added, price)

    def _lane_from(self, lane: Lane, filled: int, givens: Givens, still_open: float) -> Spot:
        ladder = ladder_from(givens, lane.ladder.rungs[filled], still_open)
        stops = lane.stops.continued(filled, givens, ladder)
        booking = Booking(givens, self.account)
        self.lanes.append(Lane(givens, ladder, stops, Touches(ladder, stops), booking))
        return Spot(len(self.lanes) - 1, 0)


def _unchanged(path: Path) -> Path:
    return path
