"""The walk of simulation.md where one target closes all, nothing costs and no stop moves: many exits at a time.

This is what vectorbt's `from_signals(sl_stop, tp_stop, open, high, low, close)` computes, candle for candle and bit
for bit, except where a candle opens at or beyond the target and touches the stop as well: the open came first and is
the exit here; vectorbt takes the stop. Such exits are marked. Inside a candle the stop comes before the target
(the pessimistic bound), and a candle that closes a position opens none.

A position is entered at the close of a candle and walked from the next one. Candles are looked at in blocks: the
open counts only where low or high reach a level, so nothing else is read until then.
"""

from dataclasses import dataclass

import numpy as np

from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.arrays import Doubles, Integers, Mask
from exitbrain.infrastructure.lab.walking.scan import first_touch

OPEN_AT_END = -1

_COLUMNS = 32


@dataclass(frozen=True, slots=True)
class Prices:
    """Candles as float64 arrays in C order, either (bars,) of one market or (bars, columns) of many."""

    open: Doubles
    high: Doubles
    low: Doubles
    close: Doubles


@dataclass(frozen=True, slots=True)
class OneTarget:
    """Where a position is closed: direction is +1 or -1, the distances are fractions of the entry price."""

    direction: float
    target: float
    stop: float


@dataclass(frozen=True, slots=True)
class Exits:
    """One row for each position, in the order of entry; bars count from the first candle given.

    `exit_bar` is OPEN_AT_END and `price` NaN for a position that the data does not close. `contested` marks an
    exit at an open at or beyond the target in a candle that touches the stop too.
    """

    column: Integers
    entry_bar: Integers
    exit_bar: Integers
    price: Doubles
    contested: Mask

    @property
    def closed(self) -> Mask:
        """Return which positions the data closes."""
        return np.not_equal(self.exit_bar, OPEN_AT_END)


def exits_each(prices: Prices, entry_bars: Integers, levels: OneTarget) -> Exits:
    """Walk a position from each of these bars of one market, whatever the others do."""
    rows = len(entry_bars)
    found = _empty(rows)
    found.entry_bar[:] = entry_bars
    _walk_each(*_arrays(prices), found.entry_bar, *_rule(levels), *_results(found))
    return found


def exits_in_turn(prices: Prices, signals: Mask, levels: OneTarget) -> Exits:
    """Walk one position at a time in each column: a signal counts where the column holds none."""
    found = _empty(int(np.count_nonzero(signals)))
    if signals.ndim == 1:
        signalled = np.flatnonzero(signals)
        count = _walk_series(*_arrays(prices), signalled, *_rule(levels), found.entry_bar, *_results(found))
    else:
        count = _walk_columns(
            *_arrays(prices), signals, *_rule(levels), found.column, found.entry_bar, *_results(found)
        )
    return Exits(
        found.column[:count],
        found.entry_bar[:count],
        found.exit_bar[:count],
        found.price[:count],
        found.contested[:count],
    )


def _empty(rows: int) -> Exits:
    return Exits(
        column=np.zeros(rows, dtype=np.int64),
        entry_bar=np.empty(rows, dtype=np.int64),
        exit_bar=np.full(rows, OPEN_AT_END, dtype=np.int64),
        price=np.full(rows, np.nan, dtype=np.float64),
        contested=np.zeros(rows, dtype=np.bool_),
    )


def _arrays(prices: Prices) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    return prices.open, prices.high, prices.low, prices.close


def _rule(levels: OneTarget) -> tuple[float, float, float]:
    return levels.direction, levels.target, levels.stop


def _results(found: Exits) -> tuple[Integers, Doubles, Mask]:
    return found.exit_bar, found.price, found.contested


@jit
def _walk_each(
    opens: Doubles,
    highs: Doubles,
    lows: Doubles,
    closes: Doubles,
    entry_bars: Integers,
    d: float,
    target: float,
    stop: float,
    exit_bar: Integers,
    price: Doubles,
    contested: Mask,
) -> None:
    bars = len(opens)
    for row in range(len(entry_bars)):
        entry = closes[entry_bars[row]]
        tp = entry * (1 + d * target)
        sl = entry * (1 - d * stop)
        bar = first_touch(lows, highs, min(tp, sl), max(tp, sl), entry_bars[row] + 1, bars)
        if bar < bars:
            exit_bar[row] = bar
            price[row], contested[row] = _exit(d, opens[bar], highs[bar], lows[bar], tp, sl)


@jit
def _walk_series(
    opens: Doubles,
    highs: Doubles,
    lows: Doubles,
    closes: Doubles,
    signalled: Integers,
    d: float,
    target: float,
    stop: float,
    entry_bar: Integers,
    exit_bar: Integers,
    price: Doubles,
    contested: Mask,
) -> int:
    bars = len(opens)
    busy_until = -1
    count = 0
    for entered in signalled:
        if entered <= busy_until:
            continue
        entry = closes[entered]
        tp = entry * (1 + d * target)
        sl = entry * (1 - d * stop)
        bar = first_touch(lows, highs, min(tp, sl), max(tp, sl), entered + 1, bars)
        entry_bar[count] = entered
        if bar < bars:
            exit_bar[count] = bar
            price[count], contested[count] = _exit(d, opens[bar], highs[bar], lows[bar], tp, sl)
        busy_until = bar
        count += 1
    return count


@jit
def _walk_columns(
    opens: Doubles,
    highs: Doubles,
    lows: Doubles,
    closes: Doubles,
    signals: Mask,
    d: float,
    target: float,
    stop: float,
    column: Integers,
    entry_bar: Integers,
    exit_bar: Integers,
    price: Doubles,
    contested: Mask,
) -> int:
    """Go through the candles row by row, as they lie in memory; an idle column has levels that nothing reaches."""
    bars, columns = lows.shape
    below = np.full(columns, -np.inf)
    above = np.full(columns, np.inf)
    held = np.full(columns, -1, dtype=np.int64)
    closed_at = np.full(columns, -1, dtype=np.int64)
    count = 0
    for bar in range(bars):
        low, high, signal = lows[bar], highs[bar], signals[bar]
        for first in range(0, columns, _COLUMNS):
            if not _any_touch(low, high, below, above, first, columns):
                continue
            for j in range(first, min(first + _COLUMNS, columns)):
                if low[j] > below[j] and high[j] < above[j]:
                    continue
                row = held[j]
                tp = above[j] if d > 0 else below[j]
                sl = below[j] if d > 0 else above[j]
                exit_bar[row] = bar
                price[row], contested[row] = _exit(d, opens[bar, j], high[j], low[j], tp, sl)
                below[j], above[j], held[j], closed_at[j] = -np.inf, np.inf, -1, bar
        for j in range(columns):
            if signal[j] and held[j] < 0 and closed_at[j] < bar:
                tp = closes[bar, j] * (1 + d * target)
                sl = closes[bar, j] * (1 - d * stop)
                below[j], above[j], held[j] = min(tp, sl), max(tp, sl), count
                column[count], entry_bar[count] = j, bar
                count += 1
    return count


@jit
def _exit(d: float, opened: float, high: float, low: float, tp: float, sl: float) -> tuple[float, bool]:
    """Return the price of the exit in a candle that touches a level, and whether it is contested."""
    stopped = d * ((low if d > 0 else high) - sl) <= 0
    if d * (opened - sl) <= 0:
        return opened, False
    if d * (opened - tp) >= 0:
        return opened, stopped
    return (sl, False) if stopped else (tp, False)


@jit
def _any_touch(low: Doubles, high: Doubles, below: Doubles, above: Doubles, first: int, columns: int) -> bool:
    """Return whether a column of this block reaches a level; a block that is not full is always looked into."""
    if first + _COLUMNS > columns:
        return True
    touched = False
    for j in range(first, first + _COLUMNS):
        touched |= (low[j] <= below[j]) | (high[j] >= above[j])
    return touched
