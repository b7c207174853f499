"""Check that a policy may be put in force: a known formula, complete parameters, valid levels."""

from functools import lru_cache

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.checked import checked_levels
from exitbrain.domain.policies.fingerprint import grid
from exitbrain.domain.policies.formulas.registry import FORMULAS, compute
from exitbrain.domain.policies.policy import Policy


@lru_cache(maxsize=256)
def check_usable(policy: Policy) -> None:
    """Raise InvalidValue for a policy that cannot be put in force, naming the part that is not usable.

    The levels are checked on the grid of the fingerprint, so a policy that passes has a fingerprint.
    """
    formula = FORMULAS.get(policy.formula)
    if formula is None:
        raise InvalidValue("formula", policy.formula, ", ".join(FORMULAS))
    wanted = set(formula.parameter_names)
    given = set(policy.parameters)
    if missing := sorted(wanted - given):
        raise InvalidValue(f"parameter {missing[0]}", None, f"a finite double; {policy.formula} reads it")
    if unknown := sorted(given - wanted):
        raise InvalidValue("parameter", unknown[0], ", ".join(formula.parameter_names))
    for inputs, brackets in grid(policy):
        at = f"at leverage {inputs.leverage:g}"
        try:
            checked_levels(compute(policy, inputs, brackets))
        except InvalidValue as error:
            raise InvalidValue(f"{error.field} {at}", error.value, error.allowed) from error
        except (ArithmeticError, ValueError) as error:
            raise InvalidValue(f"level {at}", str(error), "a number") from error
