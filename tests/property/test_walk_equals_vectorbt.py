"""One target, no costs, no moving stop: the pessimistic walk has the exits of vectorbt, bar and price.

Except where a candle opens at or beyond the target and also touches the stop: vectorbt takes the stop, though the
open came first. Those are counted.
"""

import pytest

from exitbrain.domain.levels import Distances
from exitbrain.domain.values import Side
from exitbrain.domain.walk.candle import Candle, CandleSeries, Market
from exitbrain.domain.walk.givens import Costs, Givens, prices_at
from exitbrain.domain.walk.outcome import Leg, LegLevel
from exitbrain.domain.walk.walk import walk
from exitbrain.infrastructure.lab.exit_kernel import OPEN_AT_END, OneTarget, Prices
from tests.property.exits_of_vectorbt import exits_on_walks
from tests.property.seeded_walks import RULES, seeded_walks

MINUTE = 60_000


@pytest.mark.parametrize("rule", RULES)
def test_the_pessimistic_walk_has_the_exits_of_vectorbt(rule: str) -> None:
    compared = opened_beyond = 0
    side = Side.LONG if RULES[rule].direction > 0 else Side.SHORT
    for (prices, _), theirs in zip(seeded_walks(), exits_on_walks(rule), strict=True):
        markets = [market_of(prices, column) for column in range(prices.open.shape[1])]
        rows = (theirs.column, theirs.entry_bar, theirs.exit_bar, theirs.price)
        for column, entered, left, price in zip(*(row.tolist() for row in rows), strict=True):
            bars = markets[column].candles.candles
            if entered + 1 == len(bars):
                continue
            entry = bars[entered].close
            leg, target, stop = walked(markets[column], RULES[rule], side, entry, entered + 1)
            if left == OPEN_AT_END:
                assert leg.level is LegLevel.OPEN
                continue
            bar = bars[left]
            if opens_beyond_and_touches(side, bar, target, stop):
                opened_beyond += 1
                assert (leg.price, leg.at_ms, price) == (bar.open, bar.open_time_ms, stop)
                continue
            assert (leg.at_ms, leg.price) == (bar.open_time_ms, price)
            compared += 1
    assert compared > 3_000
    assert opened_beyond > 10


def market_of(prices: Prices, column: int) -> Market:
    rows = (x[:, column].tolist() for x in (prices.open, prices.high, prices.low, prices.close))
    bars = [Candle(bar * MINUTE, *row) for bar, row in enumerate(zip(*rows, strict=True))]
    return Market(CandleSeries(MINUTE, bars))


def walked(market: Market, rule: OneTarget, side: Side, entry: float, first: int) -> tuple[Leg, float, float]:
    """Return what the walk made of a position, and its target and stop."""
    distances = Distances(rule.target, rule.target, rule.target, rule.stop)
    targets, stop = prices_at(side, entry, distances)
    givens = Givens(side, entry, first * MINUTE, targets, stop, (1.0, 0.0, 0.0), costs=Costs(0.0, 0.0, 0.0))
    [leg] = walk(givens, market).pessimistic.legs
    return leg, targets[0], stop


def opens_beyond_and_touches(side: Side, bar: Candle, target: float, stop: float) -> bool:
    if side is Side.LONG:
        return bar.open >= target and bar.low <= stop
    return bar.open <= target and bar.high >= stop
