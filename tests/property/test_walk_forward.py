"""Whatever the positions, what is learned from never meets what is tested."""

from hypothesis import given
from hypothesis import strategies as st

from exitbrain.domain.evidence.comparison import (
    DAY_MS,
    Comparison,
    daily_sums,
    effective_days,
    longest_life_ms,
)
from exitbrain.domain.evidence.walk_forward import folds_of, walk_forward

positions = st.lists(
    st.builds(
        lambda opened_at, life, difference: Comparison(
            opened_at, opened_at + life, (difference, -difference), (difference, -difference)
        ),
        st.integers(0, 40 * DAY_MS),
        st.integers(0, 5 * DAY_MS),
        st.floats(-1, 1),
    ),
    min_size=1,
    max_size=40,
)
spans = st.integers(1, 8)


@given(positions, spans)
def test_no_life_of_training_comes_nearer_than_a_hold_to_the_test_span(
    made: list[Comparison], folds: int
) -> None:
    hold = longest_life_ms(made)

    for fold in folds_of(made, folds):
        for place in fold.training:
            assert made[place].ended_at + hold < fold.from_day * DAY_MS


@given(positions, spans)
def test_every_position_is_tested_at_most_once_and_those_of_the_first_span_never(
    made: list[Comparison], folds: int
) -> None:
    found = folds_of(made, folds)
    tested = [place for fold in found for place in fold.test]

    assert len(tested) == len(set(tested))
    for fold in found:
        assert all(fold.from_day <= made[place].day < fold.until_day for place in fold.test)
    begin = min((fold.from_day for fold in found), default=None)
    if begin is not None:
        assert sorted(tested) == [place for place, each in enumerate(made) if each.day >= begin]


@given(positions, spans)
def test_everything_before_a_test_span_is_learned_from_or_left_out_for_a_reason(
    made: list[Comparison], folds: int
) -> None:
    for fold in folds_of(made, folds):
        before = [place for place, each in enumerate(made) if each.day < fold.from_day]
        assert sorted(fold.training + fold.purged + fold.embargoed) == before


@given(positions, spans)
def test_another_future_leaves_every_earlier_choice(made: list[Comparison], folds: int) -> None:
    choices, _ = walk_forward(made, folds)
    for choice in choices:
        start = choice.fold.from_day * DAY_MS
        turned = [
            Comparison(each.opened_at, each.ended_at, each.upper[::-1], each.upper[::-1])
            if each.ended_at >= start
            else each
            for each in made
        ]
        again = {other.fold.from_day: other.policy for other in walk_forward(turned, folds)[0]}
        assert again[choice.fold.from_day] == choice.policy


@given(positions)
def test_effective_days_are_at_most_the_days_and_at_least_one(made: list[Comparison]) -> None:
    days = len(daily_sums(made).days)

    assert 1 - 1e-9 <= effective_days(made) <= days + 1e-9
