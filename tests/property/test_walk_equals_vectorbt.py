"""One target, no costs, no moving stop: the pessimistic walk has the exits of vectorbt, bar and price.

Except where a candle opens at or beyond the target and also touches the stop: vectorbt takes the stop, though the
open came first. Those are counted.
"""

from random import Random
from typing import Any

import numpy as np
import pytest

from exitbrain.domain.levels import Distances
from exitbrain.domain.values import Side
from exitbrain.domain.walk.candle import Candle, CandleSeries, Market
from exitbrain.domain.walk.givens import Costs, Givens, prices_at
from exitbrain.domain.walk.outcome import LegLevel
from exitbrain.domain.walk.walk import walk

MINUTE = 60_000
STOP, TARGET = 0.01, 0.015


def some_bars(draw: Random, count: int) -> list[Candle]:
    bars, price = [], 100.0
    for number in range(count):
        opened = price * (1 + draw.choice([0.0, 0.0, 0.0, -0.004, 0.004, draw.choice([-0.02, 0.02])]))
        close = opened * (1 + draw.uniform(-0.006, 0.006))
        high = max(opened, close) * (1 + draw.choice([0.0, draw.uniform(0, 0.035)]))
        low = min(opened, close) * (1 - draw.choice([0.0, draw.uniform(0, 0.035)]))
        bars.append(Candle(number * MINUTE, opened, high, low, close))
        price = 100.0 + (close - 100.0) * 0.5
    return bars


def orders_of_vectorbt(vbt: Any, series: list[list[Candle]], side: Side) -> np.ndarray[Any, Any]:
    def column(name: str) -> np.ndarray[Any, Any]:
        return np.array([[getattr(bar, name) for bar in bars] for bars in series]).T

    close = column("close")
    entries = np.zeros(close.shape, dtype=bool)
    entries[::7] = True
    portfolio = vbt.Portfolio.from_signals(
        close,
        entries=entries,
        exits=np.zeros_like(entries),
        open=column("open"),
        high=column("high"),
        low=column("low"),
        sl_stop=STOP,
        tp_stop=TARGET,
        direction="longonly" if side is Side.LONG else "shortonly",
        size=1.0,
        init_cash=1e9,
    )
    records: np.ndarray[Any, Any] = portfolio.orders.values
    return records


@pytest.mark.filterwarnings("ignore")  # what vectorbt and its libraries warn of when they are imported
@pytest.mark.parametrize("side", Side)
def test_the_pessimistic_walk_has_the_exits_of_vectorbt(side: Side) -> None:
    import vectorbt as vbt  # noqa: PLC0415 - it takes seconds, and only this test needs it

    draw = Random(11)
    series = [some_bars(draw, 300) for _ in range(40)]
    orders = orders_of_vectorbt(vbt, series, side)

    compared = opened_beyond = 0
    for entered, left in pairs(orders):
        bars = series[entered["col"]]
        first = int(entered["idx"]) + 1
        entry = float(entered["price"])
        if first == len(bars):
            continue
        targets, stop = prices_at(side, entry, Distances(TARGET, TARGET, TARGET, STOP))
        givens = Givens(
            side, entry, first * MINUTE, targets, stop, (1.0, 0.0, 0.0), costs=Costs(0.0, 0.0, 0.0)
        )
        [leg] = walk(givens, Market(CandleSeries(MINUTE, bars))).pessimistic.legs
        if left is None:
            assert leg.level is LegLevel.OPEN
            continue
        bar = bars[int(left["idx"])]
        if opens_beyond_and_touches(side, bar, targets[0], stop):
            opened_beyond += 1
            assert (leg.price, leg.at_ms, left["price"]) == (bar.open, bar.open_time_ms, stop)
            continue
        assert (leg.at_ms, leg.price) == (bar.open_time_ms, float(left["price"]))
        compared += 1
    assert compared > 1000
    assert opened_beyond > 0


def pairs(orders: np.ndarray[Any, Any]) -> list[tuple[Any, Any]]:
    """Return each entry with its exit, None where the position stayed open."""
    found = []
    for column in np.unique(orders["col"]):
        of_one = list(orders[orders["col"] == column])
        found += [
            (of_one[number], of_one[number + 1] if number + 1 < len(of_one) else None)
            for number in range(0, len(of_one), 2)
        ]
    return found


def opens_beyond_and_touches(side: Side, bar: Candle, target: float, stop: float) -> bool:
    if side is Side.LONG:
        return bar.open >= target and bar.low <= stop
    return bar.open <= target and bar.high >= stop
