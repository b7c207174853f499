"""How far the possible histories of one walk have come: moves become legs, equal states are merged."""

from exitbrain.domain.walk.booking import Booking
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

    def advance(self, moves: Moves, bar: Bar, *, at_open: bool) -> bool:
        """Take every move that is possible from every state; return whether one state had a choice."""
        choice = False
        for filled, state in self._states.take_all():
            possible = moves(filled, bar)
            choice = choice or len(possible) > 1
            several = state.several
            for move in possible:
                low = self._booking.moved(state.low, self._ladder, filled, move, bar, at_open)
                same = state.high is state.low
                high = (
                    low if same else self._booking.moved(state.high, self._ladder, filled, move, bar, at_open)
                )
                if move.exit is not None or move.filled == self._ladder.last:
                    self._states.end(low, high, several, self.holes)
                else:
                    self._states.put(move.filled, low, high, several)
        return choice

    def close_all(self, level: LegLevel, price: float, at_ms: int) -> None:
        """End every open history at a price."""
        bar = Bar(at_ms, price, price, price, price, price, price, price)
        self.advance(lambda filled, _: [Move(filled, Exit(price, level))], bar, at_open=False)

    def pay_funding(self, rate: float, mark: float) -> None:
        """Let every open history pay, or be paid, for what it has open."""
        for filled, state in self._states.take_all():
            still_open = self._ladder.open_after[filled]
            low = self._account.with_funding(state.low, rate, still_open, mark)
            same = state.high is state.low
            high = low if same else self._account.with_funding(state.high, rate, still_open, mark)
            self._states.put(filled, low, high, state.several)
