"""The gap rule at the open, the touches inside, and what is possible when both sides are touched."""

import pytest

from exitbrain.domain.simulation.exit_setup import TpExecution
from tests.unit.simulation.example import a_long, a_short, both, exits, walked

QUIET = (100.0, 100.5, 99.5, 100.0)


def test_an_untouched_candle_changes_nothing_and_the_rest_is_left_open_at_the_last_close() -> None:
    bounds = walked(a_long(), QUIET, (100.0, 100.9, 99.1, 100.25))

    assert both(bounds) == [("OPEN", 1.0, 100.25)]
    assert bounds.pessimistic.is_open
    assert bounds.pessimistic.gross == 0.0025
    assert bounds.pessimistic.legs[0].at_ms == 60_000


def test_a_touch_exactly_at_the_stop_counts() -> None:
    assert both(walked(a_long(), QUIET, (100.0, 100.0, 99.0, 99.5))) == [("SL", 1.0, 99.0)]


def test_a_touch_exactly_at_a_target_counts() -> None:
    bounds = walked(a_long(), QUIET, (100.0, 101.0, 99.5, 100.0))

    assert both(bounds) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 100.0)]
    assert bounds.pessimistic.gross == 0.005


def test_a_stop_short_of_its_price_is_not_touched() -> None:
    assert both(walked(a_long(), QUIET, (100.0, 100.0, 99.000001, 99.5))) == [("OPEN", 1.0, 99.5)]


def test_all_targets_in_one_candle_without_the_stop_are_one_history() -> None:
    bounds = walked(a_long(), QUIET, (100.0, 103.5, 99.5, 100.0))

    assert both(bounds) == [("TP1", 0.5, 101.0), ("TP2", 0.25, 102.0), ("TP3", 0.25, 103.0)]
    assert bounds.pessimistic.gross == pytest.approx(0.0175, abs=1e-16)


def test_a_candle_that_opens_beyond_the_stop_closes_everything_at_the_open() -> None:
    walk = walked(a_long(), QUIET, (98.0, 104.0, 97.0, 103.0))

    assert both(walk) == [("SL", 1.0, 98.0)]
    assert walk.ambiguous_candles == 0


def test_a_candle_that_opens_beyond_targets_closes_their_shares_at_the_open_nearest_first() -> None:
    walk = walked(a_long(), QUIET, (102.5, 102.6, 102.4, 102.5))

    assert both(walk) == [("TP1", 0.5, 102.5), ("TP2", 0.25, 102.5), ("OPEN", 0.25, 102.5)]


def test_limit_targets_fill_at_their_price_also_where_a_candle_opens_beyond() -> None:
    walk = walked(a_long(tp_execution=TpExecution.LIMIT), QUIET, (102.5, 102.6, 102.4, 102.5))

    assert both(walk)[:2] == [("TP1", 0.5, 101.0), ("TP2", 0.25, 102.0)]


def test_where_stop_and_target_are_touched_every_order_is_possible() -> None:
    """(a): stop at once; TP1 then the stop. No stop moves and the stop is touched: nothing survives."""
    bounds = walked(a_long(), QUIET, (100.0, 101.5, 98.5, 101.0))

    assert bounds.ambiguous
    assert bounds.ambiguous_candles == 1
    assert exits(bounds.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(bounds.optimistic) == [("TP1", 0.5, 101.0), ("SL", 0.5, 99.0)]


def test_all_targets_before_the_stop_is_the_optimistic_end() -> None:
    bounds = walked(a_long(), QUIET, (100.0, 103.0, 99.0, 100.0))

    assert exits(bounds.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(bounds.optimistic) == [("TP1", 0.5, 101.0), ("TP2", 0.25, 102.0), ("TP3", 0.25, 103.0)]


def test_an_open_beyond_a_target_is_first_whatever_else_the_candle_touches() -> None:
    walk = walked(a_long(), QUIET, (101.5, 101.5, 98.0, 99.0))

    assert both(walk) == [("TP1", 0.5, 101.5), ("SL", 0.5, 99.0)]


def test_a_frozen_candle_is_walked_like_any_other() -> None:
    assert both(walked(a_long(), QUIET, (99.0, 99.0, 99.0, 99.0))) == [("SL", 1.0, 99.0)]


def test_histories_go_on_from_each_state_and_meet_again() -> None:
    """After an entry inside a candle TP1 may be filled; a candle later it is. Of equals the one from fewer fills stays."""
    setup = a_long(opened_at_ms=30_000)

    bounds = walked(
        setup, (100.0, 101.0, 99.5, 100.0), (100.0, 101.0, 100.0, 100.5), (100.5, 100.5, 99.0, 99.0)
    )

    assert bounds.ambiguous
    for history in (bounds.pessimistic, bounds.optimistic):
        assert exits(history) == [("TP1", 0.5, 101.0), ("SL", 0.5, 99.0)]
        assert history.legs[0].at_ms == 60_000


def test_targets_without_a_share_are_not_placed() -> None:
    walk = walked(a_long(shares=(0.0, 1.0, 0.0)), QUIET, (100.0, 103.0, 99.5, 102.5))

    assert both(walk) == [("TP2", 1.0, 102.0)]


def test_what_is_open_is_a_table_and_not_a_running_subtraction() -> None:
    bounds = walked(
        a_long(shares=(0.7, 0.1, 0.2)), QUIET, (100.0, 102.0, 99.5, 100.0), (100.0, 100.0, 98.0, 98.0)
    )

    assert [leg.fraction for leg in bounds.pessimistic.legs] == [0.7, 0.1, 0.2]
    bounds = walked(a_long(shares=(0.7, 0.1, 0.2)), QUIET, (100.0, 101.0, 99.5, 100.0))
    assert bounds.pessimistic.legs[-1].fraction == 0.1 + 0.2  # 0.30000000000000004, not 1 - 0.7


def test_a_short_is_the_mirror_image() -> None:
    assert both(walked(a_short(), QUIET, (100.0, 101.0, 100.0, 100.0))) == [("SL", 1.0, 101.0)]
    assert both(walked(a_short(), QUIET, (102.0, 102.0, 96.0, 97.0))) == [("SL", 1.0, 102.0)]
    assert both(walked(a_short(), QUIET, (98.5, 99.0, 98.5, 99.0))) == [
        ("TP1", 0.5, 98.5),
        ("OPEN", 0.5, 99.0),
    ]
    bounds = walked(a_short(), QUIET, (100.0, 101.0, 97.0, 100.0))
    assert exits(bounds.pessimistic) == [("SL", 1.0, 101.0)]
    assert bounds.optimistic.gross == pytest.approx(0.0175, abs=1e-16)
