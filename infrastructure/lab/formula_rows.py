"""Compute the levels of many decisions under one policy with the compiled formula kernels."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exitbrain.domain.policies.formulas.registry import formula_of, parameters_of
from exitbrain.domain.policies.formulas.terms import FormulaOutputs
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import round_trip_cost
from exitbrain.infrastructure.lab.arrays import Doubles, InputColumns, Integers
from exitbrain.infrastructure.lab.formula_kernel import OUTPUTS, NoKernel, parameter_names
from exitbrain.infrastructure.lab.jit import inlined, jit
from exitbrain.infrastructure.lab.kernels.lsf_3_5 import lsf_3_5
from exitbrain.infrastructure.lab.kernels.lsf_3_6 import lsf_3_6
from exitbrain.infrastructure.lab.liquidation_kernel import Ladders, liquidations
from exitbrain.infrastructure.lab.logarithm import ln_of

LSF_3_5, LSF_3_6 = range(2)
"""The numbers of the formulas in kernels."""

_KERNELS = {"lsf-3.5": LSF_3_5, "lsf-3.6": LSF_3_6}


class FormulaRows(NamedTuple):
    """The input of the kernels: an array for each of `FormulaInputs`, and the logarithm for all policies."""

    leverage: Doubles
    direction: Doubles
    volatility: Doubles
    funding: Doubles
    divergence: Doubles
    average_pnl: Doubles
    confidence: Doubles
    base_tp: Doubles
    base_sl: Doubles
    cost: Doubles
    liquidation_distance: Doubles
    liquidation_known: Doubles
    leverage_allowed: Doubles
    logarithm: Doubles


def formula_rows(
    x: InputColumns, ignores: tuple[str, ...], snapshot: Integers, ladders: Ladders
) -> FormulaRows:
    """Return the formula inputs of every row; `snapshot` is the index of its ladder, -1 for none."""
    where = liquidations(x, snapshot, ladders)
    nothing = np.zeros(len(x.leverage))
    return FormulaRows(
        leverage=x.leverage,
        direction=x.direction,
        volatility=x.volatility,
        funding=nothing if "funding" in ignores else x.funding,
        divergence=nothing if "divergence" in ignores else x.divergence,
        average_pnl=x.average_pnl,
        confidence=x.confidence,
        base_tp=x.base_tp,
        base_sl=x.base_sl,
        cost=round_trip_cost(x.fee_bps, x.slippage_bps),  # type: ignore[arg-type]  # arrays compute alike
        liquidation_distance=where[0],
        liquidation_known=where[1],
        leverage_allowed=where[2],
        logarithm=logarithms(x.leverage),
    )


def logarithms(leverage: Doubles) -> Doubles:
    """Return the logarithm in the formulas, ln(max(L, 1) + 1)."""
    return ln_of(np.where(leverage < 1.0, 1.0, leverage) + 1.0)


def parameter_column(policy: Policy) -> Doubles:
    """Return the parameters of a policy in the order of its formula's kernels."""
    parameters = parameters_of(policy)
    names = parameter_names(formula_of(policy))
    return np.array([getattr(parameters, name) for name in names], dtype=np.float64)


def kernel_of(policy: Policy) -> int:
    """Return the kernel number of a policy; raises NoKernel if its formula has none."""
    formula = formula_of(policy).name
    if formula not in _KERNELS:
        raise NoKernel(f"formula {formula} has no kernel; there are those of {', '.join(_KERNELS)}")
    return _KERNELS[formula]


def compute_rows(policy: Policy, rows: FormulaRows) -> FormulaOutputs[Doubles]:
    """Compute the outputs of every row, bit for bit as the float interpreter does. Raises NoKernel."""
    outputs = np.empty((len(OUTPUTS), len(rows.leverage)))
    parameters = parameter_column(policy).reshape(-1, 1)
    _compute(kernel_of(policy), FormulaRows(*map(read_only, rows)), parameters, outputs)
    return FormulaOutputs(*outputs)


def read_only(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only contiguous view, so that one compiled kernel serves every source."""
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view


@jit
def _compute(which: Any, x: Any, p: Any, outputs: Any) -> None:
    """Fill in a row for each of OUTPUTS."""
    if which == LSF_3_5:
        _each(lsf_3_5, x, p, outputs)
    else:
        _each(lsf_3_6, x, p, outputs)


@inlined
def _each(kernel: Any, x: Any, p: Any, outputs: Any) -> None:
    for i in range(len(x.leverage)):
        row = row_of(x, i)
        out = outputs_of(kernel, row, row.base_tp, row.base_sl, p, 0)
        for k in range(len(out)):
            outputs[k, i] = out[k]


@inlined
def outputs_of(kernel: Any, row: Any, base_tp: Any, base_sl: Any, p: Any, j: Any) -> Any:
    """Return the outputs of one row with these bases, for the parameters `p[:, j]`."""
    return kernel(
        row.leverage,
        row.direction,
        row.volatility,
        row.funding,
        row.divergence,
        row.average_pnl,
        row.confidence,
        base_tp,
        base_sl,
        row.cost,
        row.liquidation_distance,
        row.liquidation_known,
        row.leverage_allowed,
        row.logarithm,
        p,
        j,
    )


@inlined
def row_of(x: Any, i: Any) -> Any:
    """Return one row as numbers, which are free to pass on; arrays are reference counted each time."""
    return FormulaRows(
        x.leverage[i],
        x.direction[i],
        x.volatility[i],
        x.funding[i],
        x.divergence[i],
        x.average_pnl[i],
        x.confidence[i],
        x.base_tp[i],
        x.base_sl[i],
        x.cost[i],
        x.liquidation_distance[i],
        x.liquidation_known[i],
        x.leverage_allowed[i],
        x.logarithm[i],
    )
