"""What may happen to a position inside one candle: the gap rule at its open, then touches of its extremes.

k targets are filled; S_j is the stop after j targets; m targets are filled after everything that the
favourable extreme touches:

at the open    If the open touches S_k, everything closes there. Else each target that the open reaches is
               filled.
inside         (a) For each j in k..m, nearest first, if the adverse extreme touches S_j: the next j-k targets
               are filled and the rest closes at S_j. (b) Last, survival with m filled, if the adverse extreme
               does not touch the loosest of S_k..S_m and the close does not touch S_m. (A stop only tightens
               with k, so the loosest is S_k, unless a liquidation price replaced it.) If m closes everything,
               (b) is always possible.
of the entry   If the entry is inside the candle, the open came before it and the extremes may have: (a) as
               above; (b) survival with each j in c..m filled whose S_j the close does not touch, where c is
               the number of targets that the close reaches. If the entry may be at the open or inside, the
               open may act or not; what it did not touch continues as after an entry inside.
up to a close  If the position is closed from outside inside the candle, the extremes may come later: (a) as
               above; (b) survival with each j in k..m filled.

A stop known only to lie between two ends (see `stops`) gives two histories, one for each end.
"""

from collections.abc import Callable

from msgspec import Struct

from exitbrain.domain.simulation.candle import Candle
from exitbrain.domain.simulation.entry import Entry
from exitbrain.domain.simulation.ladder import Ladder
from exitbrain.domain.simulation.outcome import LegLevel
from exitbrain.domain.simulation.stops import Stop, Stops


class Bar(Struct, frozen=True):
    """A candle or trade from a position's view: adverse and favourable extremes, also of the mark price.

    The open of a `lower_timeframe` bar gives the order of events, but no prices.
    """

    at_ms: int
    open: float
    adverse: float
    favourable: float
    close: float
    mark_open: float
    mark_adverse: float
    mark_close: float
    lower_timeframe: bool = False


def bar_of(candle: Candle, mark: Candle, direction: int) -> Bar:
    """Return a candle from the view of a position, combined with the candle of the mark price."""
    long = direction > 0
    return Bar(
        candle.open_time_ms,
        candle.open,
        candle.low if long else candle.high,
        candle.high if long else candle.low,
        candle.close,
        mark.open,
        mark.low if long else mark.high,
        mark.close,
    )


class Exit(Struct, frozen=True):
    """An exit of everything that is still open."""

    price: float
    level: LegLevel


class Move(Struct, frozen=True):
    """One possible move: `filled` targets are filled after it; the rest closes at `exit` or stays open."""

    filled: int
    exit: Exit | None


class BarMoves:
    """The moves that are possible for one position."""

    def __init__(self, ladder: Ladder, stops: Stops) -> None:
        self._ladder = ladder
        self._stops = stops
        self._d = ladder.direction

    def at_open(self, filled: int, bar: Bar) -> list[Move]:
        """Return the moves at the open, nearest first."""
        loose, tight = self._stops.loose[filled], self._stops.tight[filled]
        moves: list[Move] = []
        if self._touched(tight, bar.open, bar.mark_open):
            if bar.lower_timeframe:
                moves = self._stopped(filled, bar.open, bar.mark_open)
            else:
                moves = [Move(filled, Exit(bar.open, tight.level))]
            if self._touched(loose, bar.open, bar.mark_open):
                return moves
        return [*moves, Move(self._ladder.filled_at(filled, bar.open), None)]

    def at_unsure_open(self, filled: int, bar: Bar) -> list[Move]:
        """Return the moves at the open for a position that may be opened there or later, nearest first."""
        moves, nothing = self.at_open(filled, bar), Move(filled, None)
        return moves if nothing in moves else [*moves, nothing]

    def inside(self, filled: int, bar: Bar) -> list[Move]:
        """Return the moves that the extremes of a candle allow after its open."""
        most = self._ladder.filled_at(filled, bar.favourable)
        moves = self._all_stopped(filled, most, bar)
        if most == self._ladder.last or self._may_survive(filled, most, bar):
            moves.append(Move(most, None))
        return moves

    def inside_after_entry(self, filled: int, bar: Bar) -> list[Move]:
        """Return the moves possible between an entry inside a candle and its close."""
        most = self._ladder.filled_at(filled, bar.favourable)
        moves = self._all_stopped(filled, most, bar)
        for count in range(self._ladder.filled_at(filled, bar.close), most + 1):
            if count == self._ladder.last or not self._touched(
                self._stops.loose[count], bar.close, bar.mark_close
            ):
                moves.append(Move(count, None))
        return moves

    def inside_after_unsure_open(self, filled: int, bar: Bar) -> list[Move]:
        """Return the moves possible until the close; a position that the open touched existed at the open."""
        return self.inside(filled, bar) if filled else self.inside_after_entry(filled, bar)

    def inside_before_close(self, filled: int, bar: Bar) -> list[Move]:
        """Return the moves possible in a candle before the position is closed from outside."""
        most = self._ladder.filled_at(filled, bar.favourable)
        return [
            *self._all_stopped(filled, most, bar),
            *(Move(count, None) for count in range(filled, most + 1)),
        ]

    def leave_a_choice(self, filled: int, bar: Bar, entry: Entry, *, funded: bool) -> bool:
        """Return whether the order of touches in a candle, or of a touch and its funding, is uncertain."""
        at_open, inside = phases_of(entry)
        moves = [Move(filled, None)] if at_open is None else at_open(self, filled, bar)
        if len(moves) > 1:
            return True
        (move,) = moves
        if move.exit is not None or move.filled == self._ladder.last:
            return False
        found = inside(self, move.filled, bar)
        return len(found) > 1 or (funded and found != [Move(move.filled, None)])

    def liquidates(self, filled: int, bar: Bar) -> bool:
        """Return whether the mark price touches a liquidation price in place of a stop, now or later."""
        return any(
            stop.level is LegLevel.LIQUIDATION and self._touched(stop, bar.adverse, bar.mark_adverse)
            for stop in self._stops.tight[filled:]
        )

    def at_rule_close(self, filled: int, close: float) -> list[Move]:
        """Return the moves of a trailed stop at the close of a rule interval, after it was moved."""
        loose, tight = self._stops.loose[filled], self._stops.tight[filled]
        if tight.level is not LegLevel.TRAIL or not self._touched(tight, close, close):
            return [Move(filled, None)]
        closed = Move(filled, Exit(close, LegLevel.TRAIL))
        surely = loose.level is LegLevel.TRAIL and self._touched(loose, close, close)
        return [closed] if surely else [closed, Move(filled, None)]

    def _all_stopped(self, filled: int, most: int, bar: Bar) -> list[Move]:
        moves: list[Move] = []
        for count in range(filled, min(most, self._ladder.last - 1) + 1):
            moves += self._stopped(count, bar.adverse, bar.mark_adverse)
        return moves

    def _stopped(self, filled: int, price: float, mark: float) -> list[Move]:
        """Return the moves of a stop that a price touches: one, or one for each end of where it may be."""
        loose, tight = self._stops.loose[filled], self._stops.tight[filled]
        if not self._touched(tight, price, mark):
            return []
        moves = [Move(filled, Exit(tight.price, tight.level))]
        if loose != tight:
            end = loose if self._touched(loose, price, mark) else Stop(price, tight.level)
            moves.append(Move(filled, Exit(end.price, end.level)))
        return moves

    def _may_survive(self, filled: int, most: int, bar: Bar) -> bool:
        loose = self._stops.loose
        if self._touched(loose[most], bar.close, bar.mark_close):
            return False
        return any(
            not self._touched(loose[count], bar.adverse, bar.mark_adverse)
            for count in range(filled, most + 1)
        )

    def _touched(self, stop: Stop, price: float, mark: float) -> bool:
        seen = mark if stop.level is LegLevel.LIQUIDATION else price
        return self._d * (seen - stop.price) <= 0


Phase = Callable[[BarMoves, int, Bar], list[Move]]
"""A part of a candle: one of the methods of BarMoves."""


def phases_of(entry: Entry) -> tuple[Phase | None, Phase]:
    """Return the phases of a candle: at its open, unless the entry came later, and after it."""
    match entry:
        case Entry.BEFORE:
            return BarMoves.at_open, BarMoves.inside
        case Entry.INSIDE:
            return None, BarMoves.inside_after_entry
        case Entry.UNSURE:
            return BarMoves.at_unsure_open, BarMoves.inside_after_unsure_open
