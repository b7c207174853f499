"""A policy: what identifies it, and what it may not say."""

import pytest

from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.policies.formulas.registry import V3_5, V3_5_FRACTION, V3_6, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Unit, changed
from tests.unit.domain.example import inputs_for


def _with(policy: Policy, **parameters: float) -> Policy:
    return changed(policy, parameters={**policy.parameters, **parameters})


def test_the_order_of_parameters_and_ignored_inputs_does_not_matter() -> None:
    shuffled = changed(
        V3_5,
        parameters=dict(reversed(V3_5.parameters.items())),
        ignores=tuple(reversed(V3_5.ignores)),
    )

    assert shuffled.parameters_hash == V3_5.parameters_hash


@pytest.mark.parametrize(
    "other",
    [
        changed(V3_6, unit=Unit.PERCENT),
        changed(V3_6, formula="lsf-3.7"),
        changed(V3_6, ignores=("funding",)),
        _with(V3_6, base_tp=0.010000000000000002),
    ],
)
def test_what_can_change_a_level_changes_the_hash(other: Policy) -> None:
    assert other.parameters_hash != V3_6.parameters_hash


def test_the_name_is_not_part_of_the_hash() -> None:
    assert changed(V3_6, name="other").parameters_hash == V3_6.parameters_hash


def test_equal_policies_find_each_other_in_a_dictionary() -> None:
    same = Policy(V3_6.name, V3_6.formula, V3_6.unit, dict(V3_6.parameters), V3_6.ignores)

    assert {V3_6: "found"}[same] == "found"
    assert V3_5 != V3_5_FRACTION


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1])
def test_a_parameter_is_a_finite_double(value: float) -> None:
    with pytest.raises(InvalidValue, match=r"v3\.6 tp_min is .*; allowed: a finite double"):
        _with(V3_6, tp_min=value)


def test_only_funding_and_divergence_can_be_ignored() -> None:
    with pytest.raises(InvalidValue, match="allowed: divergence, funding"):
        changed(V3_6, ignores=("volatility",))


def test_a_missing_parameter_is_named() -> None:
    partial = changed(V3_6, parameters={"base_tp": 0.01, "base_sl": 0.005})

    with pytest.raises(UnknownPolicy, match=r"v3\.6 \(parameters clamp_max"):
        compute(partial, inputs_for(V3_6))


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(UnknownPolicy, match=r"v3\.6 \(parameters typo\)"):
        compute(_with(V3_6, typo=1.0), inputs_for(V3_6))


def test_an_unknown_formula_is_named_with_those_known() -> None:
    with pytest.raises(UnknownPolicy, match=r"'lsf-3.7' is not known; known: lsf-3.5, lsf-3.6"):
        compute(changed(V3_6, formula="lsf-3.7"), inputs_for(V3_6))
