"""Walk forward: training ends one hold before the test span begins, and only training chooses."""

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.walk_forward import best_policy, folds_of, walk_forward
from tests.unit.evidence.made import comparison


def test_the_days_are_cut_into_test_spans_after_a_first_span_for_training() -> None:
    folds = folds_of([comparison(100 + day, 1, 0.0) for day in range(12)], folds=3)

    assert [(fold.from_day, fold.until_day) for fold in folds] == [(103, 106), (106, 109), (109, 112)]
    assert [fold.test for fold in folds] == [(3, 4, 5), (6, 7, 8), (9, 10, 11)]
    assert [fold.training[0] for fold in folds] == [0, 0, 0]


def test_a_training_position_whose_life_meets_the_test_span_is_purged() -> None:
    """The third of four lives from day 2 noon into day 3, where the only test span begins."""
    positions = [
        comparison(0, 12, 0.0),
        comparison(2.5, 13, 0.0),
        comparison(3.5, 1, 0.0),
        comparison(5, 1, 0.0),
    ]

    (fold,) = folds_of(positions, folds=1)

    assert (fold.from_day, fold.training, fold.purged, fold.embargoed) == (3, (0,), (1,), ())


def test_a_life_that_ends_as_the_test_span_begins_meets_it() -> None:
    (fold,) = folds_of([comparison(0, 72, 0.0), comparison(5, 1, 0.0)], folds=1)

    assert (fold.from_day, fold.purged) == (3, (0,))


def test_what_ended_less_than_a_hold_before_the_test_span_is_embargoed() -> None:
    """The longest hold is 24 hours, of a test position; the test span begins with day 3."""
    positions = [
        comparison(1, 23, 0.0),
        comparison(1.5, 12, 0.0),
        comparison(2.9, 1, 0.0),
        comparison(4, 24, 0.0),
        comparison(5, 1, 0.0),
    ]

    (fold,) = folds_of(positions, folds=1)

    assert (fold.training, fold.embargoed, fold.purged) == ((0,), (1, 2), ())


def test_the_policy_that_was_best_in_training_is_judged_in_the_next_span() -> None:
    """Policy 0 wins on the first two days, policy 1 on the last two: only the loser is ever tested."""
    positions = [
        comparison(0, 1, 5.0, 1.0),
        comparison(1, 1, 5.0, 1.0),
        comparison(2, 1, -7.0, 9.0),
        comparison(3, 1, -7.0, 9.0),
    ]

    choices, tested = walk_forward(positions, folds=1)

    assert [choice.policy for choice in choices] == [0]
    assert [each.lower for each in tested] == [(-7.0,), (-7.0,)]


def test_the_future_chooses_nothing() -> None:
    """Whatever the test span holds, the choice is that of the training alone."""
    past = [comparison(day, 1, 1.0, 2.0, 3.0) for day in range(6)]

    for change in (-100.0, 0.0, 100.0):
        future = [comparison(day, 1, change, -change, 0.0) for day in range(6, 12)]
        choices, _ = walk_forward(past + future, folds=1)
        assert [choice.policy for choice in choices] == [2]


def test_a_span_with_nothing_to_learn_from_is_left_out() -> None:
    positions = [comparison(0, 72, 1.0), comparison(3, 1, 1.0)]

    choices, tested = walk_forward(positions, folds=1)

    assert [choice.policy for choice in choices] == [None]
    assert tested == ()


def test_of_equal_policies_the_first_is_chosen() -> None:
    assert best_policy([comparison(0, 1, 1.0, 2.0, 2.0)]) == 1
    assert best_policy([]) is None


def test_the_choice_rests_on_the_lower_bounds() -> None:
    wide = Comparison(0, 1, (-5.0, 1.0), (50.0, 2.0))

    assert best_policy([wide]) == 1


def test_nothing_makes_no_fold_and_zero_folds_are_refused() -> None:
    assert folds_of([]) == ()
    with pytest.raises(InvalidValue, match="folds is 0; allowed: 1 or more"):
        folds_of([], folds=0)
