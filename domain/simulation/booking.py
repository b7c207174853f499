"""Booking: turn a move into legs with their prices and costs."""

from exitbrain.domain.simulation.bar_moves import Bar, Exit, Move
from exitbrain.domain.simulation.costs import Account, Path
from exitbrain.domain.simulation.exit_setup import ExitSetup, TpExecution
from exitbrain.domain.simulation.ladder import Ladder, Target
from exitbrain.domain.simulation.outcome import ExitLeg, LegLevel


class Booking:
    """Books the moves of one position. New levels keep the account of the first levels."""

    def __init__(self, setup: ExitSetup, account: Account | None = None) -> None:
        self.account = Account(setup) if account is None else account
        self._d = setup.side.direction
        self._gap_fills_at_open = setup.tp_execution is TpExecution.MARKET
        self._margin_gone_at = setup.margin_gone_at

    def moved(self, path: Path, ladder: Ladder, filled: int, move: Move, bar: Bar, at_open: bool) -> Path:
        """Return a path after a move that started with `filled` targets filled."""
        for target in ladder.targets[filled : move.filled]:
            path = self._with_leg(path, self._fill(target, bar, at_open))
        if move.exit is not None:
            left = ladder.open_after[move.filled]
            path = self._with_leg(path, self._closed(left, move.exit, bar, at_open))
        return path

    def reduced(self, path: Path, fraction: float, price: float | None, bar: Bar) -> Path:
        """Return a path after a fraction was closed from outside, at a price or else at the candle's open."""
        outside = Exit(bar.open if price is None else price, LegLevel.EXTERNAL)
        return self._with_leg(path, self._closed(fraction, outside, bar, at_open=False))

    def _with_leg(self, path: Path, leg: ExitLeg) -> Path:
        return self.account.with_leg(path, leg, self._margin_gone_at)

    def _fill(self, target: Target, bar: Bar, at_open: bool) -> ExitLeg:
        gap = at_open and not bar.lower_timeframe and self._gap_fills_at_open
        return self._leg(target.level, target.share, bar.open if gap else target.price, bar, at_open)

    def _closed(self, left: float, exit_: Exit, bar: Bar, at_open: bool) -> ExitLeg:
        price, gone = exit_.price, self._margin_gone_at
        if gone is not None and (exit_.level is LegLevel.LIQUIDATION or self._d * (price - gone) < 0):
            price = gone  # no leg can lose more than its margin
        return self._leg(exit_.level, left, price, bar, at_open)

    def _leg(self, level: LegLevel, fraction: float, price: float, bar: Bar, at_open: bool) -> ExitLeg:
        if not bar.lower_timeframe:
            return ExitLeg(level, fraction, price, bar.at_ms)
        if not at_open or level is LegLevel.LIQUIDATION:  # its price comes from the margin, not a trade
            return ExitLeg(level, fraction, price, bar.at_ms, refined=True)
        overshoot = fraction * self._d * (price - bar.open) / self.account.entry
        return ExitLeg(level, fraction, price, bar.at_ms, refined=True, traded=bar.open, overshoot=overshoot)
