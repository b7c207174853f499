"""A formula over columns of float64, by NumPy: one more reading of its text, bit for bit as with floats.

Only the written operations are used, element by element: no reduction (a sum may reorder), no fused or relaxed
arithmetic. The logarithm is the correctly rounded one of the laboratory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from exitbrain.domain.algebra import Bound
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.levels.liquidation import Liquidation, liquidation
from exitbrain.domain.policies.formulas.registry import formula_of, parameters_of
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import round_trip_cost
from exitbrain.infrastructure.lab.arrays import Doubles, InputColumns, Mask
from exitbrain.infrastructure.lab.logarithm import ln_of


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A constraint and the rows it changed; the numbers before and after count only there."""

    level: str
    constraint: str
    binds: Mask
    before: Doubles
    after: Doubles


@dataclass(frozen=True, slots=True)
class LevelColumns:
    """The outputs of many level computations in the policy's unit, and what bound, in the order it happened."""

    outputs: FormulaOutputs[Doubles]
    bounds: tuple[BoundColumn, ...]

    def bounds_of(self, row: int) -> tuple[Bound, ...]:
        """Return what bound one row, as the float interpreter reports it."""
        return tuple(
            Bound(bound.level, bound.constraint, float(bound.before[row]), float(bound.after[row]))
            for bound in self.bounds
            if bound.binds[row]
        )


def compute_levels(
    policy: Policy, inputs: InputColumns | Sequence[LevelInputs], brackets: Sequence[Bracket] = ()
) -> LevelColumns:
    """Compute the levels of every row, all with the same leverage brackets."""
    columns = inputs if isinstance(inputs, InputColumns) else columns_of(inputs)
    a = ArrayAlgebra(len(columns.leverage))
    outputs = formula_of(policy).text(a, _formula_inputs(a, policy, columns, brackets), parameters_of(policy))
    filled = {name: a.column(getattr(outputs, name)) for name in FormulaOutputs.__struct_fields__}
    return LevelColumns(FormulaOutputs(**filled), tuple(a.bounds))


def columns_of(rows: Sequence[LevelInputs]) -> InputColumns:
    """Return these rows as columns."""

    def column(name: str) -> Doubles:
        if name == "direction":
            return np.array([row.side.direction for row in rows], dtype=np.float64)
        values = [getattr(row, name) for row in rows]
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)

    return InputColumns(**{field.name: column(field.name) for field in fields(InputColumns)})


class ArrayAlgebra:
    """Interpret a formula with arrays of `rows` doubles; a number that is the same in every row may stay one."""

    __slots__ = ("bounds", "rows")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.bounds: list[BoundColumn] = []

    def ln(self, x: Any) -> Doubles:
        return ln_of(x)

    def where(self, condition: Any, then: Any, otherwise: Any) -> Any:
        return np.where(condition, then, otherwise)

    def step(self, name: str, value: Any) -> Any:
        return value

    def at_least(self, level: str, constraint: str, value: Any, limit: Any) -> Any:
        return self._bounded(level, constraint, value, limit, limit > value)

    def at_most(self, level: str, constraint: str, value: Any, limit: Any) -> Any:
        return self._bounded(level, constraint, value, limit, limit < value)

    def mark(self, level: str, constraint: str, condition: Any, value: Any) -> Any:
        self._note(level, constraint, condition, value, value)
        return value

    def column(self, value: Any) -> Doubles:
        """Return a value as one double for each row."""
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (self.rows,))

    def _bounded(self, level: str, constraint: str, value: Any, limit: Any, binds: Any) -> Any:
        self._note(level, constraint, binds, value, limit)
        return np.where(binds, limit, value)

    def _note(self, level: str, constraint: str, binds: Any, before: Any, after: Any) -> None:
        if np.any(binds):
            rows = np.broadcast_to(np.asarray(binds, dtype=np.bool_), (self.rows,))
            self.bounds.append(BoundColumn(level, constraint, rows, self.column(before), self.column(after)))


def _formula_inputs(
    a: ArrayAlgebra, policy: Policy, x: InputColumns, brackets: Sequence[Bracket]
) -> FormulaInputs[Any]:
    where = _liquidation_of(a, x, brackets)
    return FormulaInputs(
        leverage=x.leverage,
        direction=x.direction,
        volatility=x.volatility,
        funding=0.0 if "funding" in policy.ignores else x.funding,
        divergence=0.0 if "divergence" in policy.ignores else x.divergence,
        average_pnl=x.average_pnl,
        confidence=x.confidence,
        base_tp=x.base_tp,
        base_sl=x.base_sl,
        cost=round_trip_cost(x.fee_bps, x.slippage_bps),  # type: ignore[arg-type]  # arrays compute alike
        liquidation_distance=where.distance,
        liquidation_known=where.known,
        leverage_allowed=where.allowed,
    )


def _liquidation_of(a: ArrayAlgebra, x: InputColumns, brackets: Sequence[Bracket]) -> Liquidation:
    """Solve for known and for unknown size and choose by row; a stand-in of 1 keeps the unknown rows finite."""
    unknown = liquidation(a, x.direction, 1.0, None, x.leverage, brackets)
    sized = ~(np.isnan(x.entry_price) | np.isnan(x.quantity))
    if not brackets or not np.any(sized):
        return unknown
    entry = np.where(sized, x.entry_price, 1.0)
    quantity = np.where(sized, x.quantity, 1.0)
    known = liquidation(a, x.direction, entry, quantity, x.leverage, brackets)
    return Liquidation(
        distance=np.where(sized, known.distance, unknown.distance),
        known=1.0,
        allowed=np.where(sized, known.allowed, unknown.allowed),
    )
