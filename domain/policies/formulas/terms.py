"""The inputs and outputs of every formula, for any type of number."""

from typing import Generic

from msgspec import Struct

from exitbrain.domain.algebra import N


class FormulaInputs(Struct, Generic[N], frozen=True):
    """The inputs of one level computation.

    `base_tp` and `base_sl` are in the policy's unit; `average_pnl` is a price return in percent; `cost` is
    the round trip as a fraction; `direction` is +1 or -1; `liquidation_distance` is a fraction of the entry
    and counts only if `liquidation_known` is 1; `leverage_allowed` is 0 if no bracket allows it.
    """

    leverage: N
    direction: N
    volatility: N
    funding: N
    divergence: N
    average_pnl: N
    confidence: N
    base_tp: N
    base_sl: N
    cost: N
    liquidation_distance: N
    liquidation_known: N
    leverage_allowed: N


class FormulaOutputs(Struct, Generic[N], frozen=True):
    """The outputs of one level computation; distances in the policy's unit.

    `code` is 0 for levels, else one of `levels.REFUSALS`; `floor` and `cap` are the limits of the stop.
    """

    lsf: N
    pnl_factor: N
    lsf_adjusted: N
    tp1: N
    tp2: N
    tp3: N
    sl: N
    harvest1: N
    harvest2: N
    harvest3: N
    floor: N
    cap: N
    code: N
