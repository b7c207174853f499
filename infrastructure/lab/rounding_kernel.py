"""Check guards on prices rounded to ticks, in doubles wherever doubles are certain.

The domain rounds in Decimal. Here prices are counted in ticks from the last grid point below the entry, which
keeps numbers small. With the entry at `ratio` ticks, `phase` ticks above that grid point, a target lies at
phase + ratio * distance, and (for a long) its floor is the rounded price; the rounded distance is that minus
the phase, divided by the ratio. Doubles are off by less than 2^-50 of the terms added. If a price is closer
than that to a grid point, or a rounded distance that close to its limit, the result is unsure, and the row
judge decides in Decimal.
"""

from typing import Any

import numpy as np

from exitbrain.domain.levels.guard_rules import STOP_COSTS
from exitbrain.infrastructure.lab.jit import inlined

RATIO_MAX = 2.0**40
"""The largest entry in ticks; above it, every result is unsure."""

_FAR = 2.0**44
_SLACK = 2.0**-50
_CLOSE = 1e-13


@inlined
def rounded_guards(
    placed1: Any,
    placed2: Any,
    placed3: Any,
    up: Any,
    ratio: Any,
    phase: Any,
    whole: Any,
    cost: Any,
    limit: Any,
    tp1: Any,
    tp2: Any,
    tp3: Any,
    sl: Any,
    floor: Any,
) -> Any:
    """Return whether the result is sure, and whether the rounded plan keeps each of five rules.

    `placed1` to `placed3` say which targets have a share; the rules ignore the others. `whole` is the grid
    point below the entry in ticks, `limit` the distance that stop plus cost must stay below. The rules: stop
    wider than costs, inside liquidation, nearest target beyond costs, targets increasing, no two levels on
    one tick.
    """
    first, sure1 = target_point(up, ratio, phase, tp1)
    second, sure2 = target_point(up, ratio, phase, tp2)
    third, sure3 = target_point(up, ratio, phase, tp3)
    stop, sure4 = stop_point(up, ratio, phase, sl, floor)
    nearest = up * (nearest_placed(placed1, placed2, first, second, third) - phase) / ratio
    risk = up * (phase - stop) / ratio
    sure = (
        (sure1 or not placed1)
        and (sure2 or not placed2)
        and (sure3 or not placed3)
        and sure4
        and _told_apart(risk, STOP_COSTS * cost, ratio)
        and _told_apart(risk + cost, limit, ratio)
        and _told_apart(nearest, cost, ratio)
    )
    distinct = (
        (first != second or not (placed1 and placed2))
        and (first != third or not (placed1 and placed3))
        and (second != third or not (placed2 and placed3))
        and (not placed1 or _alone(first, stop, phase, whole))
        and (not placed2 or _alone(second, stop, phase, whole))
        and (not placed3 or _alone(third, stop, phase, whole))
        and (phase != 0.0 or stop != 0.0)
        and whole + stop > 0.0
    )
    increasing = placed_increase(placed1, placed2, placed3, up * first, up * second, up * third)
    return sure, risk >= STOP_COSTS * cost, risk + cost < limit, nearest > cost, increasing, distinct


@inlined
def nearest_placed(placed1: Any, placed2: Any, tp1: Any, tp2: Any, tp3: Any) -> Any:
    """Return the value of the nearest target that has a share."""
    if placed1:
        return tp1
    return tp2 if placed2 else tp3


@inlined
def placed_increase(placed1: Any, placed2: Any, placed3: Any, tp1: Any, tp2: Any, tp3: Any) -> Any:
    """Return whether each target with a share is beyond the one before it."""
    return (
        (tp1 < tp2 or not (placed1 and placed2))
        and (tp2 < tp3 or not (placed2 and placed3))
        and (tp1 < tp3 or placed2 or not (placed1 and placed3))
    )


@inlined
def target_point(up: Any, ratio: Any, phase: Any, distance: Any) -> Any:
    """Return the grid point of a target, rounded toward the entry, and whether it is sure."""
    step = ratio * distance
    exact = phase + up * step
    point = np.floor(exact) if up > 0.0 else np.ceil(exact)
    return point, _off_grid(exact, step)


@inlined
def stop_point(up: Any, ratio: Any, phase: Any, distance: Any, floor: Any) -> Any:
    """Return the grid point of a stop, toward the entry unless below the floor, and whether it is sure."""
    step, least = ratio * distance, ratio * floor
    exact, allowed = phase - up * step, phase - up * least
    point = np.ceil(exact) if up > 0.0 else np.floor(exact)
    sure = _off_grid(exact, step) and abs(point - allowed) > (abs(least) + 1.0) * _SLACK
    return point - up if up * (point - allowed) > 0.0 else point, sure


@inlined
def _alone(point: Any, stop: Any, phase: Any, whole: Any) -> Any:
    """Return whether a target is at neither the stop nor the entry, and has a price above 0."""
    return point != stop and (phase != 0.0 or point != 0.0) and whole + point > 0.0


@inlined
def _off_grid(exact: Any, step: Any) -> Any:
    slack = (abs(step) + 1.0) * _SLACK
    above = exact - np.floor(exact)
    return abs(exact) < _FAR and slack < above < 1.0 - slack


@inlined
def _told_apart(rounded: Any, limit: Any, ratio: Any) -> Any:
    return abs(rounded - limit) > _CLOSE * (abs(rounded) + abs(rounded) + 1.0 / ratio)
