"""The PnL factor, which adjusts the LSF for recent results and the confidence of the signal."""

from typing import Any

from exitbrain.domain.algebra import Algebra, maximum, minimum


def pnl_factor(a: Algebra, average_pnl: Any, confidence: Any, p: Any) -> Any:
    """Return the adjustment from the average result and the confidence of the signal, 0.8 to 1.2.

    `average_pnl` is a price return in percent (0.3 = 0.3 %), `confidence` 0 to 1. The rules are those of
    `optimize_based_on_pnl`, a method that the old integration called but that did not exist.
    """
    after_losses = a.step("after_losses", a.where(average_pnl < 0.0, 1.0 - p.loss_step, 1.0))
    gained = average_pnl > p.gain_above
    after_gains = a.step("after_gains", a.where(gained, after_losses + p.gain_step, after_losses))
    doubted = confidence < p.doubt_below
    factor = a.step("after_doubt", a.where(doubted, after_gains - p.doubt_step, after_gains))
    factor = a.step("factor_from_below", maximum(a, factor, p.factor_min))
    return a.step("pnl_factor", minimum(a, factor, p.factor_max))
