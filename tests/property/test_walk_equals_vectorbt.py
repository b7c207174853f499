"""One target, no costs, no moving stop: the pessimistic walk has the exits of vectorbt, bar and price.

Except where a candle opens at or beyond the target and also touches the stop: vectorbt takes the stop, though the
open came first. Those are counted.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from exitbrain.application.ports.walks import RowWalks, Walks
from exitbrain.domain.levels.levels import Distances
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup
from exitbrain.domain.simulation.outcome import LegLevel
from exitbrain.domain.values import Side
from exitbrain.infrastructure.lab.arrays import Integers
from exitbrain.infrastructure.lab.walking.walker import KernelWalks
from tests.prices import prices_at
from tests.property.exits_of_vectorbt import digest_of, exits_on_walks, recorded, recorded_entries
from tests.property.one_target import OPEN_AT_END, Exits, OneTarget, Prices
from tests.property.seeded_walks import RULES, seeded_walks

MINUTE = 60_000

rules = pytest.mark.parametrize("rule", RULES)


@cache
def seeded_markets() -> list[list[Market]]:
    """Return the market of every column of every seeded walk."""
    return [
        [market_of(prices.of(column)) for column in range(prices.open.shape[1])]
        for prices, _ in seeded_walks()
    ]


@pytest.fixture(scope="module")
def recorded_markets(shared_data: Path) -> list[tuple[Market, Integers]]:
    """Return the market of each recorded file, and bars to enter at."""
    return [(market_of(prices), entry_bars) for prices, entry_bars in recorded_entries(shared_data)]


@rules
@pytest.mark.parametrize("walks", [RowWalks(), KernelWalks()], ids=["rows", "kernel"])
def test_the_pessimistic_walk_has_the_exits_of_vectorbt(walks: Walks, rule: str) -> None:
    compared = opened_beyond = 0
    for markets, theirs in zip(seeded_markets(), exits_on_walks(rule), strict=True):
        for column, market in enumerate(markets):
            last = len(market.candles.candles) - 1  # entered at its close, a position has no candle to walk
            rows = (theirs.column == column) & (theirs.entry_bar < last)
            ours, contested = walked(walks, market, theirs.entry_bar[rows], RULES[rule])
            assert ours.exit_bar.tolist() == theirs.exit_bar[rows].tolist()
            assert ours.price.tobytes() == theirs.price[rows].tobytes()
            opened_beyond += contested
            compared += int(ours.closed.sum())
    assert compared > 3_000
    assert opened_beyond > 10


@rules
def test_recorded_entries_leave_at_the_bar_and_price_of_vectorbt(
    rule: str, recorded_markets: list[tuple[Market, Integers]]
) -> None:
    found = [
        walked(KernelWalks(), market, entry_bars, RULES[rule])[0] for market, entry_bars in recorded_markets
    ]
    assert sum(int(exits.closed.sum()) for exits in found) > 3_000
    assert digest_of(found) == recorded()["on_recorded_candles"][rule]


def walked(walks: Walks, market: Market, entry_bars: Integers, rule: OneTarget) -> tuple[Exits, int]:
    """Return the exits of positions entered at the closes of these bars, and how many of them opened beyond the target.

    Those left at the open; their price here is the stop, as vectorbt has it.
    """
    bars = market.candles.candles
    positions = [entered(rule, bars[bar].close, bar + 1) for bar in entry_bars.tolist()]
    exit_bar, price, contested = [], [], 0
    for setup, bounds in zip(positions, walks.walk_each(positions, market), strict=True):
        [leg] = bounds.pessimistic.legs
        if leg.level is LegLevel.OPEN:
            exit_bar.append(OPEN_AT_END)
            price.append(np.nan)
            continue
        at = leg.at_ms // MINUTE
        exit_bar.append(at)
        if opens_beyond_and_touches(setup, bars[at]):
            assert (leg.price, leg.at_ms) == (bars[at].open, bars[at].open_time_ms)
            price.append(setup.stop)
            contested += 1
        else:
            assert leg.at_ms == bars[at].open_time_ms
            price.append(leg.price)
    column = np.zeros(len(entry_bars), dtype=np.int64)
    return Exits(column, entry_bars, np.array(exit_bar, dtype=np.int64), np.array(price)), contested


def market_of(prices: Prices) -> Market:
    rows = (x.tolist() for x in (prices.open, prices.high, prices.low, prices.close))
    bars = [Candle(bar * MINUTE, *row) for bar, row in enumerate(zip(*rows, strict=True))]
    return Market(CandleSeries(MINUTE, bars))


def entered(rule: OneTarget, entry: float, first: int) -> ExitSetup:
    """Return a position that is walked from its first bar on."""
    side = Side.LONG if rule.direction > 0 else Side.SHORT
    targets, stop = prices_at(side, entry, Distances(rule.target, rule.target, rule.target, rule.stop))
    return ExitSetup(side, entry, first * MINUTE, targets, stop, (1.0, 0.0, 0.0), costs=Costs(0.0, 0.0, 0.0))


def opens_beyond_and_touches(setup: ExitSetup, bar: Candle) -> bool:
    target, stop = setup.targets[0], setup.stop
    if setup.side is Side.LONG:
        return bar.open >= target and bar.low <= stop
    return bar.open <= target and bar.high >= stop
