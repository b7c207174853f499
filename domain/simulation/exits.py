"""The walk of a position that does not change while it is open."""

from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.fit import check_fit
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.simulation.walker import walk_plan


def simulate_exits(setup: ExitSetup, market: Market) -> ExitBounds:
    """Walk a position to its end or the end of the data; raises InvalidValue.

    It must have been opened within the candle data, and no candle may be longer than the rule interval if a
    rule acts at closes.
    """
    check_fit(setup, market)
    return walk_plan(Plan(setup), market)
