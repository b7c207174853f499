"""The histories of one position: the lowest and highest per number of filled targets, and the ended ones.

Every history is a row of two arrays, so a copy is a short loop. As in the domain's `Histories`, moves become
legs, equal states are merged, and on a tie the history found first stays.
"""

from typing import NamedTuple

import numpy as np

from exitbrain.infrastructure.lab.arrays import Doubles, Integers, Mask
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.columns import MOST_LEGS
from exitbrain.infrastructure.lab.walking.moves import (
    AT_OPEN,
    AT_UNSURE_OPEN,
    NO_EXIT,
    KernelBar,
    Moves,
    move_of,
    moves_of,
)
from exitbrain.infrastructure.lab.walking.placed import LIQUIDATION, TARGETS, Placed, rates_of
from exitbrain.infrastructure.lab.walking.stops import KernelStops

GROSS, EXIT_FEES, SLIPPAGE, FUNDING = range(4)
FRACTION = 4
PRICE = FRACTION + MOST_LEGS
LEGS, HOLES = 0, 1
LEVEL = 2
AT = LEVEL + MOST_LEGS

ENDED = 4 * TARGETS
"""The first of two rows for the ended histories. Before them: two per state now, two per state next."""

_NEXT = 2 * TARGETS
_MOVED = ENDED + 2
_ROWS = _MOVED + 2
_DOUBLES = PRICE + MOST_LEGS
_INTEGERS = AT + MOST_LEGS

_OPEN, _SEVERAL, _OPEN_NEXT, _SEVERAL_NEXT, _ENDED = range(5)


class KernelHistories(NamedTuple):
    """The sums and legs of each history, flags for each state, now and next (one open, several open), and the
    time of the last leg of the history that ended last.
    """

    doubles: Doubles
    integers: Integers
    flags: Mask
    last_end_ms: Integers


class Dues(NamedTuple):
    """The funding payments of a market; due are `begin` to before `end`. A NaN mark means the open."""

    rate: Doubles
    mark: Doubles
    begin: int
    end: int


@jit
def room_for_histories() -> KernelHistories:
    """Return arrays to be reused for one position after another."""
    return KernelHistories(
        np.zeros((_ROWS, _DOUBLES)),
        np.zeros((_ROWS, _INTEGERS), dtype=np.int64),
        np.zeros((5, TARGETS), dtype=np.bool_),
        np.zeros(1, dtype=np.int64),
    )


@jit
def begin(h: KernelHistories) -> None:
    """Start with one history in which nothing has happened."""
    for row in range(2):
        h.doubles[row, GROSS] = h.doubles[row, EXIT_FEES] = 0.0
        h.doubles[row, SLIPPAGE] = h.doubles[row, FUNDING] = 0.0
        h.integers[row, LEGS] = 0
    h.flags[:] = False
    h.flags[_OPEN, 0] = True


@jit
def is_open(h: KernelHistories, filled: int) -> bool:
    """Return whether a history with this many filled targets is open."""
    return bool(h.flags[_OPEN, filled])


@jit
def any_open(h: KernelHistories) -> bool:
    """Return whether a history is still open."""
    return bool(h.flags[_OPEN, 0] or h.flags[_OPEN, 1] or h.flags[_OPEN, 2])


@jit
def several_ended(h: KernelHistories) -> bool:
    """Return whether more than one history has ended."""
    return bool(h.flags[_ENDED, 1])


@jit
def net_of(h: KernelHistories, row: int, entry_fee: float) -> float:
    """Return the net result of a history so far."""
    sums = h.doubles
    after_fees = sums[row, GROSS] - entry_fee - sums[row, EXIT_FEES]
    return float(after_fees - sums[row, SLIPPAGE] - sums[row, FUNDING])


@jit
def advance(
    h: KernelHistories,
    moves: Moves,
    what: int,
    bar: KernelBar,
    stops: KernelStops,
    p: Placed,
    holes: int,
    level: int,
    dues: Dues,
) -> bool:
    """Take every possible move from every state; return whether one state had a choice.

    A move that closes something may come before or after each funding payment due in the same span.
    """
    choice = False
    h.flags[_OPEN_NEXT] = False
    for filled in range(p.last):
        if not h.flags[_OPEN, filled]:
            continue
        count = moves_of(moves, what, filled, bar, stops, p, level)
        choice = choice or count > 1
        for move in range(count):
            after, exit_level, price = move_of(moves, move)
            closes = exit_level != NO_EXIT or after > filled
            choice = choice or (closes and dues.end > dues.begin)
            for paid in range(dues.begin if closes else dues.end, dues.end + 1):
                for bound in range(2):
                    row = _MOVED + bound
                    _copy(h, 2 * filled + bound, row)
                    _fund(h, row, dues, dues.begin, paid, p.open_after[filled], bar, p)
                    _fill(h, row, filled, after, bar, what in (AT_OPEN, AT_UNSURE_OPEN), p)
                    if exit_level != NO_EXIT:
                        _close(h, row, exit_level, p.open_after[after], price, bar.at_ms, p)
                    elif after < p.last:
                        _fund(h, row, dues, paid, dues.end, p.open_after[after], bar, p)
                if exit_level != NO_EXIT or after == p.last:
                    _end(h, h.flags[_SEVERAL, filled], holes, p.fee)
                else:
                    _put(h, after, h.flags[_SEVERAL, filled], p.fee)
    for filled in range(p.last):
        h.flags[_OPEN, filled] = h.flags[_OPEN_NEXT, filled]
        h.flags[_SEVERAL, filled] = h.flags[_SEVERAL_NEXT, filled]
        if h.flags[_OPEN, filled]:
            _copy(h, _NEXT + 2 * filled, 2 * filled)
            _copy(h, _NEXT + 2 * filled + 1, 2 * filled + 1)
    return choice


@jit
def pay_funding(h: KernelHistories, dues: Dues, bar: KernelBar, p: Placed) -> None:
    """Charge or credit every open history with funding on its open part."""
    for filled in range(p.last):
        if h.flags[_OPEN, filled]:
            for bound in range(2):
                _fund(h, 2 * filled + bound, dues, dues.begin, dues.end, p.open_after[filled], bar, p)


@jit
def _fund(
    h: KernelHistories,
    row: int,
    dues: Dues,
    begin: int,
    end: int,
    still_open: float,
    bar: KernelBar,
    p: Placed,
) -> None:
    for due in range(begin, end):
        mark = bar.open if np.isnan(dues.mark[due]) else dues.mark[due]
        h.doubles[row, FUNDING] += p.d * dues.rate[due] * still_open * mark / p.entry


@jit
def _fill(
    h: KernelHistories, row: int, filled: int, after: int, bar: KernelBar, at_open: bool, p: Placed
) -> None:
    for target in range(filled, after):
        price = bar.open if at_open and p.gap_fills_at_open else p.price[target]
        _book(h, row, p.level[target], p.share[target], price, bar.at_ms, p)


@jit
def _close(
    h: KernelHistories, row: int, level: int, left: float, price: float, at_ms: int, p: Placed
) -> None:
    """Close the rest; no leg loses more than its margin."""
    if not np.isnan(p.worst) and (level == LIQUIDATION or p.d * (price - p.worst) < 0):
        price = p.worst
    _book(h, row, level, left, price, at_ms, p)


@jit
def _book(
    h: KernelHistories, row: int, level: int, fraction: float, price: float, at_ms: int, p: Placed
) -> None:
    """Add a leg, with every sum in the order of the domain's `Account`."""
    fee_rate, slippage_rate = rates_of(p, level)
    fee = fee_rate * fraction * price / p.entry
    slippage = slippage_rate * fraction * price / p.entry
    if not np.isnan(p.worst):
        left = fraction * p.d * (price - p.worst) / p.entry
        left = left if left > 0.0 else 0.0
        fee = left if left < fee else fee
        slippage = left - fee if left - fee < slippage else slippage
    h.doubles[row, GROSS] += fraction * p.d * (price - p.entry) / p.entry
    h.doubles[row, EXIT_FEES] += fee
    h.doubles[row, SLIPPAGE] += slippage
    leg = h.integers[row, LEGS]
    h.doubles[row, FRACTION + leg], h.doubles[row, PRICE + leg] = fraction, price
    h.integers[row, LEVEL + leg], h.integers[row, AT + leg] = level, at_ms
    h.integers[row, LEGS] = leg + 1


@jit
def _put(h: KernelHistories, filled: int, several: bool, entry_fee: float) -> None:
    """Add the two moved histories to a state."""
    low = _NEXT + 2 * filled
    first = not h.flags[_OPEN_NEXT, filled]
    h.flags[_OPEN_NEXT, filled], h.flags[_SEVERAL_NEXT, filled] = True, several or not first
    if first or net_of(h, _MOVED, entry_fee) < net_of(h, low, entry_fee):
        _copy(h, _MOVED, low)
    if first or net_of(h, _MOVED + 1, entry_fee) > net_of(h, low + 1, entry_fee):
        _copy(h, _MOVED + 1, low + 1)


@jit
def _end(h: KernelHistories, several: bool, holes: int, entry_fee: float) -> None:
    """Add the two moved histories to the ended ones."""
    h.integers[_MOVED, HOLES] = h.integers[_MOVED + 1, HOLES] = holes
    h.last_end_ms[0] = h.integers[_MOVED, AT + h.integers[_MOVED, LEGS] - 1]
    first = not h.flags[_ENDED, 0]
    h.flags[_ENDED, 0], h.flags[_ENDED, 1] = True, several or not first
    if first or net_of(h, _MOVED, entry_fee) < net_of(h, ENDED, entry_fee):
        _copy(h, _MOVED, ENDED)
    if first or net_of(h, _MOVED + 1, entry_fee) > net_of(h, ENDED + 1, entry_fee):
        _copy(h, _MOVED + 1, ENDED + 1)


@jit
def _copy(h: KernelHistories, source: int, target: int) -> None:
    for column in range(_DOUBLES):
        h.doubles[target, column] = h.doubles[source, column]
    for column in range(_INTEGERS):
        h.integers[target, column] = h.integers[source, column]
