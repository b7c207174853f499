"""Whether a close or reduction of unknown origin was an exit: the recorded plan, walked, must exit near it."""

from datetime import timedelta

from msgspec import Struct

from exitbrain.application.ports.walks import Walks
from exitbrain.application.queries.recorded_positions import RecordedPosition
from exitbrain.application.whatif.closes import Makers, without
from exitbrain.application.whatif.plans import Planned
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.positions.events import PositionReduced
from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.exit_setup import ExternalClose
from exitbrain.domain.simulation.outcome import ExitBounds, ExitLeg, LegLevel
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.values import changed, ms_of

NEAR_MS = timedelta(minutes=1) // timedelta(milliseconds=1)
NEAR_PRICE = 0.001
"""How near in price, as a fraction of the recorded price: 10 basis points; never more than the next."""
NEAR_STOP = 0.25
"""How near in price, as a part of the distance of the first stop."""

_NO_EXIT = (LegLevel.EXTERNAL, LegLevel.OPEN, LegLevel.LIQUIDATION)


class _Recorded(Struct, frozen=True):
    """A recorded close or reduction: its time, price, and how far an exit may be from the price."""

    at_ms: int
    price: float
    within: float


def inferred(
    position: RecordedPosition,
    recorded: Planned,
    makers: Makers,
    close: ExternalClose | None,
    market: Market,
    walks: Walks,
) -> Makers:
    """Return the makers with every unknown one read: EXITS where the recorded plan exits near it on both bounds.

    Near is within a minute of the candle of the exit, and within the smaller of 10 basis points and a quarter of the
    distance of the first stop. What has no price was made by the trader.
    """
    plan = changed(
        recorded.plan, changes=without(recorded.plan, recorded.reductions, makers, EndedBy.UNKNOWN)
    )
    last_ms = close.at_ms if close is not None else max(change.at_ms for change in recorded.plan.changes)
    followed = changed(plan, until_ms=last_ms + NEAR_MS + 2 * market.candles.interval_ms)
    bounds = walks.walk_plan(followed, market)
    reductions = dict(makers.reductions)
    for _, step in position.steps:
        if isinstance(step, PositionReduced) and reductions[step.stamp.cause_id] is EndedBy.UNKNOWN:
            price = None if step.exit_price is None else float(step.exit_price)
            near = _near(plan, ms_of(step.stamp.occurred_at), price, bounds, market, last=False)
            reductions[step.stamp.cause_id] = EndedBy.EXITS if near else EndedBy.TRADER
    by = makers.close
    if by is EndedBy.UNKNOWN and close is not None and position.closed is not None:
        price = close.price if position.closed.exit_price is not None else None
        near = _near(plan, close.at_ms, price, bounds, market, last=True)
        by = EndedBy.EXITS if near else EndedBy.TRADER
    return Makers(by, reductions)


def _near(
    plan: Plan, at_ms: int, price: float | None, bounds: ExitBounds, market: Market, *, last: bool
) -> bool:
    """Return whether both bounds have an exit near a time and price; the last leg decides about a close."""
    if price is None:
        return False
    setup = plan.setup
    within = min(NEAR_PRICE * price, NEAR_STOP * abs(setup.entry - setup.stop))
    wanted = _Recorded(at_ms, price, within)
    return all(
        any(_matches(leg, wanted, market) for leg in history.legs[-1 if last else 0 :])
        for history in (bounds.pessimistic, bounds.optimistic)
    )


def _matches(leg: ExitLeg, wanted: _Recorded, market: Market) -> bool:
    end_ms = leg.at_ms if leg.refined else leg.at_ms + market.candles.interval_ms
    return (
        leg.level not in _NO_EXIT
        and leg.at_ms - NEAR_MS <= wanted.at_ms <= end_ms + NEAR_MS
        and abs(leg.price - wanted.price) <= wanted.within
    )
