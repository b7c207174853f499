"""Lower-timeframe candles and trades decide the order and the time of touches, never a price; where they do not add up, nothing."""

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market, Trade, TradeSeries
from exitbrain.domain.simulation.exit_setup import ExitSetup, Rules
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds
from tests.unit.simulation.example import MINUTE, Prices, a_long, both, candles, exits

QUIET = (100.0, 100.5, 99.5, 100.0)
BOTH = (100.0, 101.5, 98.5, 100.0)
SECOND = 1000


def with_lower_timeframe(setup: ExitSetup, coarse: Prices, *lower_timeframe: Prices) -> ExitBounds:
    """Walk one coarse candle with finer ones of a part of its length."""
    interval = MINUTE // len(lower_timeframe)
    return simulate_exits(
        setup, Market(candles(coarse), lower_timeframe=candles(*lower_timeframe, interval_ms=interval))
    )


def with_trades(setup: ExitSetup, coarse: Prices, *trades: tuple[int, float]) -> ExitBounds:
    return simulate_exits(
        setup,
        Market(
            candles(coarse), lower_timeframe=TradeSeries([Trade(at * SECOND, price) for at, price in trades])
        ),
    )


def test_lower_timeframe_candles_tell_which_touch_came_first() -> None:
    up_then_down = with_lower_timeframe(
        a_long(), BOTH, (100.0, 101.5, 99.5, 101.0), (101.0, 101.0, 98.5, 100.0)
    )
    down_then_up = with_lower_timeframe(
        a_long(), BOTH, (100.0, 100.0, 98.5, 100.0), (100.0, 101.5, 99.5, 100.0)
    )

    assert both(up_then_down) == [("TP1", 0.5, 101.0), ("SL", 0.5, 99.0)]
    assert both(down_then_up) == [("SL", 1.0, 99.0)]


def test_a_refined_leg_has_the_time_of_its_lower_timeframe_candle() -> None:
    found = with_lower_timeframe(a_long(), BOTH, (100.0, 101.5, 99.5, 101.0), (101.0, 101.0, 98.5, 100.0))

    assert [(leg.at_ms, leg.refined) for leg in found.pessimistic.legs] == [(0, True), (30_000, True)]
    assert (found.ambiguous_candles, found.refined_candles, found.unrefined_candles) == (1, 1, 0)


def test_what_lower_timeframe_candles_leave_open_stays_ambiguous() -> None:
    found = with_lower_timeframe(a_long(), BOTH, (100.0, 101.5, 98.5, 100.0), (100.0, 100.0, 100.0, 100.0))

    assert exits(found.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(found.optimistic) == [("TP1", 0.5, 101.0), ("SL", 0.5, 99.0)]


def test_the_open_of_a_lower_timeframe_candle_orders_and_does_not_price() -> None:
    found = with_lower_timeframe(a_long(), BOTH, (100.0, 100.0, 99.5, 99.5), (98.5, 101.5, 98.5, 100.0))

    assert both(found) == [("SL", 1.0, 99.0)]
    assert (found.pessimistic.legs[0].traded, found.pessimistic.legs[0].overshoot) == (98.5, 0.005)


def test_the_open_of_the_coarsest_candle_is_a_gap_fill_and_not_refined() -> None:
    coarse = candles((100.0, 100.0, 100.0, 100.0), (98.0, 101.0, 98.0, 101.0))
    lower_timeframe = CandleSeries(
        MINUTE // 2,
        [Candle(MINUTE, 98.0, 98.0, 98.0, 98.0), Candle(3 * MINUTE // 2, 98.0, 101.0, 98.0, 101.0)],
    )
    found = simulate_exits(a_long(), Market(coarse, lower_timeframe=lower_timeframe))

    assert both(found) == [("SL", 1.0, 98.0)]
    assert not found.pessimistic.legs[0].refined


def test_trades_measure_the_overshoot_of_a_stop_and_of_a_target() -> None:
    found = with_trades(a_long(), BOTH, (0, 100.0), (7, 101.5), (9, 98.5), (11, 100.0))

    tp, sl = found.pessimistic.legs
    assert both(found) == [("TP1", 0.5, 101.0), ("SL", 0.5, 99.0)]
    assert (tp.at_ms, tp.traded, tp.overshoot) == (7000, 101.5, 0.5 * 1 * (101.0 - 101.5) / 100.0)
    assert (sl.at_ms, sl.traded, sl.overshoot) == (9000, 98.5, 0.5 * 1 * (99.0 - 98.5) / 100.0)


def test_a_touch_inside_a_lower_timeframe_candle_has_no_measured_price() -> None:
    found = with_lower_timeframe(a_long(), BOTH, (100.0, 101.5, 99.5, 101.0), (101.0, 101.0, 98.5, 100.0))

    assert [(leg.traded, leg.overshoot) for leg in found.pessimistic.legs] == [(None, None)] * 2


def test_lower_timeframe_data_cover_the_rest_of_a_candle_entered_inside() -> None:
    entered = a_long(opened_at_ms=30_000)

    found = with_lower_timeframe(entered, BOTH, (100.0, 101.5, 98.5, 100.0), (100.0, 100.2, 99.8, 100.0))

    assert both(found) == [("OPEN", 1.0, 100.0)]


def test_the_lower_timeframe_candle_entered_inside_belongs_to_the_bounds() -> None:
    entered = a_long(opened_at_ms=40_000)

    found = with_lower_timeframe(entered, BOTH, (100.0, 101.5, 98.5, 100.0), (100.0, 101.0, 99.8, 100.0))

    assert exits(found.pessimistic) == [("OPEN", 1.0, 100.0)]
    assert exits(found.optimistic) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 100.0)]


@pytest.mark.parametrize(
    "lower_timeframe",
    [
        [(100.0, 101.0, 99.5, 101.0), (101.0, 101.0, 98.5, 100.0)],
        [(100.0, 101.5, 99.5, 101.0), (101.0, 101.0, 98.4, 100.0)],
        [(100.0, 101.5, 99.5, 101.0), (101.0, 101.0, 98.5, 100.5)],
    ],
    ids=["other high", "other low", "other close"],
)
def test_lower_timeframe_data_that_do_not_add_up_to_the_candle_are_not_used(
    lower_timeframe: list[Prices],
) -> None:
    found = with_lower_timeframe(a_long(), BOTH, *lower_timeframe)

    assert exits(found.pessimistic) == [("SL", 1.0, 99.0)]
    assert (found.refined_candles, found.unrefined_candles) == (0, 1)


def test_lower_timeframe_data_that_miss_a_candle_are_not_used() -> None:
    lower_timeframe = CandleSeries(
        MINUTE // 3, [Candle(0, *BOTH), Candle(40_000, 100.0, 100.0, 100.0, 100.0)]
    )

    found = simulate_exits(a_long(), Market(candles(BOTH), lower_timeframe=lower_timeframe))

    assert (found.ambiguous, found.unrefined_candles) == (True, 1)


def test_break_even_inside_a_candle_is_decided_by_trades() -> None:
    setup = a_long(rules=Rules(break_even=0.001))

    low_first = with_trades(setup, (100.0, 101.0, 99.5, 100.5), (0, 100.0), (1, 99.5), (2, 101.0), (3, 100.5))
    low_last = with_trades(setup, (100.0, 101.0, 99.5, 100.5), (0, 100.0), (1, 101.0), (2, 99.5), (3, 100.5))

    assert both(low_first) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 100.5)]
    assert both(low_last) == [("TP1", 0.5, 101.0), ("BREAK_EVEN", 0.5, 100.0 * 1.001)]


def test_lower_timeframe_candles_as_long_as_the_candles_are_refused() -> None:
    with pytest.raises(InvalidValue, match="interval of the lower-timeframe candles"):
        simulate_exits(a_long(), Market(candles(QUIET), lower_timeframe=candles(QUIET)))


def test_trades_out_of_order_are_refused() -> None:
    with pytest.raises(InvalidValue, match="trade time is 1; allowed: 2 or later"):
        TradeSeries([Trade(2, 1.0), Trade(1, 1.0)])
