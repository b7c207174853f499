"""A position that nothing changes, walked through candles."""

from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.fit import check_fit
from exitbrain.domain.simulation.givens import Givens
from exitbrain.domain.simulation.outcome import Walk
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.simulation.together import walk_plan


def walk(givens: Givens, market: Market) -> Walk:
    """Walk a position to its end or to that of the data; raises InvalidValue.

    It must have been opened where there are candles, and no candle may be longer than the rule interval when a
    rule looks at closes.
    """
    check_fit(givens, market)
    return walk_plan(Plan(givens), market)
