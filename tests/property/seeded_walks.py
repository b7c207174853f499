"""Candles of random walks, the same on every machine: whole ticks of a generator that is frozen, no logarithm.

One candle in ten is wild, after a gap, and prices lie on a grid, so that a touch is often exact.
"""

from collections.abc import Iterator

import numpy as np

from exitbrain.infrastructure.lab.arrays import Mask
from tests.property.one_target import OneTarget, Prices

RULES = {
    "long": OneTarget(1.0, 0.01, 0.005),
    "short": OneTarget(-1.0, 0.01, 0.005),
    "long with a near target": OneTarget(1.0, 0.003, 0.02),
}

TICKS = (0.5, 0.125, 0.01)
"""A walk for each; its number is its seed."""

_BARS, _COLUMNS, _TRADES = 400, 36, 6
_FINE = 1_000
"""Steps of a walk in one unit of price."""


def seeded_walks() -> Iterator[tuple[Prices, Mask]]:
    """Yield the candles (bars, columns) of each walk, and where a position may be entered."""
    for seed, tick in enumerate(TICKS):
        frozen = np.random.RandomState(seed)  # its streams never change, those of Generator may
        shape = (_BARS, _TRADES, _COLUMNS)
        wild = frozen.randint(0, 10, (_BARS, 1, _COLUMNS)) == 0
        steps = frozen.randint(-350, 351, shape) * np.where(wild, 5, 1)
        fine = 100 * _FINE + np.cumsum(steps.reshape(-1, _COLUMNS), axis=0).reshape(shape)
        traded = (fine // round(tick * _FINE)).astype(np.float64) * tick
        candles = Prices(traded[:, 0].copy(), traded.max(axis=1), traded.min(axis=1), traded[:, -1].copy())
        yield candles, frozen.randint(0, 10, (_BARS, _COLUMNS)) == 0
