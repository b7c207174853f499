"""The PnL factor: what the last results and the confidence of the signal do to the LSF."""

from typing import Any

from exitbrain.domain.formulas.algebra import Algebra, maximum, minimum


def pnl_factor(a: Algebra, average_pnl: Any, confidence: Any) -> Any:
    """Return the adjustment from the average result and the confidence of the signal, 0.8 to 1.2.

    `average_pnl` is a price return in percent (0.3 = 0.3 %), `confidence` 0 to 1. The rules are those of
    `optimize_based_on_pnl`, a method that the old integration called and nobody had written.
    """
    after_losses = a.step("after_losses", a.where(average_pnl < 0.0, 1.0 - 0.1, 1.0))
    after_gains = a.step("after_gains", a.where(average_pnl > 0.3, after_losses + 0.1, after_losses))
    factor = a.step("after_confidence", a.where(confidence < 0.5, after_gains - 0.05, after_gains))
    factor = a.step("at_least_0_8", maximum(a, factor, 0.8))
    return a.step("pnl_factor", minimum(a, factor, 1.2))
