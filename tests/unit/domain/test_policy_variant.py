"""A variant is its policy with some parameters changed, and nothing that no policy could be."""

from math import inf, nan
from typing import Any

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.variant import variant_of


def test_a_variant_differs_in_what_is_changed_and_is_named_after_it() -> None:
    variant = variant_of(V3_6, {"base_sl": 0.004, "spacing": 1.2})

    assert variant.name == "v3.6 base_sl=0.004 spacing=1.2"
    assert variant.parameters == {**V3_6.parameters, "base_sl": 0.004, "spacing": 1.2}
    assert (variant.formula, variant.unit, variant.ignores) == (V3_6.formula, V3_6.unit, V3_6.ignores)
    assert variant.parameters_hash != V3_6.parameters_hash


def test_nothing_changed_is_the_policy_itself() -> None:
    assert variant_of(V3_5, {}) is V3_5


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spacing": 1.2}, "parameter of v3.5 is 'spacing'; allowed: base_tp, base_sl"),
        ({"base_tp": nan}, "allowed: a finite double"),
        ({"base_tp": inf}, "allowed: a finite double"),
        ({"base_tp": 1}, "v3.5 base_tp is 1; allowed: a finite double"),
        (
            {"harvest1_low": 0.5},
            r"harvest at low leverage is \[0.5, 0.3, 0.4\]; allowed: fractions that sum to 1",
        ),
        (
            {"harvest1_high": 0.9, "harvest2_high": 0.2, "harvest3_high": -0.1},
            "harvest at high leverage .* allowed: fractions of 0 or more",
        ),
    ],
)
def test_what_no_policy_could_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        variant_of(V3_5, changes)


def test_a_whole_harvest_scheme_can_be_changed() -> None:
    scheme = {"harvest1_middle": 0.1, "harvest2_middle": 0.2, "harvest3_middle": 0.7}

    assert variant_of(V3_5, scheme).parameters["harvest3_middle"] == 0.7


def test_a_scheme_may_leave_targets_without_a_share() -> None:
    single = {"harvest1_low": 1.0, "harvest2_low": 0.0, "harvest3_low": 0.0}

    assert variant_of(V3_5, single).parameters["harvest2_low"] == 0.0
