"""Array types of the laboratory, and the inputs of many level computations."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class InputColumns:
    """The inputs of many level computations, one array each, in the units of `LevelInputs`.

    `direction` is +1 or -1; price and quantity are NaN where unknown.
    """

    leverage: Doubles
    direction: Doubles
    volatility: Doubles
    funding: Doubles
    divergence: Doubles
    confidence: Doubles
    average_pnl: Doubles
    base_tp: Doubles
    base_sl: Doubles
    fee_bps: Doubles
    slippage_bps: Doubles
    entry_price: Doubles
    quantity: Doubles
