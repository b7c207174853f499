"""What trades show to have happened lies within the bounds of any candles built from them.

The truth is followed here tick by tick, with one stop, one count of targets and no bounds. The opens of the candles
are the only gap fills; every other crossing fills at its level. Where one history is left its legs are the truth's,
but that after an entry inside a candle nobody can say whether a stop that an open jumped over had been trailed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, ExternalClose, Rules, Trailing
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.values import Side
from exitbrain.infrastructure.lab.walking.walker import KernelWalks
from tests.effort import share_of
from tests.property.recorded_candles import columns_of

_MINUTE = 60_000
_DAY_MS = 86_400_000
_PATHS = share_of(20_000, one_in=10)
_TICK_MS = 5_000
_LIFE_MS = 5 * _MINUTE

Leg = tuple[str, float, float, int]


@dataclass(frozen=True)
class Ticks:
    """One candle's trades; an empty interval has none, and keeps the price."""

    open_time_ms: int
    trades: Sequence[tuple[int, float]]
    price_before: float

    @property
    def close(self) -> float:
        return self.trades[-1][1] if self.trades else self.price_before

    def candle(self) -> Candle:
        prices = [price for _, price in self.trades] or [self.price_before]
        return Candle(self.open_time_ms, prices[0], max(prices), min(prices), prices[-1])


@dataclass
class Followed:
    """A position as its trades move it."""

    g: ExitSetup
    interval_ms: int
    filled: int = 0
    stop: float = field(init=False)
    level: str = "SL"
    best: float = field(init=False)
    legs: list[Leg] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.d, self.stop, self.best = self.g.side.direction, self.g.stop, self.g.entry
        self.left = (1.0, self.g.shares[1] + self.g.shares[2], self.g.shares[2])

    def through(self, candles: Iterator[Ticks]) -> list[Leg]:
        for ticks in candles:
            whole = ticks.open_time_ms >= self.g.opened_at_ms
            for number, (at_ms, price) in enumerate(ticks.trades):
                if at_ms >= self.g.opened_at_ms and self.trade(
                    price, whole and number == 0, ticks.open_time_ms
                ):
                    return self.legs
            end_ms = ticks.open_time_ms + self.interval_ms
            if end_ms % self.g.rules.interval_ms == 0 and self.rule_close(ticks, end_ms):
                return self.legs
        assert self.g.external is not None
        return self.closed("EXTERNAL", self.g.external.price, self.g.external.at_ms)

    def trade(self, price: float, gap: bool, at_ms: int) -> bool:
        """Take one trade; return whether nothing is left."""
        d, g = self.d, self.g
        self.best = max(self.best, price) if d > 0 else min(self.best, price)
        if d * (price - self.stop) <= 0:
            return bool(self.closed(self.level, price if gap else self.stop, at_ms))
        while self.filled < 3 and d * (price - g.targets[self.filled]) >= 0:
            fill = price if gap else g.targets[self.filled]
            self.legs.append((f"TP{self.filled + 1}", g.shares[self.filled], fill, at_ms))
            self.filled += 1
            if self.filled == 1 and g.rules.break_even is not None:
                even = g.entry * (1 + d * g.rules.break_even)
                if d * (g.targets[0] - even) > 0 and d * (even - self.stop) > 0:
                    self.stop, self.level = even, "BREAK_EVEN"
        return self.filled == 3

    def rule_close(self, ticks: Ticks, end_ms: int) -> bool:
        g, d, trailing = self.g, self.d, self.g.rules.trailing
        if trailing is not None and d * (self.best - g.entry) / g.entry >= trailing.activation:
            trailed = self.best * (1 - d * trailing.distance)
            if d * (trailed - self.stop) > 0:
                self.stop, self.level = trailed, "TRAIL"
            if d * (ticks.close - self.stop) <= 0:
                return bool(self.closed("TRAIL", ticks.close, ticks.open_time_ms))
        if g.rules.time_stop_ms is not None and end_ms >= g.opened_at_ms + g.rules.time_stop_ms:
            return bool(self.closed("TIME", ticks.close, ticks.open_time_ms))
        return False

    def closed(self, level: str, price: float, at_ms: int) -> list[Leg]:
        self.legs.append((level, self.left[self.filled], price, at_ms))
        return self.legs


def net_of(g: ExitSetup, legs: list[Leg]) -> float:
    d, entry, gross, fees, slippage = g.side.direction, g.entry, 0.0, 0.0, 0.0
    for level, fraction, price, _ in legs:
        gross += fraction * d * (price - entry) / entry
        fees += g.costs.fee_rate * fraction * price / entry
        slippage += (0.0 if level == "EXTERNAL" else g.costs.slippage_rate) * fraction * price / entry
    return gross - g.costs.fee_rate - fees - slippage


def ticks_of(trades: Sequence[tuple[int, float]], interval_ms: int) -> list[Ticks]:
    """Return the trades by candle, with the empty candles between them."""
    found, price = [], trades[0][1]
    at = trades[0][0] // interval_ms * interval_ms
    rest = iter([*trades, (1 << 62, 0.0)])
    trade = next(rest)
    while trade[0] < 1 << 62:
        inside = []
        while trade[0] < at + interval_ms:
            inside.append(trade)
            trade = next(rest)
        found.append(Ticks(at, inside, price))
        price, at = found[-1].close, at + interval_ms
    return found


def assert_contained(
    positions: list[ExitSetup], walks: Sequence[ExitBounds], truths: list[list[Leg]]
) -> tuple[int, int]:
    """Return how many walks are ambiguous, and for how many of them the truth lies strictly between."""
    ambiguous = between = 0
    for setup, walked, legs in zip(positions, walks, truths, strict=True):
        net, low, high = net_of(setup, legs), walked.pessimistic, walked.optimistic
        assert low.net <= net <= high.net, (setup, legs)
        if not walked.ambiguous:
            found = [(leg.level.value, leg.fraction, leg.price, leg.at_ms) for leg in low.legs]
            named = setup.rules.trailing is None or walked.first_candle_ms == setup.opened_at_ms
            assert [leg[0 if named else 1 :] for leg in found] == [
                leg[0 if named else 1 :] for leg in legs
            ], setup
        ambiguous += walked.ambiguous
        between += low.net < net < high.net
    return ambiguous, between


def a_position(draw: Random, trades: Sequence[tuple[int, float]], step: float, ends_ms: int) -> ExitSetup:
    side, (opened, entry) = draw.choice(list(Side)), draw.choice(trades[: len(trades) // 2])
    d, near = side.direction, draw.randint(1, 3)
    targets = (near, near + draw.randint(0, 3), near + draw.randint(3, 6))
    trailing = Trailing(draw.choice([0.0, 2 * step / entry]), draw.choice([1.5, 3.0]) * step / entry)
    return ExitSetup(
        side,
        entry,
        opened,
        (entry + d * targets[0] * step, entry + d * targets[1] * step, entry + d * targets[2] * step),
        entry - d * draw.randint(1, 4) * step,
        draw.choice([(0.3, 0.3, 0.4), (0.5, 0.25, 0.25)]),
        Costs(draw.choice([0.0, 5.0]), draw.choice([0.0, 3.0])),
        Rules(
            draw.choice([None, 0.0, 0.5 * step / entry, -step / entry]),
            draw.choice([None, trailing]),
            draw.choice([None, 2 * _MINUTE, 150_000]),
        ),
        external=ExternalClose(ends_ms, trades[-1][1]),
    )


def a_path(draw: Random, begin_ms: int) -> list[tuple[int, float]]:
    """Draw trades on a grid of a half, now and then with a jump over several levels."""
    price, trades = 100.0, []
    for at in range(begin_ms, begin_ms + _LIFE_MS, _TICK_MS):
        price += draw.choice((-0.5, 0.0, 0.0, 0.5, -0.5, 0.5, 0.0, draw.choice((-2.0, 2.0, 0.0, 0.0))))
        trades.append((at + draw.randrange(_TICK_MS), price))
    return trades


def test_random_paths_end_within_the_bounds_of_their_candles() -> None:
    """All paths lie one after the other in one market, a day apart, so that the kernel walks them in one go."""
    paths = [a_path(Random(number), number * _DAY_MS) for number in range(_PATHS)]
    positions = [
        a_position(Random(-1 - number), trades, 0.5, number * _DAY_MS + _LIFE_MS)
        for number, trades in enumerate(paths)
    ]
    for interval_ms, wanted in ((_MINUTE, _PATHS // 5), (15_000, _PATHS // 20)):
        truths, candles = [], []
        for setup, trades in zip(positions, paths, strict=True):
            ticks = ticks_of(trades, interval_ms)
            truths.append(truth_of(setup, ticks, interval_ms))
            candles += [one.candle() for one in ticks]
        market = Market(CandleSeries(interval_ms, [*candles, _after(_PATHS * _DAY_MS)]))

        ambiguous, between = assert_contained(positions, KernelWalks().walk_each(positions, market), truths)

        assert ambiguous > wanted
        assert between > _PATHS // 250


@pytest.mark.parametrize("interval_ms", [1_000, 5_000, _MINUTE], ids=["1 s", "5 s", "1 min"])
def test_recorded_trades_end_within_the_bounds_of_their_candles(interval_ms: int, shared_data: Path) -> None:
    path = shared_data / "market/binance-usdm-trades-2024-08-08/BTCUSDT-trades.csv.gz"
    times, prices = columns_of(path, "trade_ms", "price")
    trades = [(int(at), price) for at, price in zip(times.tolist(), prices.tolist(), strict=True)]
    assert all(before[0] <= after[0] for before, after in pairwise(trades))
    ticks = ticks_of(trades, interval_ms)
    ends = ticks[-1].open_time_ms + interval_ms
    market = Market(CandleSeries(interval_ms, [*(one.candle() for one in ticks), _after(ends)]))
    draws = [Random(number) for number in range(600)]
    positions = [a_position(draw, trades, draw.choice([2.0, 5.0, 12.0]), ends) for draw in draws]
    truths = [truth_of(setup, ticks, interval_ms) for setup in positions]

    ambiguous, _ = assert_contained(positions, KernelWalks().walk_each(positions, market), truths)

    assert ambiguous > (200 if interval_ms == _MINUTE else 20)


def truth_of(setup: ExitSetup, ticks: list[Ticks], interval_ms: int) -> list[Leg]:
    lived = (one for one in ticks if one.open_time_ms + interval_ms > setup.opened_at_ms)
    return Followed(setup, interval_ms).through(lived)


def _after(at_ms: int) -> Candle:
    """Return the candle at or after which a position is closed from outside."""
    return Candle(at_ms, 1.0, 1.0, 1.0, 1.0)
