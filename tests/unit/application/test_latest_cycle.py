"""The highest of dense numbers, found with few questions."""

import pytest

from exitbrain.ports import latest_cycle


@pytest.mark.parametrize("hint", [0, 1, 6, 7])
@pytest.mark.parametrize("latest", [*range(18), 63, 64, 65, 1000, 10_001])
def test_the_highest_is_found_from_any_hint_that_existed_or_is_gone(latest: int, hint: int) -> None:
    asked: list[int] = []

    def exists(cycle: int) -> bool:
        asked.append(cycle)
        return 1 <= cycle <= latest

    assert latest_cycle(exists, hint=hint) == latest
    assert len(asked) <= 2 * latest.bit_length() + 4


def test_a_hint_that_still_holds_costs_two_questions() -> None:
    asked: list[int] = []

    def exists(cycle: int) -> bool:
        asked.append(cycle)
        return cycle <= 500

    assert latest_cycle(exists, hint=500) == 500
    assert asked == [501, 500]
