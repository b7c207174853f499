"""One target, no costs, no moving stop: the same exits as vectorbt, but for contested opens."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from exitbrain.infrastructure.lab.exit_kernel import (
    Exits,
    OneTarget,
    Prices,
    exits_each,
    exits_in_turn,
)
from exitbrain.infrastructure.lab.walking.arrays import Integers, Mask
from tests.property.recorded_candles import recorded_files, recorded_prices
from tests.property.vectorbt_exits import in_column_order, vectorbt_exits

_BARS, _COLUMNS = 400, 70

rules = pytest.mark.parametrize(
    "levels",
    [OneTarget(1.0, 0.01, 0.005), OneTarget(-1.0, 0.01, 0.005), OneTarget(1.0, 0.003, 0.02)],
    ids=["long", "short", "long with a near target"],
)


def random_prices(seed: int, tick: float) -> Prices:
    """Return candles on a grid of prices, so that a touch is often exact; one in ten is wild, after a gap."""
    chance = np.random.default_rng(seed)
    wild = chance.random((_BARS, 1, _COLUMNS)) < 0.1
    steps = chance.normal(0.0, 1.0, (_BARS, 6, _COLUMNS)) * np.where(wild, 0.01, 0.002)
    traded = 100 * np.exp(np.cumsum(steps.reshape(-1, _COLUMNS), axis=0)).reshape(_BARS, 6, _COLUMNS)
    traded = np.round(traded / tick) * tick
    return Prices(traded[:, 0].copy(), traded.max(axis=1), traded.min(axis=1), traded[:, -1].copy())


def assert_same_but_contested(ours: Exits, theirs: Exits, levels: OneTarget, prices: Prices) -> int:
    """Compare bars and bits of prices; return how many contested exits differ in nothing but the price."""
    assert ours.column.tolist() == theirs.column.tolist()
    assert ours.entry_bar.tolist() == theirs.entry_bar.tolist()
    assert ours.exit_bar.tolist() == theirs.exit_bar.tolist()
    plain = ~ours.contested
    assert ours.price[plain].tobytes() == theirs.price[plain].tobytes()
    for row in np.flatnonzero(ours.contested):
        bar, column = ours.exit_bar[row], ours.column[row]
        entry = prices.close[ours.entry_bar[row], column]
        assert ours.price[row] == prices.open[bar, column]
        assert theirs.price[row] == entry * (1 - levels.direction * levels.stop)
    return int(ours.contested.sum())


def each_in_its_column(prices: Prices, entry_bars: Integers) -> tuple[Prices, Mask]:
    """Return the candles of one market once for each entry, so that vectorbt walks every one."""

    def repeated(column: Iterable[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.repeat(np.asarray(column)[:, None], len(entry_bars), axis=1)

    signals = np.zeros((len(prices.open), len(entry_bars)), dtype=np.bool_)
    signals[entry_bars, np.arange(len(entry_bars))] = True
    return Prices(*(repeated(x) for x in (prices.open, prices.high, prices.low, prices.close))), signals


@rules
def test_positions_in_turn_leave_at_the_bar_and_price_of_vectorbt(levels: OneTarget) -> None:
    contested = walked = 0
    for seed, tick in enumerate((0.5, 0.1, 1e-9)):
        prices = random_prices(seed, tick)
        signals = np.random.default_rng(seed).random((_BARS, _COLUMNS)) < 0.1
        ours = in_column_order(exits_in_turn(prices, signals, levels))
        contested += assert_same_but_contested(ours, vectorbt_exits(prices, signals, levels), levels, prices)
        walked += int(ours.closed.sum())
    assert walked > 5_000
    assert contested > 20


@rules
def test_one_market_is_walked_as_a_column_of_many(levels: OneTarget) -> None:
    prices = random_prices(7, 0.1)
    signals = np.random.default_rng(7).random((_BARS, _COLUMNS)) < 0.1
    many = in_column_order(exits_in_turn(prices, signals, levels))
    for column in range(_COLUMNS):
        one = exits_in_turn(
            Prices(*(x[:, column].copy() for x in (prices.open, prices.high, prices.low, prices.close))),
            signals[:, column],
            levels,
        )
        here = many.column == column
        assert one.entry_bar.tolist() == many.entry_bar[here].tolist()
        assert one.exit_bar.tolist() == many.exit_bar[here].tolist()
        assert one.price.tobytes() == many.price[here].tobytes()
        assert one.contested.tolist() == many.contested[here].tolist()


@rules
def test_recorded_entries_leave_at_the_bar_and_price_of_vectorbt(
    levels: OneTarget, shared_data: Path
) -> None:
    walked = 0
    files = recorded_files(shared_data, "binance-usdm-1h", "binance-usdm-1m", "binance-spot-1m")
    for number, path in enumerate(files):
        prices = recorded_prices(path)
        bars = len(prices.open)
        entry_bars = np.random.default_rng(number).integers(0, bars - 1, 200_000 // bars)
        ours = exits_each(prices, entry_bars, levels)
        repeated, signals = each_in_its_column(prices, entry_bars)
        ours = Exits(np.arange(len(entry_bars)), ours.entry_bar, ours.exit_bar, ours.price, ours.contested)
        assert_same_but_contested(ours, vectorbt_exits(repeated, signals, levels), levels, repeated)
        walked += int(ours.closed.sum())
    assert walked > 3_000
