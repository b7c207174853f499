"""Exits of many positions, beside vectorbt where it does the same and beside the plain row walk where nothing does."""

from collections.abc import Iterator

import numpy as np

from benchmarks.measure import Figure, best_of
from exitbrain.infrastructure.lab.exit_kernel import Exits, OneTarget, Prices, exits_in_turn
from tests.property.vectorbt_exits import in_column_order, positions_of, vectorbt_orders

LEVELS = OneTarget(direction=1.0, target=0.01, stop=0.005)
EVERY = 50


def figures() -> Iterator[Figure]:
    yield _beside_vectorbt(1_000, 1_000, "10x", "25x")
    yield _beside_vectorbt(525_600, 1, "30x", "60x")


def _beside_vectorbt(bars: int, columns: int, reach: str, beyond: str) -> Figure:
    prices = _random_walk(bars, columns)
    signals = np.zeros((bars, columns), dtype=np.bool_)
    signals[::EVERY] = True
    series = _first_column(prices), signals[:, 0].copy()

    def ours() -> Exits:
        return exits_in_turn(*series, LEVELS) if columns == 1 else exits_in_turn(prices, signals, LEVELS)

    def theirs() -> object:
        return vectorbt_orders(prices, signals, LEVELS)

    found = in_column_order(ours())
    walked = _bars_walked(found, bars)
    _check_same(found, positions_of(vectorbt_orders(prices, signals, LEVELS)))
    return Figure(
        f"exits of one target and stop, {bars:,} bars x {columns:,}, one thread",
        "bars/s",
        walked / best_of(15, ours),
        "vectorbt 1.2 `from_signals` with its order records",
        walked / best_of(5, theirs),
        reach,
        beyond,
        f"{walked:,} bars walked while in position, the same exits bit for bit; compile time excluded",
    )


def _random_walk(bars: int, columns: int) -> Prices:
    """Return candles of four trades each, a minute's move of 6 bps."""
    chance = np.random.default_rng(1)
    steps = chance.normal(0.0, 0.0003, (4 * bars, columns))
    traded = 100 * np.exp(np.cumsum(steps, axis=0)).reshape(bars, 4, columns)
    return Prices(traded[:, 0].copy(), traded.max(axis=1), traded.min(axis=1), traded[:, -1].copy())


def _first_column(prices: Prices) -> Prices:
    return Prices(*(x[:, 0].copy() for x in (prices.open, prices.high, prices.low, prices.close)))


def _bars_walked(exits: Exits, bars: int) -> int:
    return int((np.where(exits.closed, exits.exit_bar, bars - 1) - exits.entry_bar).sum())


def _check_same(ours: Exits, theirs: Exits) -> None:
    same = all(
        a.tobytes() == b.tobytes()
        for a, b in (
            (ours.column, theirs.column),
            (ours.entry_bar, theirs.entry_bar),
            (ours.exit_bar, theirs.exit_bar),
            (ours.price[~ours.contested], theirs.price[~ours.contested]),
        )
    )
    if not same:
        raise AssertionError("the two found different exits")
