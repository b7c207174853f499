"""How far the possible histories of one walk have come: moves become legs, equal states are merged."""

from collections.abc import Sequence

from exitbrain.domain.walk.booking import Booking
from exitbrain.domain.walk.candle import Due
from exitbrain.domain.walk.costs import Path
from exitbrain.domain.walk.givens import Givens
from exitbrain.domain.walk.ladder import Ladder
from exitbrain.domain.walk.outcome import LegLevel
from exitbrain.domain.walk.states import Ended, States
from exitbrain.domain.walk.touches import Bar, Exit, Move, Moves


class Progress:
    """Keeps the open and the ended histories, and books what happens to them."""

    def __init__(self, givens: Givens, ladder: Ladder) -> None:
        self._ladder = ladder
        self._booking = Booking(givens)
        self._account = self._booking.account
        self._states = States(self._account, ladder.last)
        self.holes = 0

    @property
    def filled(self) -> list[int]:
        """Return the states in which something is open, by the number of filled targets."""
        return self._states.filled

    @property
    def ended(self) -> Ended:
        """Return the final histories, once none is open any more."""
        assert self._states.ended is not None
        return self._states.ended

    def advance(self, moves: Moves, bar: Bar, *, at_open: bool, dues: Sequence[Due] = ()) -> bool:
        """Take every move that is possible from every state; return whether one state had a choice.

        `dues` is the funding due meanwhile: a move that closes something may come before or after each.
        """
        choice = False
        for filled, state in self._states.take_all():
            possible = [
                (move, paid) for move in moves(filled, bar) for paid in paid_before(move, filled, len(dues))
            ]
            choice = choice or len(possible) > 1
            for move, paid in possible:
                low = self._moved(state.low, filled, move, bar, at_open, dues, paid)
                same = state.high is state.low
                high = low if same else self._moved(state.high, filled, move, bar, at_open, dues, paid)
                if move.exit is not None or move.filled == self._ladder.last:
                    self._states.end(low, high, state.several, self.holes)
                else:
                    self._states.put(move.filled, low, high, state.several)
        return choice

    def _moved(
        self, path: Path, filled: int, move: Move, bar: Bar, at_open: bool, dues: Sequence[Due], paid: int
    ) -> Path:
        path = self._account.with_funding(path, dues[:paid], self._ladder.open_after[filled])
        path = self._booking.moved(path, self._ladder, filled, move, bar, at_open)
        if move.exit is not None:
            return path
        return self._account.with_funding(path, dues[paid:], self._ladder.open_after[move.filled])

    def close_all(self, level: LegLevel, price: float, at_ms: int) -> None:
        """End every open history at a price."""
        bar = Bar(at_ms, price, price, price, price, price, price, price)
        self.advance(lambda filled, _: [Move(filled, Exit(price, level))], bar, at_open=False)

    def pay_funding(self, due: Due) -> None:
        """Let every open history pay, or be paid, for what it has open."""
        for filled, state in self._states.take_all():
            still_open = self._ladder.open_after[filled]
            low = self._account.with_funding(state.low, (due,), still_open)
            same = state.high is state.low
            high = low if same else self._account.with_funding(state.high, (due,), still_open)
            self._states.put(filled, low, high, state.several)


def paid_before(move: Move, filled: int, dues: int) -> range:
    """Return how much of the funding inside a candle may come before a move; all where it closes nothing."""
    closes = move.exit is not None or move.filled > filled
    return range(0 if closes else dues, dues + 1)
