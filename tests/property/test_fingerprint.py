"""A fingerprint shows every change of behaviour that a parameter can make."""

import pytest

from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import changed

# Parameters that cannot change a level as long as the others stay: their input is ignored, a higher minimum
# hides them, or the steps between 0.85 and 1.1 never reach them.
_FACTOR_LIMITS = {"factor_min", "factor_max"}
_WITHOUT_EFFECT = {
    "v3.5": {"funding_weight", "divergence_weight", "clamp_min", *_FACTOR_LIMITS},
    "v3.5-fraction": {"clamp_min", *_FACTOR_LIMITS},
    "v3.6": _FACTOR_LIMITS,
}


def _changed(policy: Policy, name: str, factor: float) -> Policy:
    return changed(policy, parameters={**policy.parameters, name: policy.parameters[name] * factor})


@pytest.mark.parametrize("policy", SHIPPED.values(), ids=lambda policy: policy.name)
def test_every_parameter_that_matters_shows_in_the_fingerprint(policy: Policy) -> None:
    shown = {
        name
        for name in policy.parameters
        if fingerprint(_changed(policy, name, 1.001)) != fingerprint(policy)
        and fingerprint(_changed(policy, name, 0.999)) != fingerprint(policy)
    }

    assert set(policy.parameters) - shown == _WITHOUT_EFFECT[policy.name]


def test_the_hidden_clamp_shows_once_it_exceeds_the_minimum() -> None:
    assert fingerprint(_changed(V3_5, "clamp_min", 1.6)) != fingerprint(V3_5)


def test_the_limits_of_the_factor_show_once_they_bind() -> None:
    assert fingerprint(_changed(V3_6, "factor_min", 1.1)) != fingerprint(V3_6)
    assert fingerprint(_changed(V3_6, "factor_max", 0.9)) != fingerprint(V3_6)


def test_ignoring_an_input_shows() -> None:
    assert fingerprint(changed(V3_6, ignores=("funding",))) != fingerprint(V3_6)
    assert fingerprint(changed(V3_6, ignores=("divergence",))) != fingerprint(V3_6)


def test_the_name_of_a_policy_does_not_show() -> None:
    assert fingerprint(changed(V3_6, name="v3.6 under another name")) == fingerprint(V3_6)
