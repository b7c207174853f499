"""The moves that one candle allows, as in the domain's `BarMoves`, written into arrays."""

from typing import NamedTuple

import numpy as np

from exitbrain.infrastructure.lab.arrays import Doubles, Integers
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.arrays import LEVELS, codes
from exitbrain.infrastructure.lab.walking.placed import Placed, filled_at
from exitbrain.infrastructure.lab.walking.stops import TRAIL, KernelStops, touched

AT_OPEN, AT_UNSURE_OPEN, INSIDE, INSIDE_AFTER_ENTRY, INSIDE_AFTER_UNSURE_OPEN = codes(8)[:5]
INSIDE_BEFORE_CLOSE, AT_RULE_CLOSE, EVERYTHING_CLOSES = codes(8)[5:]

BEFORE, INSIDE_CANDLE, UNSURE = codes(3)
"""The place of the entry relative to a candle: the domain's `Entry`."""

NO_EXIT = codes(len(LEVELS) + 1)[-1]

_MOST_MOVES = 12
_FILLED, _LEVEL = 0, 1


class KernelBar(NamedTuple):
    """A candle as a position sees it: adverse and favourable extremes, and those of the mark price."""

    at_ms: int
    open: float
    adverse: float
    favourable: float
    close: float
    mark_open: float
    mark_adverse: float
    mark_close: float


class Moves(NamedTuple):
    """Each row: the targets filled after the move, and the level that closes the rest, or NO_EXIT."""

    integers: Integers
    price: Doubles


@jit
def room_for_moves() -> Moves:
    """Return arrays large enough for the moves of any state in any candle."""
    return Moves(np.zeros((_MOST_MOVES, 2), dtype=np.int64), np.zeros(_MOST_MOVES))


@jit
def move_of(moves: Moves, move: int) -> tuple[int, int, float]:
    """Return the filled targets, the level and the price of one move."""
    return moves.integers[move, _FILLED], moves.integers[move, _LEVEL], moves.price[move]


@jit
def moves_of(
    moves: Moves, what: int, filled: int, bar: KernelBar, stops: KernelStops, p: Placed, level: int
) -> int:
    """Write the moves in one part of a candle after `filled` targets; return how many. `level` closes all."""
    if what in (AT_OPEN, AT_UNSURE_OPEN):
        return _at_open(moves, what, filled, bar, stops, p)
    if what == AT_RULE_CLOSE:
        return _at_rule_close(moves, filled, bar.close, stops, p)
    if what == EVERYTHING_CLOSES:
        count = 0
        return _add(moves, count, filled, level, bar.close)
    return _inside(moves, what, filled, bar, stops, p)


@jit
def phases_of(entry: int) -> tuple[int, int]:
    """Return the phase of a candle's open, NO_EXIT if it came before the entry, and the phase after it."""
    if entry == INSIDE_CANDLE:
        return NO_EXIT, INSIDE_AFTER_ENTRY
    if entry == UNSURE:
        return AT_UNSURE_OPEN, INSIDE_AFTER_UNSURE_OPEN
    return AT_OPEN, INSIDE


@jit
def leaves_a_choice(
    moves: Moves, filled: int, bar: KernelBar, stops: KernelStops, p: Placed, entry: int, funded: bool
) -> bool:
    """Return whether a candle leaves open the order of touches, or of a touch and the funding inside it."""
    at_open, inside = phases_of(entry)
    after = filled
    if entry != INSIDE_CANDLE:
        if _at_open(moves, at_open, filled, bar, stops, p) > 1:
            return True
        after, level, _ = move_of(moves, 0)
        if level != NO_EXIT or after == p.last:
            return False
    count = _inside(moves, inside, after, bar, stops, p)
    first, level, _ = move_of(moves, 0)
    return count > 1 or (funded and (level != NO_EXIT or first > after))


@jit
def _at_open(moves: Moves, what: int, filled: int, bar: KernelBar, stops: KernelStops, p: Placed) -> int:
    tight, tight_level = stops.tight[filled], stops.tight_level[filled]
    count = 0
    if touched(p.d, tight, tight_level, bar.open, bar.mark_open):
        count = _add(moves, count, filled, tight_level, bar.open)
        if touched(p.d, stops.loose[filled], stops.loose_level[filled], bar.open, bar.mark_open):
            return _add(moves, count, filled, NO_EXIT, 0.0) if what == AT_UNSURE_OPEN else count
    reached = filled_at(p, filled, bar.open)
    count = _add(moves, count, reached, NO_EXIT, 0.0)
    if what == AT_UNSURE_OPEN and reached > filled:
        count = _add(moves, count, filled, NO_EXIT, 0.0)
    return count


@jit
def _inside(moves: Moves, what: int, filled: int, bar: KernelBar, stops: KernelStops, p: Placed) -> int:
    if what == INSIDE_AFTER_UNSURE_OPEN:
        what = INSIDE if filled else INSIDE_AFTER_ENTRY
    most = filled_at(p, filled, bar.favourable)
    count = 0
    for stopped in range(filled, min(most, p.last - 1) + 1):
        count = _stopped(moves, count, stopped, bar, stops, p.d)
    if what == INSIDE:
        if most == p.last or _may_survive(filled, most, bar, stops, p.d):
            count = _add(moves, count, most, NO_EXIT, 0.0)
        return count
    after_entry = what == INSIDE_AFTER_ENTRY
    for survived in range(filled_at(p, filled, bar.close) if after_entry else filled, most + 1):
        if not after_entry or survived == p.last or not _stopped_by_close(survived, bar, stops, p.d):
            count = _add(moves, count, survived, NO_EXIT, 0.0)
    return count


@jit
def _at_rule_close(moves: Moves, filled: int, close: float, stops: KernelStops, p: Placed) -> int:
    tight_level, loose_level = stops.tight_level[filled], stops.loose_level[filled]
    count = 0
    if tight_level != TRAIL or not touched(p.d, stops.tight[filled], tight_level, close, close):
        return _add(moves, count, filled, NO_EXIT, 0.0)
    count = _add(moves, count, filled, TRAIL, close)
    if loose_level == TRAIL and touched(p.d, stops.loose[filled], loose_level, close, close):
        return count
    return _add(moves, count, filled, NO_EXIT, 0.0)


@jit
def _stopped(moves: Moves, count: int, filled: int, bar: KernelBar, stops: KernelStops, d: float) -> int:
    """Add the stop that the adverse extreme touches, or both ends of its possible range."""
    tight, tight_level = stops.tight[filled], stops.tight_level[filled]
    if not touched(d, tight, tight_level, bar.adverse, bar.mark_adverse):
        return count
    count = _add(moves, count, filled, tight_level, tight)
    loose, loose_level = stops.loose[filled], stops.loose_level[filled]
    if loose == tight and loose_level == tight_level:
        return count
    if touched(d, loose, loose_level, bar.adverse, bar.mark_adverse):
        return _add(moves, count, filled, loose_level, loose)
    return _add(moves, count, filled, tight_level, bar.adverse)


@jit
def _may_survive(filled: int, most: int, bar: KernelBar, stops: KernelStops, d: float) -> bool:
    if _stopped_by_close(most, bar, stops, d):
        return False
    for count in range(filled, most + 1):
        if not touched(d, stops.loose[count], stops.loose_level[count], bar.adverse, bar.mark_adverse):
            return True
    return False


@jit
def _stopped_by_close(filled: int, bar: KernelBar, stops: KernelStops, d: float) -> bool:
    return touched(d, stops.loose[filled], stops.loose_level[filled], bar.close, bar.mark_close)


@jit
def _add(moves: Moves, count: int, filled: int, level: int, price: float) -> int:
    moves.integers[count, _FILLED], moves.integers[count, _LEVEL] = filled, level
    moves.price[count] = price
    return count + 1
