"""Simulate many positions on the candles of one market, in the order of the domain's row simulation.

A candle changes nothing if it touches no stop or target of any state, makes no new best price for a trailing
stop, and holds no funding, time stop or external close. Such candles are skipped.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from exitbrain.domain.simulation.outcome import LegLevel
from exitbrain.infrastructure.lab.arrays import Integers
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.arrays import code_of
from exitbrain.infrastructure.lab.walking.columns import (
    MarketColumns,
    SetupColumns,
    WalkColumns,
    empty_walks,
)
from exitbrain.infrastructure.lab.walking.course import (
    Course,
    bar_at,
    course_of,
    dues_from,
    entry_in,
    first_candles,
    holes_up_to,
    is_rule_close,
    next_touch,
    search_end,
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
    KernelHistories,
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
    KernelBar,
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
from exitbrain.infrastructure.lab.walking.stops import KernelStops, in_force, moved, seen, trailed_at_entry

_OPEN = code_of(LegLevel.OPEN)
_TIME = code_of(LegLevel.TIME)


def walk_columns(market: MarketColumns, setup: SetupColumns, threads: int = 2) -> WalkColumns:
    """Simulate every position in threads; results do not depend on the number of threads.

    Each position must have been opened where there are candles.
    """
    rows = len(setup.entry)
    placed, first, walks = placed_columns(setup), first_candles(market, setup.opened_ms), empty_walks(rows)
    edges = np.linspace(0, rows, threads + 1).astype(int).tolist()
    parts = [(begin_row, end_row) for begin_row, end_row in pairwise(edges) if begin_row < end_row]
    if len(parts) < 2:
        _walk_rows(market, setup, placed, first, walks, 0, rows)
        return walks
    with ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(_walk_rows, market, setup, placed, first, walks, *part) for part in parts]:
            done.result()
    return walks


@jit
def _walk_rows(
    market: MarketColumns,
    setup: SetupColumns,
    placed: PlacedColumns,
    first: Integers,
    walks: WalkColumns,
    begin_row: int,
    end_row: int,
) -> None:
    h, moves = room_for_histories(), room_for_moves()
    for row in range(begin_row, end_row):
        course = course_of(market.opens_ms, market.interval_ms, setup, first, row)
        p = placed_of(setup, placed, row)
        begin(h)
        last, ambiguous = _walk(market, course, p, h, moves)
        _write(walks, row, h, p.fee)
        walks.ambiguous_candles[row] = ambiguous
        walks.walked[row] = last + 1 - course.first
        unmarked = market.unmarked_before[last + 1] - market.unmarked_before[course.first]
        walks.mark_assumed[row] = unmarked > 0 and not np.isnan(p.worst)


@jit
def _walk(
    market: MarketColumns, course: Course, p: Placed, h: KernelHistories, moves: Moves
) -> tuple[int, int]:
    """Simulate one position; return its last candle and the number of candles that left a choice."""
    opens, bars, interval = market.opens_ms, market.bars, market.interval_ms
    trailing = not np.isnan(p.activation)
    trailed = trailed_at_entry(p)
    stops = in_force(trailed, p)
    unseen = trailing  # a best price, at first the entry, awaits the next rule close
    stop, target = _nearest(h, stops, p)
    due = int(np.searchsorted(market.funding_ms, course.opened_ms, side="right"))
    nothing = Dues(market.funding_rate, market.funding_mark, 0, 0)
    ambiguous = 0
    i = course.first
    entry = entry_in(opens, bars, interval, i, course, p)
    while True:
        holes = holes_up_to(opens, interval, market.holes_before, course, i)
        bar = bar_at(opens, bars, i, p.d)
        until = min(bar.at_ms + interval, course.external_ms)
        at_open = dues_from(market, due, min(bar.at_ms + 1, until))
        dues = dues_from(market, at_open.end, until)
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
        if is_rule_close(opens, interval, course.rule_interval_ms, i):
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
        end = search_end(opens, interval, market.funding_candle, due, course, unseen, i)
        best = trailed.known if trailing and p.d * (target - trailed.known) > 0 else target
        i = next_touch(market.contract if np.isnan(p.worst) else market.seen, stop, best, p.d, i + 1, end)
        if i == len(opens):
            holes = holes_up_to(opens, interval, market.holes_before, course, i - 1)
            last = bar_at(opens, bars, i - 1, p.d)
            advance(h, moves, EVERYTHING_CLOSES, last, stops, p, holes, _OPEN, nothing)
            return i - 1, ambiguous


@jit
def _touch(
    h: KernelHistories,
    moves: Moves,
    bar: KernelBar,
    at_open: bool,
    entry: int,
    stops: KernelStops,
    p: Placed,
    holes: int,
    dues: Dues,
) -> bool:
    """Process a candle's open, if touched, and its extremes; return whether their order is open."""
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
def _close_outside(
    h: KernelHistories,
    moves: Moves,
    course: Course,
    bar: KernelBar,
    entry: int,
    stops: KernelStops,
    p: Placed,
    holes: int,
    dues: Dues,
) -> bool:
    """Process the moves before an external close, then the close; return whether there was a choice."""
    choice, at_ms, price = False, course.external_ms, course.external_price
    nothing = Dues(dues.rate, dues.mark, 0, 0)
    if at_ms > bar.at_ms:
        if entry != INSIDE_CANDLE:
            choice = advance(h, moves, phases_of(entry)[0], bar, stops, p, holes, NO_EXIT, nothing)
        choice = advance(h, moves, INSIDE_BEFORE_CLOSE, bar, stops, p, holes, NO_EXIT, dues) or choice
    outside = KernelBar(at_ms, price, price, price, price, price, price, price)
    advance(h, moves, EVERYTHING_CLOSES, outside, stops, p, holes, EXTERNAL, nothing)
    return choice


@jit
def _nearest(h: KernelHistories, stops: KernelStops, p: Placed) -> tuple[float, float]:
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
def _write(walks: WalkColumns, row: int, h: KernelHistories, entry_fee: float) -> None:
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
    walks.last_end_ms[row] = h.last_end_ms[0]
