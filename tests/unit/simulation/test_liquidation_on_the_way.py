"""Where the liquidation price is nearer than the stop it takes the stop's place; the mark price decides."""

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market, PriceKind
from exitbrain.domain.simulation.exit_setup import Costs, LiquidationPrices
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.plan import Plan, Reduced
from exitbrain.domain.simulation.walker import walk_plan
from tests.unit.simulation.example import MINUTE, Prices, a_long, a_short, both, candles, exits, walked

QUIET = (100.0, 100.5, 99.5, 100.0)
NEARER = LiquidationPrices(leverage=50.0, prices=(99.2, 99.2, 99.2))
FURTHER = LiquidationPrices(leverage=50.0, prices=(98.5, 98.5, 98.5))


def marks(*prices: Prices) -> CandleSeries:
    return CandleSeries(
        MINUTE, [Candle(number * MINUTE, *of) for number, of in enumerate(prices)], PriceKind.MARK
    )


def test_a_nearer_liquidation_price_is_met_before_the_stop_and_takes_the_margin() -> None:
    found = walked(a_long(liquidation=NEARER), QUIET, (100.0, 100.0, 99.2, 99.5))

    assert both(found) == [("LIQUIDATION", 1.0, 98.0)]
    assert found.pessimistic.gross == pytest.approx(-1 / 50, abs=1e-16)
    assert found.mark_assumed


def test_no_fee_and_no_slippage_is_paid_on_what_is_liquidated() -> None:
    found = walked(a_long(liquidation=NEARER, costs=Costs(5.0, 10.0)), QUIET, (100.0, 100.0, 99.0, 99.5))

    assert (found.pessimistic.exit_fees, found.pessimistic.slippage) == (0.0, 0.0)


def test_a_liquidation_price_behind_the_stop_is_never_met() -> None:
    assert both(walked(a_long(liquidation=FURTHER), QUIET, (100.0, 100.0, 98.0, 98.0))) == [("SL", 1.0, 99.0)]


def test_a_short_is_liquidated_above() -> None:
    setup = a_short(liquidation=LiquidationPrices(50.0, (100.8, 100.8, 100.8)))

    assert both(walked(setup, QUIET, (100.0, 100.8, 100.0, 100.5))) == [("LIQUIDATION", 1.0, 102.0)]


def test_the_mark_price_decides_where_it_is_given() -> None:
    prices = candles(QUIET, (100.0, 100.0, 98.0, 99.9))
    spared = Market(prices, mark=marks(QUIET, (100.0, 100.0, 99.5, 100.0)))
    met = Market(candles(QUIET, QUIET), mark=marks(QUIET, (100.0, 100.0, 99.1, 100.0)))

    assert both(simulate_exits(a_long(liquidation=NEARER), spared)) == [("OPEN", 1.0, 99.9)]
    found = simulate_exits(a_long(liquidation=NEARER), met)
    assert both(found) == [("LIQUIDATION", 1.0, 98.0)]
    assert not found.mark_assumed


def test_no_leg_loses_more_than_its_margin() -> None:
    found = walked(a_long(liquidation=FURTHER), QUIET, (90.0, 90.0, 90.0, 90.0))

    assert both(found) == [("SL", 1.0, 98.0)]


@pytest.mark.parametrize(
    ("low", "costs", "fee", "slippage"),
    [
        (
            99.0,
            Costs(60.0, 50.0),
            0.00594,
            0.00406,
        ),  # of 0.01 left at 99 the fee takes 0.00594, slippage the rest
        (99.0, Costs(150.0, 50.0), 0.01, 0.0),
        (99.0, Costs(5.0, 10.0), 0.000495, 0.00099),  # both fit
        (90.0, Costs(5.0, 10.0), 0.0, 0.0),  # the price alone has taken it all
    ],
)
def test_fee_and_slippage_take_no_more_than_the_price_has_left_of_the_margin(
    low: float, costs: Costs, fee: float, slippage: float
) -> None:
    opened = min(low, 99.0)
    found = walked(a_long(liquidation=FURTHER, costs=costs), QUIET, (opened, opened, low, opened)).pessimistic

    assert found.exit_fees == pytest.approx(fee)
    assert found.slippage == pytest.approx(slippage)
    assert found.exit_fees + found.slippage - found.gross <= 1 / 50 + 1e-16


def test_a_reduction_loses_no_more_than_its_margin_either() -> None:
    costs = Costs(100.0, 0.0)
    plan = Plan(a_long(liquidation=FURTHER, costs=costs, stop=50.0), (Reduced(MINUTE, 0.5),))

    found = walk_plan(plan, Market(candles(QUIET, (98.5, 98.6, 98.5, 98.6)))).pessimistic

    # Half is closed at 98.5, which has 0.0025 left of its margin; a fee of 1 % would be 0.004925. The rest is liquidated.
    assert exits(found) == [("EXTERNAL", 0.5, 98.5), ("LIQUIDATION", 0.5, 98.0)]
    assert found.exit_fees == pytest.approx(0.0025)


def test_after_a_target_the_liquidation_price_may_lie_further_away() -> None:
    """TP1 first leaves a price of 98.5 behind the stop: a low of 99.1 then hurts nobody."""
    setup = a_long(liquidation=LiquidationPrices(50.0, (99.2, 98.5, 98.0)))

    found = walked(setup, QUIET, (100.0, 101.0, 99.1, 100.0))

    assert exits(found.pessimistic) == [("LIQUIDATION", 1.0, 98.0)]
    assert exits(found.optimistic) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 100.0)]


def test_mark_candles_of_another_interval_are_refused() -> None:
    mark = candles(QUIET, interval_ms=5 * MINUTE)

    with pytest.raises(InvalidValue, match="interval of the mark candles"):
        simulate_exits(a_long(liquidation=NEARER), Market(candles(QUIET), mark=mark))


def test_candles_of_the_wrong_price_kind_are_reported() -> None:
    found = walked(a_long(stop_on=PriceKind.MARK), QUIET)
    of_mark = simulate_exits(a_long(stop_on=PriceKind.MARK), Market(marks(QUIET)))

    assert found.wrong_kind == ("stop",)
    assert of_mark.wrong_kind == ("targets",)


@pytest.mark.parametrize("leverage", [0.5, float("inf")])
def test_a_leverage_that_can_not_be_is_refused(leverage: float) -> None:
    with pytest.raises(InvalidValue, match="leverage"):
        LiquidationPrices(leverage, (90.0, 90.0, 90.0))
