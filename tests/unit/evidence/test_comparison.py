"""Comparisons make UTC days, and days that live at the same time count in part."""

import pytest

from exitbrain.domain.evidence.comparison import (
    daily_sums,
    days_of_a_life,
    effective_days,
    longest_life_ms,
)
from tests.unit.evidence.made import HOUR_MS, comparison


def test_differences_are_summed_by_utc_day_of_entry() -> None:
    late = comparison(1 + 23.5 / 24, 5, 2.0, -1.0, bounds=0.5)

    days = daily_sums([comparison(2, 1, 4.0, 8.0), late, comparison(1, 1, 16.0, 32.0)])

    assert days.days == (1, 2)
    assert days.lower == ((17.5, 30.5), (4.0, 8.0))
    assert days.upper == ((18.5, 31.5), (4.0, 8.0))


def test_a_day_is_summed_in_the_order_of_entry() -> None:
    """Added the other way round, the small numbers would be lost in the large one."""
    first, second, third = comparison(0, 1, 1.0), comparison(0.1, 1, 1.0), comparison(0.2, 1, 2.0**53)

    assert daily_sums([third, second, first]).lower == ((2.0**53 + 2.0,),)


def test_days_that_never_meet_count_in_full() -> None:
    assert effective_days([comparison(day, 23, 0.0) for day in range(40)]) == 40.0


def test_several_positions_of_one_day_are_one_day() -> None:
    assert effective_days([comparison(3 + hour / 24, 1, 0.0) for hour in range(20)]) == 1.0


def test_days_that_live_through_each_other_count_as_their_share() -> None:
    """Positions of three days entered every day: in the middle three are always alive."""
    thirty = effective_days([comparison(day, 72, 0.0) for day in range(30)])

    assert thirty == pytest.approx(28 / 3 + 2 * (1 + 1 / 2) / 3 + 2 / 9, abs=1.0)
    assert thirty < 12


def test_an_overlap_counts_by_its_length() -> None:
    """Two days of ten hours that share one hour: each loses half of a tenth."""
    pair = [comparison(0 + 15 / 24, 10, 0.0), comparison(1, 10, 0.0)]

    assert effective_days(pair) == pytest.approx(2 * (9 + 0.5) / 10)


def test_no_position_is_no_day() -> None:
    assert effective_days([]) == 0.0
    assert longest_life_ms([]) == 0
    assert days_of_a_life([]) == 1


def test_a_position_let_go_of_at_once_still_makes_a_day() -> None:
    assert effective_days([comparison(5, 0, 0.0)]) == 1.0


def test_a_life_over_midnight_meets_two_days() -> None:
    assert days_of_a_life([comparison(7 + 23 / 24, 2, 0.0), comparison(9, 3, 0.0)]) == 2
    assert longest_life_ms([comparison(7 + 23 / 24, 2, 0.0), comparison(9, 3, 0.0)]) == 3 * HOUR_MS
