"""Where a walk begins: at the open of a candle, inside one, in a hole, off the market."""

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market, Trade, TradeSeries
from exitbrain.domain.simulation.exit_setup import Rules, Trailing
from exitbrain.domain.simulation.exits import simulate_exits
from tests.unit.simulation.example import MINUTE, a_long, both, candles, exits, walked

QUIET = (100.2, 100.5, 99.5, 100.0)


def test_a_candle_that_opens_at_the_entry_is_the_first_with_its_open() -> None:
    """At the price of its open, or at the close before it: a gap in between is a gap of the position."""
    at_open = walked(a_long(opened_at_ms=MINUTE), (99.0, 99.0, 99.0, 99.0), (100.0, 100.0, 98.0, 98.5))
    at_close = walked(a_long(opened_at_ms=MINUTE), (99.0, 100.0, 99.0, 100.0), (98.0, 98.0, 98.0, 98.0))

    assert at_open.first_candle_ms == at_close.first_candle_ms == MINUTE
    assert both(at_open) == [("SL", 1.0, 99.0)]
    assert both(at_close) == [("SL", 1.0, 98.0)]


def test_a_time_of_an_open_at_another_price_does_not_say_that_the_position_existed_from_there_on() -> None:
    """A time cut to the minute: entered at 100 after the high, or before it, or from the open on."""
    after = walked(a_long(opened_at_ms=0), (100.4, 101.2, 98.8, 100.2), QUIET)
    gap_of_a_target = walked(a_long(opened_at_ms=0), (101.3, 101.3, 99.5, 100.2), QUIET)
    gap_of_the_stop = walked(a_long(opened_at_ms=0), (98.7, 100.5, 98.7, 100.2), QUIET)

    assert exits(after.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(after.optimistic) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 100.0)]
    assert exits(gap_of_a_target.pessimistic) == [("OPEN", 1.0, 100.0)]
    assert exits(gap_of_a_target.optimistic) == [("TP1", 0.5, 101.3), ("OPEN", 0.5, 100.0)]
    assert exits(gap_of_the_stop.pessimistic) == [("SL", 1.0, 98.7)]
    assert exits(gap_of_the_stop.optimistic) == [("OPEN", 1.0, 100.0)]
    assert all(one.ambiguous_candles == 1 for one in (after, gap_of_a_target, gap_of_the_stop))


def test_a_close_before_a_hole_says_nothing_about_an_open_after_it() -> None:
    market = Market(candles((99.0, 100.0, 99.0, 100.0), (98.0, 100.5, 98.0, 100.2), missing=[1]))

    result = simulate_exits(a_long(opened_at_ms=2 * MINUTE), market)

    assert exits(result.pessimistic) == [("SL", 1.0, 98.0)]
    assert exits(result.optimistic) == [("OPEN", 1.0, 100.2)]


def test_of_a_candle_with_an_unsure_entry_the_first_lower_timeframe_candle_alone_is_unsure() -> None:
    """The price of the entry is seen in the first half minute; the high of the second comes after it for sure."""
    lower_timeframe = candles((100.4, 100.6, 99.8, 99.9), (99.9, 101.2, 99.9, 101.1), interval_ms=MINUTE // 2)
    coarse = candles((100.4, 101.2, 99.8, 101.1))

    unrefined, refined = (
        simulate_exits(a_long(), Market(coarse)),
        simulate_exits(a_long(), Market(coarse, lower_timeframe=lower_timeframe)),
    )
    trades = TradeSeries([Trade(0, 100.4), Trade(1, 101.2), Trade(2, 99.8), Trade(3, 101.1)])
    among_trades = simulate_exits(a_long(), Market(coarse, lower_timeframe=trades))

    assert both(refined) == both(unrefined) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 101.1)]
    assert (refined.refined_candles, among_trades.unrefined_candles) == (1, 1)


def test_the_open_of_a_candle_entered_inside_is_ignored() -> None:
    result = walked(a_long(opened_at_ms=1), (98.0, 100.5, 98.0, 100.0), (100.0, 100.0, 100.0, 100.0))

    assert exits(result.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(result.optimistic) == [("OPEN", 1.0, 100.0)]


def test_after_an_entry_inside_each_touch_that_the_extremes_allow_is_possible_and_so_is_none() -> None:
    result = walked(a_long(opened_at_ms=30_000), (100.0, 101.0, 98.0, 100.0), (100.0, 100.5, 99.5, 100.0))

    assert exits(result.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(result.optimistic) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 100.0)]


def test_the_close_of_a_candle_entered_inside_is_binding() -> None:
    beyond_a_target = walked(a_long(opened_at_ms=30_000), (100.0, 101.5, 99.5, 101.2))
    beyond_the_stop = walked(a_long(opened_at_ms=30_000), (100.0, 100.5, 98.0, 98.5))

    assert both(beyond_a_target) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 101.2)]
    assert both(beyond_the_stop) == [("SL", 1.0, 99.0)]


@pytest.mark.parametrize(("entry", "off"), [(99.5, False), (100.5, False), (99.4, True), (100.6, True)])
def test_an_entry_outside_its_candle_is_off_market(entry: float, off: bool) -> None:
    result = walked(a_long(entry=entry, opened_at_ms=30_000), (100.0, 100.5, 99.5, 100.0))

    assert result.entry_off_market is off


def test_an_entry_in_a_hole_begins_with_the_next_candle_and_is_judged_against_none() -> None:
    market = Market(candles((100.0, 100.0, 100.0, 100.0), (98.0, 98.0, 98.0, 98.0), missing=[1]))

    result = simulate_exits(a_long(opened_at_ms=MINUTE + 1), market)

    assert result.first_candle_ms == 2 * MINUTE
    assert both(result) == [("SL", 1.0, 98.0)]
    assert (result.holes, result.entry_off_market) == (1, None)


def test_a_hole_crossed_while_open_is_counted_and_one_after_the_exit_is_not() -> None:
    quiet, stopped = (100.0, 100.5, 99.5, 100.0), (100.0, 100.0, 99.0, 99.0)
    across = simulate_exits(a_long(), Market(candles(quiet, quiet, stopped, missing=[1, 3])))
    before = simulate_exits(a_long(), Market(candles(quiet, stopped, quiet, missing=[2])))

    assert (across.pessimistic.holes, across.optimistic.holes) == (2, 2)
    assert before.holes == 0


def test_each_bound_counts_its_own_holes() -> None:
    both_touched = (100.0, 101.0, 99.0, 100.0)
    market = Market(candles(both_touched, (100.0, 103.0, 100.0, 103.0), missing=[1]))

    result = simulate_exits(a_long(rules=Rules(break_even=-0.5), opened_at_ms=1), market)

    assert exits(result.pessimistic) == [("SL", 1.0, 99.0)]
    assert (result.pessimistic.holes, result.optimistic.holes, result.holes) == (0, 1, 1)


def test_the_candle_after_a_hole_has_its_gap_rule() -> None:
    market = Market(candles((100.0, 100.5, 99.5, 100.0), (104.0, 104.0, 104.0, 104.0), missing=[1, 2]))

    assert [price for _, _, price in both(simulate_exits(a_long(), market))] == [104.0, 104.0, 104.0]


def test_the_best_price_since_an_entry_inside_a_candle_lies_between_its_close_and_its_extreme() -> None:
    """Trailing at 1 % below a best price of 100 to 102: the stop is 99 to 100.98 until the price goes beyond 102."""
    setup = a_long(
        opened_at_ms=30_000,
        targets=(110.0, 120.0, 130.0),
        stop=90.0,
        rules=Rules(trailing=Trailing(0.0, 0.01)),
    )

    reached = walked(setup, (100.0, 102.0, 100.0, 101.5), (101.5, 101.5, 100.7, 101.0))
    beyond = walked(
        setup, (100.0, 102.0, 100.0, 101.5), (101.5, 103.0, 101.2, 102.5), (102.5, 102.5, 101.0, 101.0)
    )

    # 101.5 is known, 102 possible: 100.485 to 100.98. A low of 100.7 is beyond what may be, not what is known.
    assert exits(reached.pessimistic) == [("TRAIL", 1.0, 100.7)]
    assert exits(reached.optimistic) == [("OPEN", 1.0, 101.0)]
    assert both(beyond) == [("TRAIL", 1.0, 103.0 * 0.99)]


def test_a_walk_outside_the_data_is_refused() -> None:
    with pytest.raises(InvalidValue, match="opened_at in ms is 60000; allowed: from 0 to below 60000"):
        walked(a_long(opened_at_ms=MINUTE), (100.0, 100.0, 100.0, 100.0))


@pytest.mark.parametrize(
    "prices",
    [(0.0, 1.0, 0.0, 1.0), (1.0, 0.9, 0.8, 0.9), (1.0, 2.0, 1.1, 1.5), (1.0, float("inf"), 1.0, 1.0)],
)
def test_a_candle_that_can_not_be_is_refused(prices: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidValue, match="candle at 0"):
        Candle(0, *prices)


def test_candles_that_overlap_or_run_backwards_are_refused() -> None:
    a, b = Candle(0, 1.0, 1.0, 1.0, 1.0), Candle(MINUTE // 2, 1.0, 1.0, 1.0, 1.0)
    with pytest.raises(InvalidValue, match="multiple of the interval"):
        CandleSeries(MINUTE, [a, b])
    with pytest.raises(InvalidValue, match="candle open time is 0"):
        CandleSeries(MINUTE, [a, a])
    with pytest.raises(InvalidValue, match="at least one"):
        CandleSeries(MINUTE, [])
