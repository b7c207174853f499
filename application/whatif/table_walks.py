"""A walk as fields and legs of the table of outcomes: what each bound came to, in every unit."""

from collections.abc import Iterator

from exitbrain.application.whatif.measures import history_measures
from exitbrain.application.whatif.rows import BOUNDS, BoundFields, DifferenceFields, LegRow, UnitAmounts
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.measures import targets_hit
from exitbrain.domain.evidence.sizes import ResultSizes, ResultUnit
from exitbrain.domain.simulation.candle import CandleSeries
from exitbrain.domain.simulation.exit_setup import ExitSetup
from exitbrain.domain.simulation.outcome import ExitBounds, History, PolicyDifference


def both_bounds(
    setup: ExitSetup, bounds: ExitBounds, candles: CandleSeries, sizes: ResultSizes, own_risk: float
) -> tuple[BoundFields, BoundFields]:
    """Return the pessimistic and the optimistic bound, one object if they are one history."""
    pessimistic = one_bound(setup, bounds.pessimistic, candles, sizes, own_risk)
    if not bounds.ambiguous and bounds.optimistic == bounds.pessimistic:
        return pessimistic, pessimistic
    return pessimistic, one_bound(setup, bounds.optimistic, candles, sizes, own_risk)


def one_bound(
    setup: ExitSetup, history: History, candles: CandleSeries, sizes: ResultSizes, own_risk: float
) -> BoundFields:
    """Return a history in every unit; fills outside the candles have no excursions."""
    last = history.legs[-1]
    within = all(candles.opens_ms[0] <= leg.at_ms < candles.end_ms for leg in history.legs)
    measures = history_measures(setup, history, candles, sizes, own_risk) if within else None
    amounts = {unit: _amounts(history, sizes, unit) for unit in ResultUnit}
    first = amounts[ResultUnit.FIRST]
    assert first is not None
    return BoundFields(
        first=first,
        committed=amounts[ResultUnit.COMMITTED],
        quote=amounts[ResultUnit.QUOTE],
        r=amounts[ResultUnit.R],
        net_r_own=None if measures is None else measures.r_own,
        end_at_ms=last.at_ms,
        end_level=last.level.value,
        time_in_trade_ms=max(0, last.at_ms - setup.opened_at_ms),
        targets_hit=targets_hit(history),
        mfe=None if measures is None else measures.excursions[-1].favourable,
        mae=None if measures is None else measures.excursions[-1].adverse,
        give_back=None if measures is None else measures.give_back,
    )


def difference_fields(difference: PolicyDifference, sizes: ResultSizes) -> DifferenceFields:
    """Return a difference in every unit."""
    ends = {unit: _interval(difference, sizes, unit) for unit in ResultUnit}
    first = ends[ResultUnit.FIRST]
    assert first is not None
    return DifferenceFields(first, ends[ResultUnit.COMMITTED], ends[ResultUnit.QUOTE], ends[ResultUnit.R])


def legs_of(position_id: str, policy: int, pessimistic: History, optimistic: History) -> Iterator[LegRow]:
    """Yield the legs of both bounds."""
    for bound, history in zip(BOUNDS, (pessimistic, optimistic), strict=True):
        for number, leg in enumerate(history.legs, start=1):
            yield LegRow(
                position_id=position_id,
                policy=policy,
                bound=bound,
                number=number,
                level=leg.level.value,
                fraction=leg.fraction,
                price=leg.price,
                at_ms=leg.at_ms,
                refined=leg.refined,
                traded=leg.traded,
            )


def _amounts(history: History, sizes: ResultSizes, unit: ResultUnit) -> UnitAmounts | None:
    gross = sizes.measured(unit, history.gross)
    fees = sizes.measured(unit, history.entry_fee + history.exit_fees)
    slippage = sizes.measured(unit, history.slippage)
    funding = sizes.measured(unit, history.funding)
    net = sizes.measured(unit, history.net)
    if gross is None or fees is None or slippage is None or funding is None or net is None:
        return None
    return UnitAmounts(gross, fees, slippage, funding, net)


def _interval(difference: PolicyDifference, sizes: ResultSizes, unit: ResultUnit) -> Interval | None:
    lower, upper = sizes.measured(unit, difference.lower), sizes.measured(unit, difference.upper)
    return None if lower is None or upper is None else Interval(lower, upper)
