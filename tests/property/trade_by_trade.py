"""What really happened: one position followed trade by trade, the way a venue would have closed it.

Levels fill at their price, but at the open of a candle, where a jump fills at the open. It knows no states and no
bounds, so it is what every walk on candles built from the same trades must contain.
"""

from exitbrain.domain.simulation.candle import Candle, CandleSeries, Trade
from exitbrain.domain.simulation.exit_setup import ExitSetup

MadeLeg = tuple[str, float, float, int]


def candles_of(trades: list[Trade], interval_ms: int) -> CandleSeries:
    """Return the candles that the trades make."""
    by_candle: dict[int, list[float]] = {}
    for trade in trades:
        by_candle.setdefault(trade.at_ms // interval_ms * interval_ms, []).append(trade.price)
    return CandleSeries(
        interval_ms,
        [
            Candle(opened, prices[0], max(prices), min(prices), prices[-1])
            for opened, prices in by_candle.items()
        ],
    )


def legs_on_trades(g: ExitSetup, trades: list[Trade], interval_ms: int) -> list[MadeLeg]:
    """Return the legs; `interval_ms` is that of the candles whose opens are gap fills."""
    return _Followed(g, trades, interval_ms).legs


class _Followed:
    def __init__(self, g: ExitSetup, trades: list[Trade], interval_ms: int) -> None:
        self.g, self.d = g, g.side.direction
        self.filled, self.stop, self.name = 0, g.stop, "SL"
        self.best = g.entry
        self.legs: list[MadeLeg] = []
        self.left = 1.0
        trades = [trade for trade in trades if trade.at_ms >= g.opened_at_ms]
        for number, trade in enumerate(trades):
            candle = trade.at_ms // interval_ms
            first = number == 0 or trades[number - 1].at_ms // interval_ms != candle
            gap = first and candle * interval_ms >= g.opened_at_ms
            self.see(trade, candle * interval_ms if gap else None)
            if not self.left:
                return
            closes = number + 1 == len(trades) or trades[number + 1].at_ms // interval_ms != candle
            if closes and (candle + 1) * interval_ms % g.rules.interval_ms == 0:
                self.rule_close(trade, (candle + 1) * interval_ms, candle * interval_ms)
            if not self.left:
                return
        last = trades[-1]
        self.close("OPEN", last.price, last.at_ms // interval_ms * interval_ms)

    def close(self, name: str, price: float, at_ms: int) -> None:
        self.legs.append((name, self.left, price, at_ms))
        self.left = 0.0

    def see(self, trade: Trade, gap_of: int | None) -> None:
        at = trade.at_ms if gap_of is None else gap_of
        self.best = max(self.best, trade.price) if self.d > 0 else min(self.best, trade.price)
        if self.d * (trade.price - self.stop) <= 0:
            self.close(self.name, self.stop if gap_of is None else trade.price, at)
            return
        while self.filled < 3 and self.d * (trade.price - self.g.targets[self.filled]) >= 0:
            price = self.g.targets[self.filled] if gap_of is None else trade.price
            self.legs.append((f"TP{self.filled + 1}", self.g.shares[self.filled], price, at))
            self.filled += 1
            h2, h3 = self.g.shares[1:]
            self.left = (1.0, h2 + h3, h3, 0.0)[self.filled]
            offset = self.g.rules.break_even
            if self.filled == 1 and offset is not None:
                moved = self.g.entry * (1 + self.d * offset)
                if self.d * (self.g.targets[0] - moved) > 0 and self.d * (moved - self.stop) > 0:
                    self.stop, self.name = moved, "BREAK_EVEN"

    def rule_close(self, trade: Trade, close_ms: int, candle_ms: int) -> None:
        g, trailing = self.g, self.g.rules.trailing
        if trailing is not None and self.d * (self.best - g.entry) / g.entry >= trailing.activation:
            trailed = self.best * (1 - self.d * trailing.distance)
            if self.d * (trailed - self.stop) > 0:
                self.stop, self.name = trailed, "TRAIL"
            if self.d * (trade.price - self.stop) <= 0:
                self.close("TRAIL", trade.price, candle_ms)
                return
        if g.rules.time_stop_ms is not None and close_ms >= g.opened_at_ms + g.rules.time_stop_ms:
            self.close("TIME", trade.price, candle_ms)
