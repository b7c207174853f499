"""Positions prepared for the kernel: placed targets, the stop after each, and the costs of each kind of leg.

These are the domain's `Ladder`, `Stops` and `Account` for columns of positions: the same operations on the
same doubles.
"""

from typing import NamedTuple

import numpy as np

from exitbrain.domain.simulation.outcome import LegLevel
from exitbrain.domain.simulation.tick import ROUNDED
from exitbrain.infrastructure.lab.arrays import Doubles, Integers, Mask
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.arrays import code_of
from exitbrain.infrastructure.lab.walking.columns import SetupColumns

EXTERNAL = code_of(LegLevel.EXTERNAL)
LIQUIDATION = code_of(LegLevel.LIQUIDATION)
TARGETS = 3

_SL = code_of(LegLevel.SL)
_BREAK_EVEN = code_of(LegLevel.BREAK_EVEN)


class PlacedColumns(NamedTuple):
    """Many positions, one row each: `last` targets are placed, their columns nearest first.

    `open_after[k]` is the fraction still open after k targets; `resting[k]` and `resting_level[k]` are the
    stop then, `liquidated_at[k]` is the liquidation price, NaN if not simulated. At `worst` the margin is
    gone.
    """

    last: Integers
    price: Doubles
    share: Doubles
    level: Integers
    open_after: Doubles
    resting: Doubles
    resting_level: Integers
    liquidated_at: Doubles
    worst: Doubles


class Placed(NamedTuple):
    """One position, by value."""

    d: float
    entry: float
    last: int
    price: tuple[float, float, float]
    share: tuple[float, float, float]
    level: tuple[int, int, int]
    open_after: tuple[float, float, float]
    resting: tuple[float, float, float]
    resting_level: tuple[int, int, int]
    liquidated_at: tuple[float, float, float]
    worst: float
    fee: float
    slippage: float
    target_fee: float
    target_slippage: float
    gap_fills_at_open: bool
    activation: float
    distance: float
    tick_units: float
    tick_scale: float


def placed_columns(setup: SetupColumns) -> PlacedColumns:
    """Return the placed targets of positions and the stops behind them."""
    d, entry, shares = setup.direction, setup.entry, setup.shares
    rows = np.arange(len(entry))[:, None]
    unplaced: Mask = shares <= 0.0
    order = np.argsort(unplaced, axis=1, kind="stable")
    price = setup.targets[rows, order]
    last = TARGETS - unplaced.sum(axis=1)
    nothing = np.arange(TARGETS) >= last[:, None]
    table = np.stack((shares[:, 1] + shares[:, 2], shares[:, 2], np.zeros(len(entry))), axis=1)
    open_after = np.ones((len(entry), TARGETS))
    open_after[:, 1:] = np.where(nothing[:, 1:], 0.0, table[rows, order[:, :2]])
    rung = np.concatenate((np.zeros_like(rows), order[:, :2] + 1), axis=1)
    moved = _moved_stops(entry, entry * (1 + d * setup.break_even), d, setup.tick_units, setup.tick_scale)
    moves: Mask = (d * (price[:, 0] - moved) > 0) & (d * (moved - setup.stop) > 0)
    resting = np.repeat(setup.stop[:, None], TARGETS, axis=1)
    resting[:, 1:] = np.where(moves, moved, setup.stop)[:, None]
    resting_level = np.full((len(entry), TARGETS), _SL, dtype=np.int64)
    resting_level[:, 1:] = np.where(moves, _BREAK_EVEN, _SL)[:, None]
    return PlacedColumns(
        last=last,
        price=price,
        share=shares[rows, order],
        level=order,
        open_after=open_after,
        resting=resting,
        resting_level=resting_level,
        liquidated_at=setup.liquidation[rows, np.minimum(rung, TARGETS - 1)],
        worst=entry * (1 - d / setup.leverage),
    )


@jit
def placed_of(setup: SetupColumns, placed: PlacedColumns, row: int) -> Placed:
    """Return one row."""
    limit, fee, slippage = setup.limit_targets[row], setup.fee[row], setup.slippage[row]
    return Placed(
        setup.direction[row],
        setup.entry[row],
        placed.last[row],
        (placed.price[row, 0], placed.price[row, 1], placed.price[row, 2]),
        (placed.share[row, 0], placed.share[row, 1], placed.share[row, 2]),
        (placed.level[row, 0], placed.level[row, 1], placed.level[row, 2]),
        (placed.open_after[row, 0], placed.open_after[row, 1], placed.open_after[row, 2]),
        (placed.resting[row, 0], placed.resting[row, 1], placed.resting[row, 2]),
        (placed.resting_level[row, 0], placed.resting_level[row, 1], placed.resting_level[row, 2]),
        (placed.liquidated_at[row, 0], placed.liquidated_at[row, 1], placed.liquidated_at[row, 2]),
        placed.worst[row],
        fee,
        slippage,
        setup.maker_fee[row] if limit else fee,
        0.0 if limit else slippage,
        not limit,
        setup.activation[row],
        setup.distance[row],
        setup.tick_units[row],
        setup.tick_scale[row],
    )


@jit
def moved_stop(entry: float, price: float, d: float, units: float, scale: float) -> float:
    """Return a moved stop's price, rounded as by the domain's `Tick`; NaN units mean no tick."""
    if np.isnan(units) or np.isnan(price):
        return price
    ticks = price * scale / units
    nearest = np.rint(ticks) * units / scale
    if abs(nearest - price) <= ROUNDED * price:
        return float(nearest)
    count = np.floor(ticks)
    if price > entry or (price == entry and d > 0):
        return float(count * units / scale)
    return float((count + 1.0) * units / scale)


@jit
def _moved_stops(entry: Doubles, price: Doubles, d: Doubles, units: Doubles, scale: Doubles) -> Doubles:
    stops = np.empty(len(price))
    for row in range(len(price)):
        stops[row] = moved_stop(entry[row], price[row], d[row], units[row], scale[row])
    return stops


@jit
def rates_of(p: Placed, level: int) -> tuple[float, float]:
    """Return the fee rate and the slippage rate of a leg."""
    if level < TARGETS:
        return p.target_fee, p.target_slippage
    if level == LIQUIDATION:
        return 0.0, 0.0
    return p.fee, 0.0 if level == EXTERNAL else p.slippage


@jit
def filled_at(p: Placed, filled: int, price: float) -> int:
    """Return the number of filled targets once the market reaches a price after `filled` of them."""
    while filled < p.last and p.d * (price - p.price[filled]) >= 0:
        filled += 1
    return filled
