"""Variants of a policy: the same formula and unit with some parameters changed."""

from collections.abc import Mapping

from exitbrain.domain.errors import InvalidValue, meant
from exitbrain.domain.policies.formulas.registry import parameters_of
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import changed

_SCHEMES = ("low", "middle", "high")
_WHOLE_TOLERANCE = 1e-9


def variant_of(policy: Policy, changes: Mapping[str, float]) -> Policy:
    """Return a policy with some parameters changed and named after them; without changes, the policy itself.

    Raises InvalidValue for a parameter that the policy does not have, a number that is not finite, and
    harvest fractions that are negative or do not sum to 1; raises UnknownPolicy for an unknown formula.
    """
    if not changes:
        return policy
    for name, value in changes.items():
        if name not in policy.parameters:
            allowed = f"{', '.join(policy.parameters)}{meant(name, policy.parameters)}"
            raise InvalidValue(f"parameter of {policy.name}", name, allowed)
        if type(value) is not float:
            raise InvalidValue(f"{policy.name} {name}", value, "a finite double")
    said = " ".join(f"{name}={value:.12g}" for name, value in changes.items())
    variant = changed(policy, name=f"{policy.name} {said}", parameters={**policy.parameters, **changes})
    if any(name.startswith("harvest") for name in changes):
        _check_harvest(variant)
    if not variant.is_foreign:
        parameters_of(variant)
    return variant


def _check_harvest(policy: Policy) -> None:
    for scheme in _SCHEMES:
        shares = [policy.parameters.get(f"harvest{target}_{scheme}", 0.0) for target in (1, 2, 3)]
        if not all(share >= 0.0 for share in shares):
            raise InvalidValue(
                f"{policy.name}: harvest at {scheme} leverage", shares, "fractions of 0 or more"
            )
        if not abs(shares[0] + shares[1] + shares[2] - 1.0) <= _WHOLE_TOLERANCE:
            raise InvalidValue(
                f"{policy.name}: harvest at {scheme} leverage", shares, "fractions that sum to 1"
            )
