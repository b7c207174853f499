"""Walking positions through a market: one by one, or many at once."""

from collections.abc import Sequence
from typing import Protocol

from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds, PolicyDifference
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.simulation.walker import walk_both, walk_plan


class Walks(Protocol):
    """Walk positions. Every implementation gives the same walks to the last bit."""

    def walk_each(self, positions: Sequence[ExitSetup], market: Market) -> Sequence[ExitBounds]:
        """Return the walk of each position; raises InvalidValue at the first that does not fit the market."""

    def walk_plan(self, plan: Plan, market: Market) -> ExitBounds:
        """Return the walk of a recorded position through its changes; raises InvalidValue."""

    def walk_both(self, baseline: Plan, candidate: Plan, market: Market) -> PolicyDifference:
        """Return how two policies differ on the same prices; raises InvalidValue."""


class RowWalks:
    """Walk positions one by one, with the domain's own code."""

    def walk_each(self, positions: Sequence[ExitSetup], market: Market) -> Sequence[ExitBounds]:
        return [simulate_exits(setup, market) for setup in positions]

    def walk_plan(self, plan: Plan, market: Market) -> ExitBounds:
        return walk_plan(plan, market)

    def walk_both(self, baseline: Plan, candidate: Plan, market: Market) -> PolicyDifference:
        return walk_both(baseline, candidate, market)
