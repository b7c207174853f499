"""The path of one position through the candles: where it begins, and which candles need a closer look."""

from typing import NamedTuple

import numpy as np

from exitbrain.infrastructure.lab.arrays import Doubles, Integers
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.walking.columns import Extremes, MarketColumns, SetupColumns
from exitbrain.infrastructure.lab.walking.histories import Dues
from exitbrain.infrastructure.lab.walking.moves import BEFORE, INSIDE_CANDLE, UNSURE, KernelBar
from exitbrain.infrastructure.lab.walking.placed import Placed
from exitbrain.infrastructure.lab.walking.scan import first_touch_in_strides


class Course(NamedTuple):
    """The first candle of a position, and those from which the time stop and an external close apply."""

    first: int
    opened_ms: int
    rule_interval_ms: int
    time_candle: int
    external_candle: int
    external_ms: int
    external_price: float


def first_candles(market: MarketColumns, opened_ms: Integers) -> Integers:
    """Return, for each time, the candle that contains it, or else the next one."""
    before = np.searchsorted(market.opens_ms, opened_ms, side="right") - 1
    held = opened_ms < market.opens_ms[np.maximum(before, 0)] + market.interval_ms
    return np.where(held, before, before + 1)


@jit
def course_of(opens: Integers, interval: int, setup: SetupColumns, first: Integers, row: int) -> Course:
    """Return the course of one row, which begins at candle `first[row]`."""
    opened_ms, external_ms = setup.opened_ms[row], setup.external_ms[row]
    due_ms = opened_ms + setup.time_stop_ms[row]
    return Course(
        first[row],
        opened_ms,
        setup.rule_interval_ms[row],
        np.searchsorted(opens, due_ms - interval, side="left"),
        np.searchsorted(opens, external_ms - interval, side="right"),
        external_ms,
        setup.external_price[row],
    )


@jit
def entry_in(opens: Integers, bars: Doubles, interval: int, i: int, course: Course, p: Placed) -> int:
    """Return whether the entry is before or inside the first candle, or unsure."""
    if opens[i] != course.opened_ms:
        return BEFORE if opens[i] > course.opened_ms else INSIDE_CANDLE
    after_close = i > 0 and opens[i - 1] + interval == opens[i] and bars[i - 1, 3] == p.entry
    return BEFORE if bars[i, 0] == p.entry or after_close else UNSURE


@jit
def dues_from(market: MarketColumns, begin: int, until_ms: int) -> Dues:
    """Return the funding payments from index `begin` on that are due before a time."""
    end = begin
    while end < len(market.funding_ms) and market.funding_ms[end] < until_ms:
        end += 1
    return Dues(market.funding_rate, market.funding_mark, begin, end)


@jit
def bar_at(opens: Integers, bars: Doubles, i: int, d: float) -> KernelBar:
    """Return a candle as a position of this direction sees it."""
    high, low = bars[i, 1], bars[i, 2]
    mark_high, mark_low = bars[i, 5], bars[i, 6]
    return KernelBar(
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
def holes_up_to(opens: Integers, interval: int, holes_before: Integers, course: Course, i: int) -> int:
    """Return the holes crossed up to candle i; one after an external close does not count."""
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
def is_rule_close(opens: Integers, interval: int, rule_interval_ms: int, i: int) -> bool:
    """Return whether candle i ends with a rule interval."""
    return bool(rule_interval_ms > 0 and (opens[i] + interval - opens[0] % interval) % rule_interval_ms == 0)


@jit
def search_end(
    opens: Integers,
    interval: int,
    funding_candle: Integers,
    due: int,
    course: Course,
    unseen: bool,
    i: int,
) -> int:
    """Return the first candle after i that must be examined whatever its extremes, or the end of the data."""
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
    """Return the first candle after i that ends at or after the next close of a rule interval."""
    grid, close_ms = opens[0] % interval, opens[i] + interval
    next_ms = grid + ((close_ms - grid) // rule_interval_ms + 1) * rule_interval_ms
    behind = min(len(opens), i + 1 + (next_ms - close_ms) // interval)
    return int(i + 1 + np.searchsorted(opens[i + 1 : behind], next_ms - interval, side="left"))


@jit
def next_touch(extremes: Extremes, stop: float, target: float, d: float, i: int, end: int) -> int:
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
