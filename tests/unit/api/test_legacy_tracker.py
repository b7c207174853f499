"""The drop-in for the old tracker of results."""

import pytest

from exitbrain import InvalidValue, PnLTracker


def tracker_with(*results: float, max_history: int = 20) -> PnLTracker:
    tracker = PnLTracker(max_history)
    for number, result in enumerate(results, start=1):
        tracker.add_trade(result, "BTCUSDT", float(number))
    return tracker


def test_an_empty_tracker_gives_zeros() -> None:
    tracker = PnLTracker()

    assert (tracker.avg_last_20(), tracker.get_avg_pnl(), tracker.win_rate()) == (0.0, 0.0, 0.0)
    assert tracker.avg_by_leverage((1, 125)) == 0.0
    assert tracker.get_stats() == {
        "avg_pnl": 0.0,
        "win_rate": 0.0,
        "total_trades": 0,
        "best_trade": 0.0,
        "worst_trade": 0.0,
    }


def test_average_takes_the_last_twenty_only() -> None:
    tracker = tracker_with(1000.0, *([0.5] * 20))

    assert tracker.avg_last_20() == 0.5
    assert tracker.get_avg_pnl() == 0.5


def test_average_takes_twenty_also_where_more_are_kept() -> None:
    tracker = tracker_with(*([7.0] * 10), *([0.5] * 20), max_history=30)

    assert tracker.avg_last_20() == 0.5
    assert tracker.get_stats()["avg_pnl"] == pytest.approx(8 / 3)
    assert tracker.get_stats()["total_trades"] == 30


def test_average_adds_from_the_oldest_in_a_plain_loop() -> None:
    results = (1.0, 1e-16, 1e-16, -1.0)  # a compensated sum finds 2e-16

    assert tracker_with(*results).avg_last_20() == 0.0
    assert tracker_with(*results).get_stats()["avg_pnl"] == 0.0
    assert tracker_with(*results).avg_by_leverage((1, 4)) == 0.0


def test_a_shorter_history_forgets_sooner() -> None:
    assert tracker_with(9.0, 1.0, 2.0, max_history=2).avg_last_20() == 1.5


def test_win_rate_is_the_share_above_zero() -> None:
    assert tracker_with(1.0, 0.0, -1.0, 2.0).win_rate() == 0.5


def test_average_by_leverage_includes_both_ends() -> None:
    tracker = tracker_with(1.0, 2.0, 4.0, 8.0)

    assert tracker.avg_by_leverage((2, 3)) == 3.0
    assert tracker.avg_by_leverage((5, 9)) == 0.0


def test_statistics_name_best_and_worst() -> None:
    assert tracker_with(-1.0, 3.0).get_stats() == {
        "avg_pnl": 1.0,
        "win_rate": 0.5,
        "total_trades": 2,
        "best_trade": 3.0,
        "worst_trade": -1.0,
    }


def test_a_result_that_is_no_number_is_refused_and_not_kept() -> None:
    tracker = tracker_with(1.0)

    with pytest.raises(InvalidValue, match=r"^BTCUSDT pnl is nan"):
        tracker.add_trade(float("nan"), "BTCUSDT", 10.0)
    with pytest.raises(InvalidValue, match=r"^BTCUSDT leverage is inf"):
        tracker.add_trade(1.0, "BTCUSDT", float("inf"))
    assert tracker.get_stats()["total_trades"] == 1


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"^max_history is 0; allowed: a whole number from 1"):
        PnLTracker(0)
