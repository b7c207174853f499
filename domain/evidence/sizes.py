"""What the results of one position are measured in: its first notional, the capital committed, the amount at risk.

A result is first a fraction of the first entry notional, q_0 * p_0. In the other units, for fills in (q_a, p_a):

    quote      fraction * q_0 p_0
    committed  fraction * (q_0 p_0 / K), K the highest cost basis (open quantity times average entry) over the
               recorded adds and reductions, whatever the levels did: the same for every policy and bound
    r          fraction / (R / q_0 p_0), R the sum over the recorded adds, the entry among them, of
               q_a * max(0, d * (p_a - S_a)), S_a the stop right after that add
"""

from decimal import Decimal
from enum import StrEnum
from itertools import groupby

from msgspec import Struct

from exitbrain.domain.simulation.plan import Increased, Plan, Relevelled


class ResultUnit(StrEnum):
    """The unit of a result."""

    COMMITTED = "committed"
    R = "r"
    QUOTE = "quote"
    FIRST = "first"


class ResultSizes(Struct, frozen=True):
    """The sizes of one position, the same for all policies.

    `first_notional` and `committed` (K) are amounts of the quote currency, None if the quantity is unknown.
    `committed_scale` is the first notional divided by K, exactly 1 for a position that never grew. `risk` is R as a
    fraction of the first notional, with the stops of the baseline.
    """

    currency: str
    first_notional: Decimal | None
    committed: Decimal | None
    committed_scale: float
    risk: float

    def measured(self, unit: ResultUnit, result: float) -> float | None:
        """Return a result, a fraction of the first notional, in a unit; None where the position has no such unit."""
        match unit:
            case ResultUnit.FIRST:
                return result
            case ResultUnit.COMMITTED:
                return result * self.committed_scale
            case ResultUnit.R:
                return result / self.risk if self.risk > 0.0 else None
            case ResultUnit.QUOTE:
                return None if self.first_notional is None else result * float(self.first_notional)


def risk_of(plan: Plan) -> float:
    """Return R with the stops of a plan, as a fraction of the first notional; a stop is never loosened."""
    setup, d = plan.setup, plan.setup.side.direction
    entry, stop = setup.entry, setup.stop
    risk = max(0.0, d * (entry - stop) / entry)
    for _, together in groupby(plan.changes, key=lambda change: change.at_ms):
        changes = list(together)
        for change in changes:
            if isinstance(change, Relevelled) and d * (change.stop - stop) > 0:
                stop = change.stop
        for change in changes:
            if isinstance(change, Increased):
                risk = risk + change.added * max(0.0, d * (change.price - stop)) / entry
    return risk
