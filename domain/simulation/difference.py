"""The difference of two policies from the walk of each, where no joint walk is needed."""

from itertools import pairwise

from exitbrain.domain.simulation.outcome import ExitBounds, PolicyDifference
from exitbrain.domain.simulation.plan import Plan, Relevelled


def difference_apart(
    baseline: Plan, candidate: Plan, before: ExitBounds, after: ExitBounds
) -> PolicyDifference | None:
    """Return how two policies differ on the same prices, from the walk of each, equal to the joint walk.

    None if only a joint walk can tell: both are ambiguous, or the ambiguous one has several targets at one
    price. (A walk takes targets one by one, so alone it also keeps histories that fill only some of those.)
    """
    if baseline == candidate:  # equal policies differ by 0, even with an uncertain trailed price
        low, high = before.pessimistic, before.optimistic
        return PolicyDifference((low, low), (high, high), before.ambiguous, before.last_end_ms)
    if before.ambiguous and after.ambiguous:
        return None
    if (before.ambiguous and _shares_a_price(baseline)) or (after.ambiguous and _shares_a_price(candidate)):
        return None
    return PolicyDifference(
        (before.optimistic, after.pessimistic),
        (before.pessimistic, after.optimistic),
        before.ambiguous or after.ambiguous,
        max(before.last_end_ms, after.last_end_ms),
    )


def _shares_a_price(plan: Plan) -> bool:
    """Return whether two placed targets ever have the same price."""
    changes = [(each.targets, each.shares) for each in plan.changes if isinstance(each, Relevelled)]
    for targets, shares in ((plan.setup.targets, plan.setup.shares), *changes):
        placed = [price for price, share in zip(targets, shares, strict=True) if share > 0.0]
        if any(nearer == farther for nearer, farther in pairwise(placed)):
            return True
    return False
