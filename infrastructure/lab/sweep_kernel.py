"""One pass of many policies over many decisions that computes, judges and counts at once.

Each row is read once for all policies of a block, so that parameters and counts stay in the nearest cache.
Each policy gets the rows in log order, so its sums are those of a simple loop.
"""

from typing import Any, NamedTuple

import numpy as np

from exitbrain.application.whatif.decisions import NOTICEABLE
from exitbrain.domain.levels.checked import LARGEST
from exitbrain.domain.levels.guard_rules import FAILED, ON_THE_LEVELS, PASSED, STOP_COSTS
from exitbrain.infrastructure.lab.arrays import Codes, Doubles
from exitbrain.infrastructure.lab.formula_rows import LSF_3_5, FormulaRows, outputs_of, row_of
from exitbrain.infrastructure.lab.jit import inlined, jit
from exitbrain.infrastructure.lab.kernels.lsf_3_5 import lsf_3_5
from exitbrain.infrastructure.lab.kernels.lsf_3_6 import lsf_3_6
from exitbrain.infrastructure.lab.rounding_kernel import nearest_placed, placed_increase, rounded_guards


class SweepRows(NamedTuple):
    """The input of a sweep for every decision, one array each.

    First the formula inputs; their `base_tp` and `base_sl` count if `own_tp` and `own_sl` are 1, else the
    policy's do. Then the record: levels as fractions, adjusted LSF, whether levels were refused (1), whether
    the plan was safe, and whether the harvest scheme would change. Last the guard inputs: `bracketed` is 1 if
    there are brackets; `placed` has a bit for each target with a share; stop plus cost must stay below
    `limit`; `ticked` is 1 if prices are rounded; `ratio`, `phase` and `whole` are as in `rounding_kernel`;
    `slices` is the state of the last guard.
    """

    formula: FormulaRows
    own_tp: Codes
    own_sl: Codes
    was_tp1: Doubles
    was_tp2: Doubles
    was_tp3: Doubles
    was_sl: Doubles
    was_lsf: Doubles
    was_refused: Codes
    was_safe: Codes
    other_harvest: Codes
    bracketed: Codes
    placed: Codes
    limit: Doubles
    ticked: Codes
    ratio: Doubles
    phase: Doubles
    whole: Doubles
    slices: Codes


CHANGED, LEAST, SUM, MOST = range(4)
"""Offsets of a field in the totals, four for each of `LEVELS_AND_LSF`."""

COMPARED, DECISIONS_CHANGED, REFUSED, UNFIT, SAFE, BECAME_UNSAFE, BECAME_SAFE = range(20, 27)
FIRST_FAILED = 27
FIRST_UNKNOWN = FIRST_FAILED + len(ON_THE_LEVELS)
PLACES = FIRST_UNKNOWN + len(ON_THE_LEVELS)
"""The other offsets; failed and unknown counts in the order of `guards.ON_THE_LEVELS`."""

_STOP = ON_THE_LEVELS.index("stop_wider_than_costs")
_LIQUIDATION = ON_THE_LEVELS.index("stop_inside_liquidation")
_TARGET = ON_THE_LEVELS.index("targets_beyond_costs")
_INCREASING = ON_THE_LEVELS.index("targets_increasing")
_TICKS = ON_THE_LEVELS.index("levels_on_distinct_ticks")
_SLICES = ON_THE_LEVELS.index("slices_placeable")


def no_totals(policies: int) -> Doubles:
    """Return zero totals of this many policies; counts are doubles too, exact up to 2^53."""
    totals = np.zeros((PLACES, policies))
    totals[LEAST:20:4] = np.inf
    totals[MOST:20:4] = -np.inf
    return totals


@jit
def sweep(which: Any, rows: Any, p: Any, scale: Any, totals: Any, unsure: Any) -> None:
    """Ask the policies with the parameters `p` about all rows and add to their totals.

    Raw distances are divided by `scale` to be fractions. Where `unsure` becomes 1, the guards of that row
    (first index) under that policy are not counted: the row judge must decide.
    """
    if which == LSF_3_5:
        _each(lsf_3_5, rows, p, scale, totals, unsure)
    else:
        _each(lsf_3_6, rows, p, scale, totals, unsure)


@inlined
def _each(kernel: Any, rows: Any, p: Any, scale: Any, totals: Any, unsure: Any) -> None:
    for i in range(len(rows.formula.leverage)):
        r = _row(rows, i)
        for j in range(p.shape[1]):
            base_tp = r.formula.base_tp if r.own_tp else p[0, j]
            base_sl = r.formula.base_sl if r.own_sl else p[1, j]
            out = outputs_of(kernel, r.formula, base_tp, base_sl, p, j)
            totals[UNFIT, j] += 0.0 if _fit(out) else 1.0
            _compare(r, out, scale, totals, j)
            if out[12] > 0.0:
                _count_refused(r, totals, j)
            else:
                unsure[i, j] = _judge(r, out, scale, totals, j)


@inlined
def _fit(out: Any) -> Any:
    """Return whether `checked_levels` would accept the outputs.

    Outputs not checked here are inputs, parameters, or a product of the two.
    """
    within = (abs(out[6]) <= LARGEST) & (abs(out[10]) <= LARGEST) & (abs(out[11]) <= LARGEST)
    within &= (abs(out[3]) <= LARGEST) & (abs(out[4]) <= LARGEST) & (abs(out[5]) <= LARGEST)
    above = (out[3] > 0.0) & (out[4] > 0.0) & (out[5] > 0.0) & (out[6] > 0.0)
    return (
        within & (abs(out[1]) <= LARGEST) & ((above & (out[10] >= 0.0) & (out[11] >= 0.0)) | (out[12] > 0.0))
    )


@inlined
def _compare(r: Any, out: Any, scale: Any, totals: Any, j: Any) -> None:
    refused, was_refused = out[12] > 0.0, r.was_refused != 0
    if refused or was_refused:
        totals[DECISIONS_CHANGED, j] += 1.0 if refused != was_refused else 0.0
        return
    totals[COMPARED, j] += 1.0
    changed = r.other_harvest != 0
    changed |= _change(0, r.was_tp1, out[3] / scale, totals, j)
    changed |= _change(4, r.was_tp2, out[4] / scale, totals, j)
    changed |= _change(8, r.was_tp3, out[5] / scale, totals, j)
    changed |= _change(12, r.was_sl, out[6] / scale, totals, j)
    changed |= _change(16, r.was_lsf, out[2], totals, j)
    totals[DECISIONS_CHANGED, j] += 1.0 if changed else 0.0


@inlined
def _change(at: Any, before: Any, after: Any, totals: Any, j: Any) -> Any:
    change = after - before
    least, most = totals[at + LEAST, j], totals[at + MOST, j]
    totals[at + LEAST, j] = change if change < least else least
    totals[at + MOST, j] = change if change > most else most
    totals[at + SUM, j] += change
    noticeable = abs(change) > NOTICEABLE
    totals[at + CHANGED, j] += 1.0 if noticeable else 0.0
    return noticeable


@inlined
def _count_refused(r: Any, totals: Any, j: Any) -> None:
    totals[REFUSED, j] += 1.0
    for place in range(FIRST_UNKNOWN, PLACES):
        totals[place, j] += 1.0
    totals[BECAME_UNSAFE, j] += r.was_safe


@inlined
def _judge(r: Any, out: Any, scale: Any, totals: Any, j: Any) -> Any:
    """Count the guard results; return 1, without counting, if they are not sure."""
    tp1, tp2, tp3, sl = out[3] / scale, out[4] / scale, out[5] / scale, out[6] / scale
    cost = r.formula.cost
    first, second, third = r.placed & 1 != 0, r.placed & 2 != 0, r.placed & 4 != 0
    if r.ticked:
        sure, stop, liquidation, target, increasing, ticks = rounded_guards(
            first,
            second,
            third,
            r.formula.direction,
            r.ratio,
            r.phase,
            r.whole,
            cost,
            r.limit,
            tp1,
            tp2,
            tp3,
            sl,
            out[10] / scale,
        )
        if not sure:
            return 1
    else:
        stop, target = sl >= STOP_COSTS * cost, nearest_placed(first, second, tp1, tp2, tp3) > cost
        liquidation, ticks = sl + cost < r.limit, False
        increasing = placed_increase(first, second, third, tp1, tp2, tp3)
    totals[FIRST_FAILED + _STOP, j] += 0.0 if stop else 1.0
    totals[FIRST_FAILED + _TARGET, j] += 0.0 if target else 1.0
    totals[FIRST_FAILED + _INCREASING, j] += 0.0 if increasing else 1.0
    totals[(FIRST_FAILED if r.bracketed else FIRST_UNKNOWN) + _LIQUIDATION, j] += (
        0.0 if r.bracketed and liquidation else 1.0
    )
    totals[(FIRST_FAILED if r.ticked else FIRST_UNKNOWN) + _TICKS, j] += 0.0 if ticks else 1.0
    totals[(FIRST_FAILED if r.slices == FAILED else FIRST_UNKNOWN) + _SLICES, j] += (
        0.0 if r.slices == PASSED else 1.0
    )
    passed = stop and target and increasing and liquidation and ticks
    safe = passed and r.bracketed != 0 and r.slices == PASSED
    totals[SAFE, j] += 1.0 if safe else 0.0
    totals[BECAME_UNSAFE, j] += 1.0 if r.was_safe and not safe else 0.0
    totals[BECAME_SAFE, j] += 1.0 if safe and not r.was_safe else 0.0
    return 0


@inlined
def _row(rows: Any, i: Any) -> Any:
    """Return one row."""
    return SweepRows(
        row_of(rows.formula, i),
        rows.own_tp[i],
        rows.own_sl[i],
        rows.was_tp1[i],
        rows.was_tp2[i],
        rows.was_tp3[i],
        rows.was_sl[i],
        rows.was_lsf[i],
        rows.was_refused[i],
        rows.was_safe[i],
        rows.other_harvest[i],
        rows.bracketed[i],
        rows.placed[i],
        rows.limit[i],
        rows.ticked[i],
        rows.ratio[i],
        rows.phase[i],
        rows.whole[i],
        rows.slices[i],
    )
