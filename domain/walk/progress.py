"""How far the possible histories of one walk have come: moves become legs, equal states are merged."""

from exitbrain.domain.walk.costs import Account, Path
from exitbrain.domain.walk.givens import Givens, TpExecution
from exitbrain.domain.walk.ladder import Ladder, Target
from exitbrain.domain.walk.outcome import Leg, LegLevel
from exitbrain.domain.walk.states import Ended, States
from exitbrain.domain.walk.touches import Bar, Exit, Move, Moves


class Progress:
    """Keeps the open and the ended histories, and books what happens to them."""

    def __init__(self, givens: Givens, ladder: Ladder) -> None:
        self._d = givens.side.direction
        self._entry = givens.entry
        self._ladder = ladder
        self._account = Account(givens)
        self._states = States(self._account, ladder.last)
        self._gap_fills_at_open = givens.tp_execution is TpExecution.MARKET
        self._worst_price = None if givens.liquidation is None else bankruptcy_price(givens)
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
                low = self._moved(state.low, filled, move, bar, at_open)
                same = state.high is state.low
                high = low if same else self._moved(state.high, filled, move, bar, at_open)
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

    def _moved(self, path: Path, filled: int, move: Move, bar: Bar, at_open: bool) -> Path:
        for target in self._ladder.targets[filled : move.filled]:
            path = self._account.with_leg(path, self._fill(target, bar, at_open))
        if move.exit is not None:
            left = self._ladder.open_after[move.filled]
            path = self._account.with_leg(path, self._closed(left, move.exit, bar, at_open))
        return path

    def _fill(self, target: Target, bar: Bar, at_open: bool) -> Leg:
        gap = at_open and not bar.finer and self._gap_fills_at_open
        return self._leg(target.level, target.share, bar.open if gap else target.price, bar, at_open)

    def _closed(self, left: float, exit_: Exit, bar: Bar, at_open: bool) -> Leg:
        price = exit_.price
        worst = self._worst_price
        if worst is not None and (exit_.level is LegLevel.LIQUIDATION or self._d * (price - worst) < 0):
            price = worst  # no leg loses more than its margin
        return self._leg(exit_.level, left, price, bar, at_open)

    def _leg(self, level: LegLevel, fraction: float, price: float, bar: Bar, at_open: bool) -> Leg:
        if not bar.finer:
            return Leg(level, fraction, price, bar.at_ms)
        if not at_open or level is LegLevel.LIQUIDATION:  # its price is that of the margin, not of a trade
            return Leg(level, fraction, price, bar.at_ms, refined=True)
        overshoot = fraction * self._d * (price - bar.open) / self._entry
        return Leg(level, fraction, price, bar.at_ms, refined=True, traded=bar.open, overshoot=overshoot)


def bankruptcy_price(givens: Givens) -> float:
    """Return `E*(1 - d/L)`, where the margin is gone."""
    assert givens.liquidation is not None
    return givens.entry * (1 - givens.side.direction / givens.liquidation.leverage)
