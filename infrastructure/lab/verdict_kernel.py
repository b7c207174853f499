"""Verdicts over columns: recompute each decision under its policy and compare every bit of the record.

What is compared: the outputs, the refusal, the states of the guards, and the judgement, the digest of what bound, why
guards were not checkable, the figures of failed ones and the trigger prices (see `judgement`). A row that can not be
judged here, such as one whose prices are rounded to ticks, is not exact: the row judge must look at it, and at every
row that differs, since it alone can say where.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exitbrain.domain.guards import AVERAGE_MAX, GUARDS, REFUSED, STOP_COSTS
from exitbrain.domain.policy import Policy
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.lab.arrays import Doubles, InputColumns
from exitbrain.infrastructure.lab.decision_columns import DecisionColumns, Mask
from exitbrain.infrastructure.lab.formula_kernel import OUTPUTS
from exitbrain.infrastructure.lab.formula_rows import (
    KERNELS,
    FormulaRows,
    compute_block,
    formula_rows,
    kernel_of,
    parameter_column,
    read_only,
)
from exitbrain.infrastructure.lab.jit import inlined, jit
from exitbrain.infrastructure.lab.judgement import (
    FAILED,
    NO_TRIGGERS,
    PASSED,
    SEED,
    TRIGGERS,
    UNKNOWN,
    bits_of,
    bound_word,
    guard_word,
    mixed,
    reason_bits,
)
from exitbrain.infrastructure.lab.liquidation_kernel import liquidated
from exitbrain.infrastructure.lab.rounding_kernel import nearest_placed, placed_increase
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns


class JudgedRows(NamedTuple):
    """What the verdict reads of the record, one array each, by the names of `DecisionColumns`."""

    leverage: Doubles
    leverage_assumed: Mask
    direction: Doubles
    volatility: Doubles
    funding: Doubles
    divergence: Doubles
    confidence: Doubles
    average_pnl: Doubles
    entry_price: Doubles
    quantity: Doubles
    occurred_at_us: npt.NDArray[np.int64]
    recorded_at_us: npt.NDArray[np.int64]
    time_known: Mask
    max_intent_age_s: Doubles
    lsf: Doubles
    pnl_factor: Doubles
    lsf_adjusted: Doubles
    tp1: Doubles
    tp2: Doubles
    tp3: Doubles
    sl: Doubles
    harvest1: Doubles
    harvest2: Doubles
    harvest3: Doubles
    floor: Doubles
    cap: Doubles
    refusal: npt.NDArray[np.int8]
    refused: Mask
    regular: Mask
    guard_states: npt.NDArray[np.int32]
    judgement: npt.NDArray[np.uint64]


def input_columns(columns: DecisionColumns) -> InputColumns:
    """Return the recorded inputs of decisions."""
    return InputColumns(**{name: getattr(columns, name) for name in InputColumns.__dataclass_fields__})


def exact_rows(policy: Policy, columns: DecisionColumns, snapshots: SnapshotColumns) -> Mask:
    """Return which decisions, all of one policy, are proven to come out again bit for bit.

    `snapshots` are the instruments behind the codes of `columns.snapshot`. Raises NoKernel.
    """
    which = kernel_of(policy)
    codes = columns.snapshot.codes.astype(np.int64)
    x = formula_rows(input_columns(columns), policy.ignores, codes, snapshots.ladders)
    first, beyond = snapshots.ladders.spans(codes)
    exact = np.zeros(len(columns), dtype=np.bool_)
    _judge(
        which,
        FormulaRows(*map(read_only, x)),
        parameter_column(policy).reshape(-1, 1),
        policy.unit is Unit.PERCENT,
        JudgedRows(*(read_only(getattr(columns, name)) for name in JudgedRows._fields)),
        read_only(_BOUND_WORDS[policy.formula]),
        read_only(snapshots.ladders.table),
        read_only(first),
        read_only(beyond),
        read_only(snapshots.ticked[codes]),
        read_only(snapshots.stepped[codes]),
        exact,
    )
    return exact


_BOUND_WORDS = {
    formula: np.array([bound_word(*bound) for bound in bounds], dtype=np.uint64)
    for formula, (_, bounds) in KERNELS.items()
}
(
    _LEVERAGE,
    _RANGE,
    _FRESH,
    _PRICE,
    _STOP,
    _LIQUIDATION,
    _TARGET_COSTS,
    _INCREASING,
    _TICKS,
    _SLICES,
) = range(len(GUARDS))


def _because(place: int, reason: str) -> np.uint64:
    return np.uint64(reason_bits(GUARDS[place], reason))


_REFUSED = np.uint64(0)
for _place in range(_STOP, len(GUARDS)):
    _REFUSED |= _because(_place, REFUSED)
_NO_TIME = _because(_FRESH, "the time of the message is not known")
_NO_BRACKETS = _because(_LIQUIDATION, "no leverage brackets")
_NO_TICK = _because(_TICKS, "no tick size")
_NO_ENTRY = _because(_TICKS, "no entry price")
_NO_STEP = _because(_SLICES, "no step size")
_NO_QUANTITY = _because(_SLICES, "no quantity")
_NO_SLICE_PRICE = _because(_SLICES, "no entry price")
_ALL_UNKNOWN = sum(UNKNOWN << 2 * place for place in range(_STOP, len(GUARDS)))
_WORDS = np.array([guard_word(guard, 0) for guard in GUARDS], dtype=np.uint64)
_NONE, _SOME = np.uint64(NO_TRIGGERS), np.uint64(TRIGGERS)
_BLOCK = 512  # rows whose outputs stay in the nearest cache
_EIGHT = np.uint64(8)


@jit
def _judge(
    which: Any,
    x: Any,
    p: Any,
    percent: Any,
    r: Any,
    bound_words: Any,
    table: Any,
    first: Any,
    beyond: Any,
    ticked: Any,
    stepped: Any,
    exact: Any,
) -> None:
    sites = len(bound_words)
    outputs = np.empty((len(OUTPUTS), _BLOCK))
    binds = np.empty((_BLOCK, sites), dtype=np.bool_)
    before, after = np.empty((_BLOCK, sites)), np.empty((_BLOCK, sites))
    for start in range(0, len(exact), _BLOCK):
        rows = min(_BLOCK, len(exact) - start)
        compute_block(which, x, p, start, rows, outputs, binds, before, after)
        for at in range(rows):
            i = start + at
            row = _row(r, i)
            out = _outputs(outputs, at)
            if not row.regular or not _same_outputs(out, row):
                continue
            digest, bounds = SEED, 0
            for site in range(sites):
                if binds[at, site]:
                    digest = mixed(digest, bound_words[site])
                    digest = mixed(digest, bits_of(before[at, site]))
                    digest = mixed(digest, bits_of(after[at, site]))
                    bounds += 1
            if out[12] > 0.0:
                states, digest = _refused(digest, bounds, row)
            else:
                priced = not np.isnan(row.entry_price)
                sized = priced and not np.isnan(row.quantity)
                if (ticked[i] and priced) or (stepped[i] and sized):
                    continue  # rounded in Decimal, by the row judge
                span = (table, first[i], beyond[i])
                states, digest = _levelled(
                    digest, bounds, out, x.cost[i], percent, row, span, ticked[i], stepped[i]
                )
            targets_failed = (
                states >> 2 * _TARGET_COSTS & 3 == FAILED or states >> 2 * _INCREASING & 3 == FAILED
            )
            if targets_failed and min(out[7], out[8], out[9]) <= 0.0:
                continue  # figures of some targets only have no digest
            exact[i] = states == row.guard_states and digest == row.judgement


@inlined
def _row(r: Any, i: Any) -> Any:
    """Return one row: numbers can be handed on for nothing, arrays are counted each time."""
    return JudgedRows(
        r.leverage[i],
        r.leverage_assumed[i],
        r.direction[i],
        r.volatility[i],
        r.funding[i],
        r.divergence[i],
        r.confidence[i],
        r.average_pnl[i],
        r.entry_price[i],
        r.quantity[i],
        r.occurred_at_us[i],
        r.recorded_at_us[i],
        r.time_known[i],
        r.max_intent_age_s[i],
        r.lsf[i],
        r.pnl_factor[i],
        r.lsf_adjusted[i],
        r.tp1[i],
        r.tp2[i],
        r.tp3[i],
        r.sl[i],
        r.harvest1[i],
        r.harvest2[i],
        r.harvest3[i],
        r.floor[i],
        r.cap[i],
        r.refusal[i],
        r.refused[i],
        r.regular[i],
        r.guard_states[i],
        r.judgement[i],
    )


@inlined
def _outputs(outputs: Any, at: Any) -> Any:
    return (
        outputs[0, at],
        outputs[1, at],
        outputs[2, at],
        outputs[3, at],
        outputs[4, at],
        outputs[5, at],
        outputs[6, at],
        outputs[7, at],
        outputs[8, at],
        outputs[9, at],
        outputs[10, at],
        outputs[11, at],
        outputs[12, at],
    )


@inlined
def _same(a: Any, b: Any) -> Any:
    return bits_of(a) == bits_of(b)


@inlined
def _same_outputs(out: Any, r: Any) -> Any:
    code = int(out[12])
    return (
        _same(out[0], r.lsf)
        and _same(out[1], r.pnl_factor)
        and _same(out[2], r.lsf_adjusted)
        and _same(out[3], r.tp1)
        and _same(out[4], r.tp2)
        and _same(out[5], r.tp3)
        and _same(out[6], r.sl)
        and _same(out[7], r.harvest1)
        and _same(out[8], r.harvest2)
        and _same(out[9], r.harvest3)
        and _same(out[10], r.floor)
        and _same(out[11], r.cap)
        and code == r.refusal
        and (code > 0) == r.refused
    )


@inlined
def _closed(digest: Any, bounds: Any, reasons: Any) -> Any:
    return mixed(digest, (reasons << _EIGHT) | np.uint64(bounds))


@inlined
def _failing(digest: Any, guard: Any, mask: Any) -> Any:
    return mixed(digest, _WORDS[guard] | (np.uint64(mask) << _EIGHT))


@inlined
def _refused(digest: Any, bounds: Any, r: Any) -> Any:
    states, outside, age_s = _signal(r)
    reasons = _REFUSED if r.time_known else _REFUSED | _NO_TIME
    digest = _signal_figures(_closed(digest, bounds, reasons), states, outside, age_s, r)
    return states | _ALL_UNKNOWN, mixed(digest, _NONE)


@inlined
def _signal(r: Any) -> Any:
    """Return the states of the guards on the signal, which inputs are outside of their range, and the age."""
    states = FAILED << 2 * _LEVERAGE if r.leverage_assumed else PASSED
    outside = 0
    if not 0.0 <= r.volatility <= 3.0:
        outside |= 1
    if not 0.0 <= r.divergence <= 1.0:
        outside |= 2
    if not -0.03 < r.funding < 0.03:
        outside |= 4
    if not 0.0 <= r.confidence <= 1.0:
        outside |= 8
    if not -AVERAGE_MAX <= r.average_pnl <= AVERAGE_MAX:
        outside |= 16
    if outside:
        states |= FAILED << 2 * _RANGE
    age_s = (r.recorded_at_us - r.occurred_at_us) / 1000000.0
    if not r.time_known:
        states |= UNKNOWN << 2 * _FRESH
    elif not -r.max_intent_age_s <= age_s <= r.max_intent_age_s:
        states |= FAILED << 2 * _FRESH
    if np.isnan(r.entry_price) or np.isnan(r.quantity):
        states |= FAILED << 2 * _PRICE
    return states, outside, age_s


@inlined
def _signal_figures(digest: Any, states: Any, outside: Any, age_s: Any, r: Any) -> Any:
    if r.leverage_assumed:
        digest = mixed(_failing(digest, _LEVERAGE, 1), bits_of(r.leverage))
    if outside:
        digest = _failing(digest, _RANGE, outside)
        if outside & 1:
            digest = mixed(digest, bits_of(r.volatility))
        if outside & 2:
            digest = mixed(digest, bits_of(r.divergence))
        if outside & 4:
            digest = mixed(digest, bits_of(r.funding))
        if outside & 8:
            digest = mixed(digest, bits_of(r.confidence))
        if outside & 16:
            digest = mixed(digest, bits_of(r.average_pnl))
    if states >> 2 * _FRESH & 3 == FAILED:
        digest = mixed(_failing(digest, _FRESH, 3), bits_of(age_s))
        digest = mixed(digest, bits_of(r.max_intent_age_s))
    if states >> 2 * _PRICE & 3 == FAILED:
        digest = mixed(_failing(digest, _PRICE, 3), bits_of(0.0 if np.isnan(r.entry_price) else 1.0))
        digest = mixed(digest, bits_of(0.0 if np.isnan(r.quantity) else 1.0))
    return digest


@inlined
def _levelled(
    digest: Any,
    bounds: Any,
    out: Any,
    cost: Any,
    percent: Any,
    r: Any,
    span: Any,
    ticked: Any,
    stepped: Any,
) -> Any:
    scale = 100.0 if percent else 1.0  # dividing by 1 changes no bit
    tp1, tp2, tp3, sl = out[3] / scale, out[4] / scale, out[5] / scale, out[6] / scale
    states, outside, age_s = _signal(r)
    reasons = np.uint64(0) if r.time_known else _NO_TIME
    before_liquidation, liquidation, filled, allowed = _liquidated_before(sl + cost, r, out[8], out[9], span)
    if not sl >= STOP_COSTS * cost:
        states |= FAILED << 2 * _STOP
    if span[1] == span[2]:
        states |= UNKNOWN << 2 * _LIQUIDATION
        reasons |= _NO_BRACKETS
    elif before_liquidation:
        states |= FAILED << 2 * _LIQUIDATION
    first, second, third = out[7] > 0.0, out[8] > 0.0, out[9] > 0.0
    if not nearest_placed(first, second, tp1, tp2, tp3) > cost:
        states |= FAILED << 2 * _TARGET_COSTS
    if not placed_increase(first, second, third, tp1, tp2, tp3):
        states |= FAILED << 2 * _INCREASING
    states |= UNKNOWN << 2 * _TICKS | UNKNOWN << 2 * _SLICES
    reasons |= _NO_ENTRY if ticked else _NO_TICK
    if not stepped:
        reasons |= _NO_STEP
    else:
        reasons |= _NO_QUANTITY if np.isnan(r.quantity) else _NO_SLICE_PRICE

    digest = _signal_figures(_closed(digest, bounds, reasons), states, outside, age_s, r)
    if states >> 2 * _STOP & 3 == FAILED:
        digest = mixed(_failing(digest, _STOP, 7), bits_of(sl))
        digest = mixed(mixed(digest, bits_of(cost)), bits_of(STOP_COSTS * cost))
    if states >> 2 * _LIQUIDATION & 3 == FAILED:
        digest = mixed(_failing(digest, _LIQUIDATION, 15), bits_of(sl + cost))
        digest = mixed(mixed(digest, bits_of(liquidation)), bits_of(filled))
        digest = mixed(digest, bits_of(allowed))
    if states >> 2 * _TARGET_COSTS & 3 == FAILED:
        digest = mixed(mixed(_failing(digest, _TARGET_COSTS, 3), bits_of(tp1)), bits_of(cost))
    if states >> 2 * _INCREASING & 3 == FAILED:
        digest = mixed(mixed(_failing(digest, _INCREASING, 7), bits_of(tp1)), bits_of(tp2))
        digest = mixed(digest, bits_of(tp3))
    return states, _triggers(digest, r.entry_price, r.direction, tp1, tp2, tp3, sl)


@inlined
def _liquidated_before(worst: Any, r: Any, harvest2: Any, harvest3: Any, span: Any) -> Any:
    """Return whether the stop fails for what is open after 0, 1 or 2 targets, and the figures of the first."""
    table, first, beyond = span
    entry = r.entry_price
    sized = not (np.isnan(entry) or np.isnan(r.quantity))
    for filled in range(3):
        still_open = 1.0
        if filled == 1:
            still_open = harvest2 + harvest3
        elif filled == 2:
            still_open = harvest3
        if still_open <= 0.0:
            break
        distance, _, allowed = liquidated(
            r.direction, entry, r.quantity * still_open, sized, r.leverage, table, first, beyond
        )
        if allowed <= 0.0 or not worst < distance:
            return True, distance, float(filled), allowed
        if not sized:
            break
    return False, 0.0, 0.0, 1.0


@inlined
def _triggers(digest: Any, entry: Any, up: Any, tp1: Any, tp2: Any, tp3: Any, sl: Any) -> Any:
    if np.isnan(entry):
        return mixed(digest, _NONE)
    digest = mixed(digest, _SOME)
    digest = mixed(digest, bits_of(entry * (1.0 + up * tp1)))
    digest = mixed(digest, bits_of(entry * (1.0 + up * tp2)))
    digest = mixed(digest, bits_of(entry * (1.0 + up * tp3)))
    return mixed(digest, bits_of(entry * (1.0 - up * sl)))
