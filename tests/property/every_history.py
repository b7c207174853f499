"""A second walk, written apart from the first: every history of a candle path written out, none merged.

It follows the rules sentence by sentence with plain lists, for positions with three placed targets, break-even,
trailing and time stop, candles as long as the rule interval, entries at the open of a candle, inside one, or either of
them (the latter two without trailing, whose stop is uncertain there).
"""

from dataclasses import dataclass

from exitbrain.domain.simulation.candle import Candle
from exitbrain.domain.simulation.exit_setup import ExitSetup

MadeLeg = tuple[str, float, float, int]


@dataclass(frozen=True)
class Whole:
    """One history that ended: its legs, and its result after fees and slippage."""

    legs: tuple[MadeLeg, ...]
    net: float


def every_history(setup: ExitSetup, candles: list[Candle], interval_ms: int) -> list[Whole]:
    """Return all final histories."""
    return [_settled(setup, legs) for legs in _Paths(setup, candles, interval_ms).all_from_the_entry()]


def _settled(g: ExitSetup, legs: tuple[MadeLeg, ...]) -> Whole:
    d, e = g.side.direction, g.entry
    net = -g.costs.fee_bps / 10000
    for _, fraction, price, _ in legs:
        net += fraction * (d * (price - e) - (g.costs.fee_bps + g.costs.slippage_bps) / 10000 * price) / e
    return Whole(legs, net)


class _Paths:
    def __init__(self, setup: ExitSetup, candles: list[Candle], interval_ms: int) -> None:
        self.g, self.candles, self.interval_ms = setup, candles, interval_ms
        self.d = setup.side.direction
        _, h2, h3 = setup.shares
        self.left = [1.0, h2 + h3, h3, 0.0]

    def all_from_the_entry(self) -> list[tuple[MadeLeg, ...]]:
        at, t0 = 0, self.g.opened_at_ms
        while self.candles[at].open_time_ms + self.interval_ms <= t0:
            at += 1
        first = self.candles[at]
        if first.open_time_ms == t0 and self.g.entry not in (first.open, self.close_before(at)):
            quiet = self.better(first.open, self.g.stop) and not self.reached(first.open, self.g.targets[0])
            from_the_open = [] if quiet else self.go(at, 0, ())
            return from_the_open + self.go(at, 0, (), inside_entry=True)
        return self.go(at, 0, (), inside_entry=first.open_time_ms < t0)

    def close_before(self, at: int) -> float | None:
        return self.candles[at - 1].close if at else None

    def better(self, a: float, b: float) -> bool:
        return a > b if self.d > 0 else a < b

    def reached(self, price: float, level: float) -> bool:
        return price >= level if self.d > 0 else price <= level

    def stop(self, at: int, k: int) -> tuple[float, str]:
        """Return the stop in force in candle `at` after k targets, worked out anew from all candles before."""
        price, name = self.g.stop, "SL"
        offset, trailing = self.g.rules.break_even, self.g.rules.trailing
        if k >= 1 and offset is not None:
            moved = self.g.entry * (1 + self.d * offset)
            if self.better(self.g.targets[0], moved) and self.better(moved, price):
                price, name = moved, "BREAK_EVEN"
        if trailing is not None:
            best, trailed = self.g.entry, None
            for candle in self.candles[:at]:
                if candle.open_time_ms < self.g.opened_at_ms:
                    continue
                seen = candle.high if self.d > 0 else candle.low
                best = seen if self.better(seen, best) else best
                if self.d * (best - self.g.entry) / self.g.entry >= trailing.activation:
                    trailed = best * (1 - self.d * trailing.distance)
            if trailed is not None and self.better(trailed, price):
                price, name = trailed, "TRAIL"
        return price, name

    def go(
        self, at: int, k: int, legs: tuple[MadeLeg, ...], inside_entry: bool = False
    ) -> list[tuple[MadeLeg, ...]]:
        if k == 3:
            return [legs]
        if at == len(self.candles):
            last = self.candles[-1]
            return [(*legs, ("OPEN", self.left[k], last.close, last.open_time_ms))]
        candle = self.candles[at]
        when = candle.open_time_ms
        if not inside_entry:
            if not self.better(candle.open, self.stop(at, k)[0]):
                return [(*legs, (self.stop(at, k)[1], self.left[k], candle.open, when))]
            while k < 3 and self.reached(candle.open, self.g.targets[k]):
                legs = (*legs, (f"TP{k + 1}", self.g.shares[k], candle.open, when))
                k += 1
            if k == 3:
                return [legs]
        for_us, against = (candle.high, candle.low) if self.d > 0 else (candle.low, candle.high)
        count = sum(self.reached(for_us, target) for target in self.g.targets)
        count = max(count, k)
        found = []
        for j in range(k, count + 1):
            after = legs + tuple(
                (f"TP{n + 1}", self.g.shares[n], self.g.targets[n], when) for n in range(k, j)
            )
            price, name = self.stop(at, j)
            hit = not self.better(against, price)
            lives = self.better(candle.close, price)
            if j == 3:
                found.append(after)
                continue
            if hit:
                found.append((*after, (name, self.left[j], price, when)))
            if inside_entry:
                in_time = not (j < 3 and self.reached(candle.close, self.g.targets[j]))
                if lives and in_time:
                    found += self.after_close(at, j, after)
            elif j == count and lives and self.better(against, self.stop(at, k)[0]):
                found += self.after_close(at, j, after)
        return found

    def after_close(self, at: int, k: int, legs: tuple[MadeLeg, ...]) -> list[tuple[MadeLeg, ...]]:
        candle = self.candles[at]
        price, name = self.stop(at + 1, k)
        if name == "TRAIL" and not self.better(candle.close, price):
            return [(*legs, ("TRAIL", self.left[k], candle.close, candle.open_time_ms))]
        due = self.g.rules.time_stop_ms
        if due is not None and candle.open_time_ms + self.interval_ms >= self.g.opened_at_ms + due:
            return [(*legs, ("TIME", self.left[k], candle.close, candle.open_time_ms))]
        return self.go(at + 1, k, legs)
