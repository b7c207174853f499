"""Grids of parameters: what is typed becomes exactly the doubles that read so."""

import pytest

from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.grid import POLICIES_MAX, grid_of


def test_neither_settings_nor_sweeps_is_one_policy_unchanged() -> None:
    assert grid_of([], []) == [{}]


def test_the_values_of_a_sweep_are_computed_in_decimal_and_include_the_end() -> None:
    grid = grid_of([], ["base_sl=0.1:0.7:0.1"])

    assert [each["base_sl"] for each in grid] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_an_end_off_the_steps_is_not_included() -> None:
    assert [each["a"] for each in grid_of([], ["a=1:2:0.4"])] == [1.0, 1.4, 1.8]
    assert grid_of([], ["a=1:1:5"]) == [{"a": 1.0}]


def test_several_sweeps_make_every_combination_with_every_setting() -> None:
    grid = grid_of(["c=-2.5"], ["a=1:2:1", "b=0:1:0.5"])

    assert [(each["a"], each["b"]) for each in grid] == [(1, 0), (1, 0.5), (1, 1), (2, 0), (2, 0.5), (2, 1)]
    assert {each["c"] for each in grid} == {-2.5}
    assert len(grid_of([], ["a=1:100:1", "b=1:10:1"])) == 1000


@pytest.mark.parametrize(
    ("settings", "sweeps", "said"),
    [
        (["a"], [], "--set a is not name=value"),
        (["a="], [], "--set a= is not name=value"),
        (["=1"], [], "--set =1 is not name=value"),
        (["a=b"], [], "--set a=b: 'b' is not a number"),
        (["a=nan"], [], "'nan' is not a number"),
        (["a=inf"], [], "'inf' is not a number"),
        (["a=1e999"], [], "'1e999' is not a number"),
        (["a=1", "a=2"], [], "parameter a is given more than once"),
        (["a=1"], ["a=1:2:1"], "parameter a is given more than once"),
        ([], ["a=1:2"], "is not name=from:to:step"),
        ([], ["a=1:2:3:4"], "is not name=from:to:step"),
        ([], ["a=1:2:0"], "has a step of 0; allowed: above 0"),
        ([], ["a=1:2:-1"], "has a step of -1; allowed: above 0"),
        ([], ["a=2:1:1"], "goes from 2 down to 1"),
        ([], ["a=0:1000000:1"], "1,000,001 policies; allowed: up to 100,000"),
        ([], ["a=1:1000:1", "b=1:1000:1"], "1,000,000 policies"),
    ],
)
def test_what_makes_no_grid_is_refused(settings: list[str], sweeps: list[str], said: str) -> None:
    with pytest.raises(WrongUsage, match=said):
        grid_of(settings, sweeps)


def test_the_largest_grid_is_allowed() -> None:
    assert len(grid_of([], [f"a=1:{POLICIES_MAX}:1"])) == POLICIES_MAX
