"""Turn recorded decisions into rows of a sweep, computing once whatever does not depend on the policies."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Context, Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from exitbrain.application.whatif.decisions import rebased_base
from exitbrain.domain.levels.guard_rules import FAILED, GUARDS, ON_THE_SIGNAL, PASSED, RANGES, UNKNOWN
from exitbrain.domain.levels.guards import Freshness, GuardReport
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.plans.decision import judge_levels
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, Unit
from exitbrain.infrastructure.lab.arrays import Codes, Doubles, InputColumns, Integers, Mask
from exitbrain.infrastructure.lab.decision_columns import Coded, DecisionColumns
from exitbrain.infrastructure.lab.formula_rows import FormulaRows, compute_rows, formula_rows, read_only
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.liquidation_kernel import liquidated
from exitbrain.infrastructure.lab.rounding_kernel import RATIO_MAX
from exitbrain.infrastructure.lab.slice_states import SliceStates
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns
from exitbrain.infrastructure.lab.sweep_kernel import SweepRows

_EXACT = Context(prec=100)
_ROUNDED = ("tp1", "tp2", "tp3", "sl", "floor", "harvest1", "harvest2", "harvest3")


@dataclass(frozen=True, slots=True)
class RecordedRows:
    """Decisions to ask about, each with its policy (an index into `policies`) and its snapshot."""

    columns: DecisionColumns
    policies: tuple[Policy, ...]
    policy: Integers
    snapshots: SnapshotColumns

    def part(self, rows: slice | Integers) -> "RecordedRows":
        """Return some of the decisions."""
        return RecordedRows(self.columns.take(rows), self.policies, self.policy[rows], self.snapshots)


class SweepBase:
    """The part of the rows that policies with the same formula, unit and ignored inputs share."""

    def __init__(self, recorded: RecordedRows, candidate: Policy) -> None:
        self._recorded = recorded
        columns = recorded.columns
        self._codes = columns.snapshot.codes.astype(np.int64)
        self._inputs = _inputs_of(columns)
        self.own_tp, base_tp = self._bases("base_tp", candidate)
        self.own_sl, base_sl = self._bases("base_sl", candidate)
        based = replace(self._inputs, base_tp=base_tp, base_sl=base_sl)
        self.formula = formula_rows(based, candidate.ignores, self._codes, recorded.snapshots.ladders)
        self._age_s: Doubles = (columns.recorded_at_us - columns.occurred_at_us) / 1000000.0
        self.before = guard_states_of(columns.guard_states)
        self.was_safe: Mask = (self.before[:, len(ON_THE_SIGNAL) :] == PASSED).all(axis=1)
        self.signal = self._signal()
        self._texts = _Decimals(columns.entry_price_text), _Decimals(columns.quantity_text)
        self._ticks = self._on_ticks()
        self._judged: dict[tuple[float, ...], GuardReport] = {}  # policies often give the same levels
        self._slices = SliceStates(self._position)

    def rows(self, candidate: Policy) -> SweepRows:
        """Return the rows for all policies with the harvest scheme of the candidate."""
        harvest = self._harvest(candidate)
        columns = self._recorded.columns
        unit = np.array([100.0 if policy.unit is Unit.PERCENT else 1.0 for policy in self._recorded.policies])
        scale = unit[self._recorded.policy]
        was = (columns.harvest1, columns.harvest2, columns.harvest3)
        other = (harvest[0] != was[0]) | (harvest[1] != was[1]) | (harvest[2] != was[2])
        first, beyond = self._recorded.snapshots.ladders.spans(self._codes)
        ticked, ratio, phase, whole = self._ticks
        rows = SweepRows(
            formula=self.formula,
            own_tp=self.own_tp,
            own_sl=self.own_sl,
            was_tp1=columns.tp1 / scale,
            was_tp2=columns.tp2 / scale,
            was_tp3=columns.tp3 / scale,
            was_sl=columns.sl / scale,
            was_lsf=columns.lsf_adjusted,
            was_refused=(columns.refusal != 0).astype(np.int8),
            was_safe=self.was_safe.astype(np.int8),
            other_harvest=other.astype(np.int8),
            bracketed=(first != beyond).astype(np.int8),
            placed=_placed(harvest),
            limit=self._limits(harvest),
            ticked=ticked.astype(np.int8),
            ratio=ratio,
            phase=phase,
            whole=whole,
            slices=self._slice_states(harvest),
        )
        formula = FormulaRows(*map(read_only, self.formula))
        return SweepRows(formula, *(read_only(np.asarray(column)) for column in rows[1:]))

    def judged(self, policy: Policy, places: Integers) -> Iterator[tuple[int, GuardReport]]:
        """Yield guard reports of rows that have levels under a policy, judged in Decimal like the domain."""
        taken = FormulaRows(*(column[places] for column in self.formula))
        own = {"base_tp": self.own_tp[places] != 0, "base_sl": self.own_sl[places] != 0}
        based = taken._replace(
            **{name: np.where(own[name], getattr(taken, name), policy.parameters[name]) for name in own}
        )
        outputs = compute_rows(policy, based)
        levels = np.stack([getattr(outputs, name) for name in _ROUNDED], axis=1)
        for row, each in zip(places.tolist(), map(tuple, levels.tolist()), strict=True):
            key = (row, *each)
            if key not in self._judged:
                self._judged[key] = self._judge(policy.unit, row, each)
            yield row, self._judged[key]

    def _judge(self, unit: Unit, row: int, levels: tuple[float, ...]) -> GuardReport:
        tp1, tp2, tp3, sl, floor, *harvest = levels
        shares = (harvest[0], harvest[1], harvest[2])
        # Placeholders for fields that no guard reads.
        raw = RawLevels(
            lsf=0.0,
            pnl_factor=1.0,
            lsf_adjusted=0.0,
            tp1=tp1,
            tp2=tp2,
            tp3=tp3,
            sl=sl,
            harvest=shares,
            floor=floor,
            cap=0.0,
            refusal=None,
            bounds=(),
        )
        instrument = self._recorded.snapshots.instruments[self._codes[row]]
        return judge_levels(unit, self._level_inputs(row), raw, instrument, self._freshness(row)).guards

    def _bases(self, name: str, candidate: Policy) -> tuple[Codes, Doubles]:
        recorded = self._recorded
        base = getattr(recorded.columns, name)
        policys_own = np.array([policy.parameters[name] for policy in recorded.policies])[recorded.policy]
        own = base != policys_own
        converted = base.copy()
        for row in np.flatnonzero(own):
            policy = recorded.policies[recorded.policy[row]]
            converted[row] = rebased_base(float(base[row]), name, policy, candidate)
        return own.astype(np.int8), converted

    def _harvest(self, candidate: Policy) -> tuple[Doubles, Doubles, Doubles]:
        outputs = compute_rows(candidate, self.formula)
        return outputs.harvest1, outputs.harvest2, outputs.harvest3

    def _limits(self, harvest: tuple[Doubles, Doubles, Doubles]) -> Doubles:
        x, ladders = self._inputs, self._recorded.snapshots.ladders
        first, beyond = ladders.spans(self._codes)
        limits = np.empty(len(first))
        _fill_limits(
            x.direction,
            x.entry_price,
            x.quantity,
            x.leverage,
            read_only(harvest[1]),
            read_only(harvest[2]),
            ladders.table,
            first,
            beyond,
            limits,
        )
        return limits

    def _signal(self) -> Integers:
        """Return the states of the signal guards, a row for each decision."""
        x, columns = self._inputs, self._recorded.columns
        in_range = np.ones(len(self._codes), dtype=np.bool_)
        for name, allowed in RANGES.items():
            value = getattr(x, name)
            in_range &= (value >= allowed.low) & (value <= allowed.high)
        age_s, most_s = self._age_s, columns.max_intent_age_s
        fresh = np.where((-most_s <= age_s) & (age_s <= most_s), PASSED, FAILED)
        known = ~np.isnan(x.entry_price) & ~np.isnan(x.quantity)
        found = {
            "leverage_is_known": np.where(columns.leverage_assumed, FAILED, PASSED),
            "inputs_in_range": np.where(in_range, PASSED, FAILED),
            "intent_is_fresh": np.where(columns.time_known, fresh, UNKNOWN),
            "price_is_known": np.where(known, PASSED, FAILED),
        }
        return np.stack([found[guard] for guard in ON_THE_SIGNAL], axis=1)

    def _on_ticks(self) -> tuple[Mask, Doubles, Doubles, Doubles]:
        """Return which rows are rounded to ticks, and their entry in ticks: ratio, phase and whole."""
        count = len(self._codes)
        ticked = self._recorded.snapshots.ticked[self._codes] & ~np.isnan(self._inputs.entry_price)
        ratio, phase, whole = np.ones(count), np.zeros(count), np.zeros(count)
        for row in np.flatnonzero(ticked).tolist():
            instrument = self._recorded.snapshots.instruments[self._codes[row]]
            entry = self._texts[0].of(row)
            assert instrument is not None
            assert instrument.tick_size is not None
            assert entry is not None
            ratio[row], phase[row], whole[row] = in_ticks(entry, instrument.tick_size)
        return ticked, ratio, phase, whole

    def _slice_states(self, harvest: tuple[Doubles, Doubles, Doubles]) -> Codes:
        """Return the state of `slices_placeable`, which depends only on position and harvest scheme."""
        known = self._recorded.snapshots.stepped[self._codes] & (self.signal[:, -1] == PASSED)
        states = np.full(len(known), UNKNOWN, dtype=np.int8)
        for row in np.flatnonzero(known).tolist():
            shares = (float(harvest[0][row]), float(harvest[1][row]), float(harvest[2][row]))
            states[row] = PASSED if self._slices.passes(row, shares) else FAILED
        return states

    def _position(self, row: int) -> tuple[Decimal, Decimal, Instrument]:
        """Return quantity, entry price and instrument of a row that has them."""
        quantity, entry = self._texts[1].of(row), self._texts[0].of(row)
        instrument = self._recorded.snapshots.instruments[self._codes[row]]
        assert quantity is not None
        assert entry is not None
        assert instrument is not None
        return quantity, entry, instrument

    def _level_inputs(self, row: int) -> LevelInputs:
        x = self._inputs

        def of(name: str) -> float:
            return float(getattr(x, name)[row])

        return LevelInputs(
            side=Side.LONG if x.direction[row] > 0.0 else Side.SHORT,
            leverage=of("leverage"),
            leverage_assumed=bool(self._recorded.columns.leverage_assumed[row]),
            volatility=of("volatility"),
            funding=of("funding"),
            divergence=of("divergence"),
            confidence=of("confidence"),
            average_pnl=of("average_pnl"),
            base_tp=of("base_tp"),
            base_sl=of("base_sl"),
            fee_bps=of("fee_bps"),
            slippage_bps=of("slippage_bps"),
            entry_price=self._texts[0].of(row),
            quantity=self._texts[1].of(row),
        )

    def _freshness(self, row: int) -> Freshness:
        columns = self._recorded.columns
        known = bool(columns.time_known[row])
        return Freshness(float(self._age_s[row]) if known else None, float(columns.max_intent_age_s[row]))


def _inputs_of(columns: DecisionColumns) -> InputColumns:
    """Return the recorded inputs of decisions."""
    return InputColumns(**{name: getattr(columns, name) for name in InputColumns.__dataclass_fields__})


def guard_states_of(packed: npt.NDArray[np.int32]) -> Integers:
    """Return the states of all guards, a row for each decision."""
    shifts = 2 * np.arange(len(GUARDS))
    return (packed.astype(np.int64)[:, None] >> shifts) & 3


def _placed(harvest: tuple[Doubles, Doubles, Doubles]) -> Codes:
    """Return the placed targets as bits, the first in the lowest."""
    first, second, third = ((share > 0.0).astype(np.int8) for share in harvest)
    return first | second << 1 | third << 2


class _Decimals:
    """The decimals of a text column, each made once."""

    def __init__(self, column: Coded) -> None:
        self._codes = column.codes
        self._values: list[Decimal | None] = [*map(Decimal, column.values), None]

    def of(self, row: int) -> Decimal | None:
        return self._values[int(self._codes[row])]


@lru_cache(maxsize=65536)
def in_ticks(entry: Decimal, tick: Decimal) -> tuple[float, float, float]:
    """Return ratio, phase and whole of an entry; a NaN ratio leaves every result to the row judge."""
    exact = _EXACT.divide(entry, tick)
    whole = exact.to_integral_value(rounding=ROUND_FLOOR)
    phase = float(_EXACT.divide(_EXACT.subtract(entry, _EXACT.multiply(whole, tick)), tick))
    if float(exact) >= RATIO_MAX:
        return float("nan"), phase, float(whole)
    return float(exact), phase, float(whole)


@jit
def _fill_limits(
    direction: Any,
    entry: Any,
    quantity: Any,
    leverage: Any,
    harvest2: Any,
    harvest3: Any,
    table: Any,
    first: Any,
    beyond: Any,
    limits: Any,
) -> None:
    """Fill in the distance that stop plus costs must stay below while open after 0, 1 and 2 targets.

    -inf if no bracket allows the leverage, inf if there are no brackets.
    """
    for i in range(len(limits)):
        limits[i] = np.inf
        if first[i] == beyond[i]:
            continue
        sized = not (np.isnan(entry[i]) or np.isnan(quantity[i]))
        for filled in range(3 if sized else 1):
            still_open = 1.0
            if filled == 1:
                still_open = harvest2[i] + harvest3[i]
            elif filled == 2:
                still_open = harvest3[i]
            if still_open <= 0.0:
                break
            distance, _, allowed = liquidated(
                direction[i],
                entry[i],
                quantity[i] * still_open,
                sized,
                leverage[i],
                table,
                first[i],
                beyond[i],
            )
            if allowed <= 0.0 or np.isnan(distance):
                limits[i] = -np.inf
            elif distance < limits[i]:
                limits[i] = distance
