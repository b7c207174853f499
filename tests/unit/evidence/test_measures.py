"""Measures on candles made by hand, every figure worked out beside them."""

from typing import Any

import pytest

from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.measures import (
    HOUR_MS,
    cost_to_break_even,
    excursions,
    give_back,
    hourly_results,
    loss_at_stop,
    mean_exit,
    stop_then_reverse,
    targets_hit,
    worst_hour,
)
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup
from exitbrain.domain.simulation.outcome import History
from exitbrain.domain.simulation.plan import Increased, Plan
from exitbrain.domain.simulation.walker import walk_plan
from exitbrain.domain.values import Side, changed
from tests.unit.simulation.test_changes_of_a_plan import FREE, MINUTE, UP_AND_DOWN, a_long, market

HALF = MINUTE // 2


def a_short() -> ExitSetup:
    """Return the mirror image of the long: a short at 100, targets at 90, 80, 70 and the stop at 110."""
    return a_long(side=Side.SHORT, targets=(90.0, 80.0, 70.0), stop=110.0)


def about(lower: float, upper: float) -> Interval:
    """Return an interval that equals those whose ends are nearly these."""
    nearly: list[Any] = [pytest.approx(lower, abs=1e-12), pytest.approx(upper, abs=1e-12)]
    return Interval(*nearly)


def walked(setup: ExitSetup, on: Market) -> History:
    return walk_plan(Plan(setup), on).pessimistic


def test_excursions_before_a_leg_are_bounded_by_the_candles_of_entry_and_exit() -> None:
    """Entered inside the first candle (low 98), stopped inside the third (high 107) at 90."""
    on = market((101, 103, 98, 101), (101, 106, 97, 105), (105, 107, 80, 85))
    setup = a_long(opened_at_ms=HALF)

    (found,) = excursions(setup, walked(setup, on), on.candles)

    assert found.favourable == about(0.06, 0.07)
    assert found.adverse == about(0.10, 0.20)


def test_an_entry_candle_may_hold_the_farthest_price() -> None:
    on = market((101, 109, 98, 101), (101, 102, 97, 100), (100, 100, 80, 85))
    setup = a_long(opened_at_ms=HALF)

    (found,) = excursions(setup, walked(setup, on), on.candles)

    assert found.favourable == about(0.02, 0.09)


def test_a_position_that_begins_with_a_candle_has_all_of_it() -> None:
    on = market((100, 109, 98, 101), (101, 102, 97, 100), (100, 100, 80, 85))

    (found,) = excursions(a_long(), walked(a_long(), on), on.candles)

    assert found.favourable.lower == pytest.approx(0.09)


def test_an_open_rest_has_all_of_the_last_candle() -> None:
    on = market((100, 101, 99, 100), (100, 107, 95, 100))

    (found,) = excursions(a_long(), walked(a_long(), on), on.candles)

    assert found.favourable == about(0.07, 0.07)
    assert found.adverse == about(0.05, 0.05)


def test_each_leg_has_its_own_excursion() -> None:
    """TP1 in the first minute at 110, the stop in the third: until then the price saw 112."""
    first, second = excursions(a_long(), walked(a_long(), UP_AND_DOWN), UP_AND_DOWN.candles)

    assert first.favourable == about(0.10, 0.12)
    assert second.favourable == about(0.12, 0.12)
    assert second.adverse == about(0.10, 0.20)


def test_a_short_is_the_mirror_image() -> None:
    mirrored = market((100, 100, 88, 89), (89, 96, 89, 95), (95, 120, 95, 115))

    found = excursions(a_short(), walked(a_short(), mirrored), mirrored.candles)

    assert found[1].favourable.lower == pytest.approx(0.12)
    assert found[1].adverse == about(0.10, 0.20)


def test_give_back_is_what_was_there_and_was_not_kept() -> None:
    assert give_back(Interval(0.10, 0.10), 0.10) == Interval(0.0, 0.0)
    assert give_back(Interval(0.10, 0.20), 0.05) == about(0.5, 0.75)


def test_a_loss_gives_back_more_than_there_was() -> None:
    assert give_back(Interval(0.10, 0.20), -0.10) == about(1.5, 2.0)


def test_nothing_is_given_back_where_nothing_surely_was() -> None:
    assert give_back(Interval(0.0, 0.2), -0.1) is None


def test_the_mean_exit_is_the_gross_result_of_a_position_that_never_grew() -> None:
    history = walked(a_long(), UP_AND_DOWN)

    assert mean_exit(a_long(), history) == pytest.approx(history.gross)


def test_a_position_that_grew_gives_back_what_its_exits_gave_up() -> None:
    """1 at 100 and 1 at 111, half at TP1 110 before, the rest of 1.5 at the stop at 90: mean exit -0.05 / 2 of 12 %."""
    history = walk_plan(Plan(a_long(), (Increased(MINUTE, 1.0, 111.0),)), UP_AND_DOWN).pessimistic
    reached = excursions(a_long(), history, UP_AND_DOWN.candles)[-1].favourable

    assert mean_exit(a_long(), history) == pytest.approx((0.5 * 0.1 + 1.5 * -0.1) / 2)
    assert give_back(reached, mean_exit(a_long(), history)) == about(17 / 12, 17 / 12)


def test_the_ladder_counts_the_farthest_target() -> None:
    assert targets_hit(walked(a_long(), UP_AND_DOWN)) == 1
    assert targets_hit(walked(a_long(), market((100, 105, 100, 104), (104, 131, 104, 130)))) == 3
    assert targets_hit(walked(a_long(), market((100, 100, 80, 80)))) == 0


FALL = (100.0, 100.0, 89.0, 91.0)
FLAT = (91.0, 92.0, 91.0, 91.0)
RISE = (91.0, 111.0, 91.0, 110.0)


@pytest.mark.parametrize(
    ("candles", "reversed_"),
    [
        ((FALL, RISE), True),
        ((FALL, FLAT), False),
        ((FALL, FLAT, RISE), False),  # held for a minute, so a minute is the window
        ((FLAT, FALL, FLAT, RISE), True),
        ((FLAT, FALL, FLAT), None),  # the data end before the window
        ((FLAT, RISE), None),  # no stop
    ],
)
def test_a_stop_before_a_reversal_within_the_time_it_was_held_is_noticed(
    candles: tuple[tuple[float, float, float, float], ...], reversed_: bool | None
) -> None:
    on = market(*candles)

    assert stop_then_reverse(a_long(), walked(a_long(), on), on.candles) is reversed_


def test_a_stop_after_the_first_target_reverses_nothing() -> None:
    assert stop_then_reverse(a_long(), walked(a_long(), UP_AND_DOWN), UP_AND_DOWN.candles) is None


def test_the_window_ends_after_a_day() -> None:
    """Held for 40 hours; TP1 comes 30 hours after the stop."""
    hours = [Candle(n * HOUR_MS, *(FLAT if n != 40 else FALL)) for n in range(70)]
    late = [*hours, Candle(70 * HOUR_MS, *RISE)]
    soon = [*hours[:60], Candle(60 * HOUR_MS, *RISE)]

    def found(candles: list[Candle]) -> bool | None:
        series = CandleSeries(HOUR_MS, candles)
        return stop_then_reverse(a_long(), walked(a_long(), Market(series)), series)

    assert (found(late), found(soon)) == (False, True)


def test_the_loss_at_the_stop_is_a_share_of_margin() -> None:
    """10 % at 5x is half of the margin; with 10 bps a side and 20 of slippage (of 90 of 100) 0.0037 x 5 more."""
    assert loss_at_stop(a_long(), 5.0) == pytest.approx(0.5)
    assert loss_at_stop(a_long(costs=Costs(10.0, 20.0)), 5.0) == pytest.approx(0.5 + 5 * 0.0037)


@pytest.mark.parametrize("side", list(Side))
def test_a_target_at_the_cost_to_break_even_nets_nothing(side: Side) -> None:
    costs = Costs(7.0, 3.0)
    distance = cost_to_break_even(costs, side.direction)
    target = 100.0 * (1 + side.direction * distance)
    setup = changed(
        a_long() if side is Side.LONG else a_short(),
        costs=costs,
        targets=(target, target, target),
        shares=(1.0, 0.0, 0.0),
    )
    open_, far = (100.0, 103.0) if side is Side.LONG else (100.0, 97.0)
    on = market((open_, max(open_, far), min(open_, far), far))

    assert walked(setup, on).net == pytest.approx(0.0, abs=1e-15)
    assert cost_to_break_even(FREE, 1) == 0.0


def test_an_hour_brings_the_difference_of_two_closes() -> None:
    """+4 % in the first hour, TP1 (half at +10 %) and the rest at +6 % in the second, the stop in the third."""
    rows = [(100, 104, 99, 104), (104, 110, 104, 106), (106, 106, 80, 85)]
    series = CandleSeries(HOUR_MS, [Candle(n * HOUR_MS, *row) for n, row in enumerate(rows)])
    plan = Plan(a_long())

    found = hourly_results(plan, walk_plan(plan, Market(series)).pessimistic, series)

    assert found == {
        0: pytest.approx(0.04),
        1: pytest.approx(0.05 + 0.03 - 0.04),
        2: pytest.approx(0.05 - 0.05 - 0.08),
    }


def test_the_minutes_of_an_hour_are_one_hour_and_the_whole_is_the_gross_result() -> None:
    plan = Plan(a_long(), (Increased(MINUTE, 0.5, 111.0),))
    history = walk_plan(plan, UP_AND_DOWN).pessimistic

    assert hourly_results(plan, history, UP_AND_DOWN.candles) == {0: pytest.approx(history.gross)}


def test_the_worst_hour_is_that_of_all_positions_together() -> None:
    assert worst_hour([{1: -0.5, 2: 0.1, 3: -0.3}, {1: 0.4, 3: -0.3}]) == (3, -0.6)
    assert worst_hour([]) is None
