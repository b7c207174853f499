"""The walk of many positions through the candles of one market, in the order of the domain's row walk.

A candle that touches no stop and no target of any state, makes no new best price that a trailing stop would follow,
and holds neither funding nor a time stop nor a close from outside changes nothing: such candles are passed over.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from exitbrain.domain.walk.outcome import LegLevel
from exitbrain.infrastructure.lab.arrays import Doubles, Integers
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.arrays import code_of
from exitbrain.infrastructure.lab.walking.columns import (
    Extremes,
    GivenColumns,
    MarketColumns,
    WalkColumns,
    empty_walks,
)
from exitbrain.infrastructure.lab.walking.histories import (
    AT,
    ENDED,
    EXIT_FEES,
    FRACTION,
    FUNDING,
    GROSS,
    HOLES,
    LEGS,
    LEVEL,
    PRICE,
    SLIPPAGE,
    Dues,
    Histories,
    advance,
    any_open,
    begin,
    is_open,
    net_of,
    pay_funding,
    room_for_histories,
    several_ended,
)
from exitbrain.infrastructure.lab.walking.moves import (
    AT_RULE_CLOSE,
    BEFORE,
    EVERYTHING_CLOSES,
    INSIDE_BEFORE_CLOSE,
    INSIDE_CANDLE,
    NO_EXIT,
    UNSURE,
    Bar,
    Moves,
    leaves_a_choice,
    phases_of,
    room_for_moves,
)
from exitbrain.infrastructure.lab.walking.placed import (
    EXTERNAL,
    Placed,
    PlacedColumns,
    placed_columns,
    placed_of,
)
from exitbrain.infrastructure.lab.walking.scan import first_touch_in_strides
from exitbrain.infrastructure.lab.walking.stops import Stops, in_force, moved, seen, trailed_at_entry

_OPEN = code_of(LegLevel.OPEN)
_TIME = code_of(LegLevel.TIME)


class Course(NamedTuple):
    """Where one position begins, and the first candles in which time and outside have a say."""

    first: int
    opened_ms: int
    rule_interval_ms: int
    time_candle: int
    external_candle: int
    external_ms: int
    external_price: float


def walk_columns(market: MarketColumns, givens: GivenColumns, threads: int = 2) -> WalkColumns:
    """Walk every position; the rows are shared out among threads and do not depend on how many there are.

    Each position must have been opened where there are candles.
    """
    rows = len(givens.entry)
    placed, first, walks = placed_columns(givens), first_candles(market, givens.opened_ms), empty_walks(rows)
    edges = np.linspace(0, rows, threads + 1).astype(int).tolist()
    parts = [(begin_row, end_row) for begin_row, end_row in pairwise(edges) if begin_row < end_row]
    if len(parts) < 2:
        _walk_rows(market, givens, placed, first, walks, 0, rows)
        return walks
    with ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(_walk_rows, market, givens, placed, first, walks, *part) for part in parts]:
            done.result()
    return walks


def first_candles(market: MarketColumns, opened_ms: Integers) -> Integers:
    """Return for each time the candle that holds it, else the next one."""
    before = np.searchsorted(market.opens_ms, opened_ms, side="right") - 1
    held = opened_ms < market.opens_ms[np.maximum(before, 0)] + market.interval_ms
    return np.where(held, before, before + 1)


@jit
def _walk_rows(
    market: MarketColumns,
    givens: GivenColumns,
    placed: PlacedColumns,
    first: Integers,
    walks: WalkColumns,
    begin_row: int,
    end_row: int,
) -> None:
    h, moves = room_for_histories(), room_for_moves()
    for row in range(begin_row, end_row):
        course = _course(market.opens_ms, market.interval_ms, givens, first, row)
        p = placed_of(givens, placed, row)
        begin(h)
        last, ambiguous = _walk(market, course, p, h, moves)
        _write(walks, row, h, p.fee)
        walks.ambiguous_candles[row] = ambiguous
        walks.walked[row] = last + 1 - course.first
        unmarked = market.unmarked_before[last + 1] - market.unmarked_before[course.first]
        walks.mark_assumed[row] = unmarked > 0 and not np.isnan(p.worst)


@jit
def _walk(market: MarketColumns, course: Course, p: Placed, h: Histories, moves: Moves) -> tuple[int, int]:
    """Walk one position; return its last candle and how many candles left a choice."""
    opens, bars, interval = market.opens_ms, market.bars, market.interval_ms
    trailing = not np.isnan(p.activation)
    trailed = trailed_at_entry(p)
    stops = in_force(trailed, p)
    unseen = trailing  # a new best price waits for the close of a rule interval; so does the entry
    stop, target = _nearest(h, stops, p)
    due = int(np.searchsorted(market.funding_ms, course.opened_ms, side="right"))
    nothing = Dues(market.funding_rate, market.funding_mark, 0, 0)
    ambiguous = 0
    i = course.first
    entry = _entry_in(opens, bars, interval, i, course, p)
    while True:
        holes = _holes(opens, interval, market.holes_before, course, i)
        bar = _bar(opens, bars, i, p.d)
        until = min(bar.at_ms + interval, course.external_ms)
        at_open = _dues(market, due, min(bar.at_ms + 1, until))
        dues = _dues(market, at_open.end, until)
        pay_funding(h, at_open, bar, p)
        due = dues.end
        if i == course.external_candle:
            return i, ambiguous + _close_outside(h, moves, course, bar, entry, stops, p, holes, dues)
        if entry != BEFORE or _reaches(bar.adverse, bar.mark_adverse, bar.favourable, stop, target, p.d):
            opens_there = entry != INSIDE_CANDLE and _reaches(
                bar.open, bar.mark_open, bar.open, stop, target, p.d
            )
            ambiguous += _touch(h, moves, bar, opens_there, entry, stops, p, holes, dues)
            stop, target = _nearest(h, stops, p)
        else:
            pay_funding(h, dues, bar, p)
        if trailing:
            before = trailed
            trailed = seen(trailed, p.d, bar.favourable, bar.favourable if entry == BEFORE else bar.close)
            unseen = unseen or trailed.known != before.known or trailed.possible != before.possible
        if _is_rule_close(opens, interval, course.rule_interval_ms, i):
            if trailing:
                unseen, trailed = False, moved(trailed, p)
                stops = in_force(trailed, p)
                stop, target = _nearest(h, stops, p)
                if p.d * (bar.close - stop) <= 0:
                    ambiguous += advance(h, moves, AT_RULE_CLOSE, bar, stops, p, holes, NO_EXIT, nothing)
                    stop, target = _nearest(h, stops, p)
            if i >= course.time_candle:
                advance(h, moves, EVERYTHING_CLOSES, bar, stops, p, holes, _TIME, nothing)
        if not any_open(h):
            return i, ambiguous
        entry = BEFORE
        end = _search_end(opens, interval, market.funding_candle, due, course, unseen, i)
        best = trailed.known if trailing and p.d * (target - trailed.known) > 0 else target
        i = _next_touch(market.contract if np.isnan(p.worst) else market.seen, stop, best, p.d, i + 1, end)
        if i == len(opens):
            holes = _holes(opens, interval, market.holes_before, course, i - 1)
            last = _bar(opens, bars, i - 1, p.d)
            advance(h, moves, EVERYTHING_CLOSES, last, stops, p, holes, _OPEN, nothing)
            return i - 1, ambiguous


@jit
def _course(opens: Integers, interval: int, givens: GivenColumns, first: Integers, row: int) -> Course:
    opened_ms, external_ms = givens.opened_ms[row], givens.external_ms[row]
    due_ms = opened_ms + givens.time_stop_ms[row]
    return Course(
        first[row],
        opened_ms,
        givens.rule_interval_ms[row],
        np.searchsorted(opens, due_ms - interval, side="left"),
        np.searchsorted(opens, external_ms - interval, side="right"),
        external_ms,
        givens.external_price[row],
    )


@jit
def _entry_in(opens: Integers, bars: Doubles, interval: int, i: int, course: Course, p: Placed) -> int:
    """Return where the entry lies, as seen from the first candle."""
    if opens[i] != course.opened_ms:
        return BEFORE if opens[i] > course.opened_ms else INSIDE_CANDLE
    after_close = i > 0 and opens[i - 1] + interval == opens[i] and bars[i - 1, 3] == p.entry
    return BEFORE if bars[i, 0] == p.entry or after_close else UNSURE


@jit
def _touch(
    h: Histories,
    moves: Moves,
    bar: Bar,
    at_open: bool,
    entry: int,
    stops: Stops,
    p: Placed,
    holes: int,
    dues: Dues,
) -> bool:
    """Take a candle's open, where it touches anything, and its extremes; return whether their order is open."""
    choice, funded = False, dues.end > dues.begin
    for filled in range(p.last):
        choice = choice or (
            is_open(h, filled) and leaves_a_choice(moves, filled, bar, stops, p, entry, funded)
        )
    opening, inside = phases_of(entry)
    if at_open:
        advance(h, moves, opening, bar, stops, p, holes, NO_EXIT, Dues(dues.rate, dues.mark, 0, 0))
    advance(h, moves, inside, bar, stops, p, holes, NO_EXIT, dues)
    return choice


@jit
def _dues(market: MarketColumns, begin: int, until_ms: int) -> Dues:
    """Return the fundings from a number on that are due before a time."""
    end = begin
    while end < len(market.funding_ms) and market.funding_ms[end] < until_ms:
        end += 1
    return Dues(market.funding_rate, market.funding_mark, begin, end)


@jit
def _close_outside(
    h: Histories,
    moves: Moves,
    course: Course,
    bar: Bar,
    entry: int,
    stops: Stops,
    p: Placed,
    holes: int,
    dues: Dues,
) -> bool:
    """Take what may have happened before a close from outside, then that close; return whether there was a choice."""
    choice, at_ms, price = False, course.external_ms, course.external_price
    nothing = Dues(dues.rate, dues.mark, 0, 0)
    if at_ms > bar.at_ms:
        if entry != INSIDE_CANDLE:
            choice = advance(h, moves, phases_of(entry)[0], bar, stops, p, holes, NO_EXIT, nothing)
        choice = advance(h, moves, INSIDE_BEFORE_CLOSE, bar, stops, p, holes, NO_EXIT, dues) or choice
    outside = Bar(at_ms, price, price, price, price, price, price, price)
    advance(h, moves, EVERYTHING_CLOSES, outside, stops, p, holes, EXTERNAL, nothing)
    return choice


@jit
def _bar(opens: Integers, bars: Doubles, i: int, d: float) -> Bar:
    high, low = bars[i, 1], bars[i, 2]
    mark_high, mark_low = bars[i, 5], bars[i, 6]
    return Bar(
        opens[i],
        bars[i, 0],
        low if d > 0 else high,
        high if d > 0 else low,
        bars[i, 3],
        bars[i, 4],
        mark_low if d > 0 else mark_high,
        bars[i, 7],
    )


@jit
def _holes(opens: Integers, interval: int, holes_before: Integers, course: Course, i: int) -> int:
    """Return the holes crossed up to candle i; one behind a close from outside is none."""
    first = course.first
    holes = holes_before[i] - holes_before[first]
    if i == course.external_candle and i > first:
        expected = opens[i - 1] + interval
        if opens[i] > expected and course.external_ms <= expected:
            holes -= 1
    if opens[first] > course.opened_ms and course.external_ms > course.opened_ms:
        holes += 1
    return int(holes)


@jit
def _is_rule_close(opens: Integers, interval: int, rule_interval_ms: int, i: int) -> bool:
    return bool(rule_interval_ms > 0 and (opens[i] + interval - opens[0] % interval) % rule_interval_ms == 0)


@jit
def _search_end(
    opens: Integers,
    interval: int,
    funding_candle: Integers,
    due: int,
    course: Course,
    unseen: bool,
    i: int,
) -> int:
    """Return the first candle after i that must be looked at whatever its extremes are, or the end of the data."""
    end = course.external_candle
    if due < len(funding_candle):
        end = min(end, funding_candle[due])
    if i < course.time_candle:
        end = min(end, course.time_candle)
    if unseen or i >= course.time_candle:
        end = min(end, _next_rule_close(opens, interval, course.rule_interval_ms, i))
    return end


@jit
def _next_rule_close(opens: Integers, interval: int, rule_interval_ms: int, i: int) -> int:
    """Return the first candle after i that ends at or behind the next close of a rule interval."""
    grid, close_ms = opens[0] % interval, opens[i] + interval
    next_ms = grid + ((close_ms - grid) // rule_interval_ms + 1) * rule_interval_ms
    behind = min(len(opens), i + 1 + (next_ms - close_ms) // interval)
    return int(i + 1 + np.searchsorted(opens[i + 1 : behind], next_ms - interval, side="left"))


@jit
def _nearest(h: Histories, stops: Stops, p: Placed) -> tuple[float, float]:
    """Return the nearest stop and the nearest target of all states."""
    stop, target = -np.inf, np.nan
    for filled in range(p.last - 1, -1, -1):
        if is_open(h, filled):
            stop = max(stop, p.d * stops.tight[filled])
            target = p.price[filled]
    return p.d * stop, target


@jit
def _reaches(adverse: float, mark: float, favourable: float, stop: float, target: float, d: float) -> bool:
    """Return whether the contract or the mark price reaches a stop, or the contract a target."""
    return d * (adverse - stop) <= 0 or d * (mark - stop) <= 0 or d * (favourable - target) >= 0


@jit
def _next_touch(extremes: Extremes, stop: float, target: float, d: float, i: int, end: int) -> int:
    """Return the first candle from i on, before `end`, that reaches one of two prices, or `end`."""
    return first_touch_in_strides(
        extremes.low,
        extremes.high,
        extremes.low_of_blocks,
        extremes.high_of_blocks,
        stop if d > 0 else target,
        target if d > 0 else stop,
        i,
        end,
    )


@jit
def _write(walks: WalkColumns, row: int, h: Histories, entry_fee: float) -> None:
    for bound in range(2):
        doubles, integers = h.doubles[ENDED + bound], h.integers[ENDED + bound]
        walks.gross[row, bound] = doubles[GROSS]
        walks.exit_fees[row, bound] = doubles[EXIT_FEES]
        walks.slippage[row, bound] = doubles[SLIPPAGE]
        walks.funding[row, bound] = doubles[FUNDING]
        walks.net[row, bound] = net_of(h, ENDED + bound, entry_fee)
        walks.holes[row, bound] = integers[HOLES]
        walks.legs[row, bound] = integers[LEGS]
        for leg in range(integers[LEGS]):
            walks.level[row, bound, leg] = integers[LEVEL + leg]
            walks.fraction[row, bound, leg] = doubles[FRACTION + leg]
            walks.price[row, bound, leg] = doubles[PRICE + leg]
            walks.at_ms[row, bound, leg] = integers[AT + leg]
    walks.ambiguous[row] = several_ended(h)
