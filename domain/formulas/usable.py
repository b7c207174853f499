"""Whether a policy may be put in force: its formula is known, its parameters are complete, its levels are levels."""

from functools import lru_cache
from math import isfinite

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.formulas.fingerprint import grid
from exitbrain.domain.formulas.registry import FORMULAS, compute
from exitbrain.domain.levels import RawLevels
from exitbrain.domain.policy import Policy

_WHOLE_TOLERANCE = 1e-9


@lru_cache(maxsize=256)
def check_usable(policy: Policy) -> None:
    """Raise InvalidValue for a policy that can not be put in force, naming what of it is not usable.

    Its levels are computed on the grid of the fingerprint, so one that passes has a fingerprint.
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
            raw = compute(policy, inputs, brackets)
        except (ArithmeticError, ValueError) as error:
            raise InvalidValue(f"level {at}", str(error), "a number") from error
        _check(raw, at)


def _check(raw: RawLevels, at: str) -> None:
    distances = (raw.tp1, raw.tp2, raw.tp3, raw.sl)
    others = (raw.lsf, raw.pnl_factor, raw.lsf_adjusted, raw.floor, raw.cap)
    if not all(map(isfinite, (*distances, *others, *raw.harvest))):
        raise InvalidValue(f"levels {at}", distances, "finite numbers")
    if raw.refusal is None and min(distances) <= 0.0:
        raise InvalidValue(f"levels {at}", distances, "distances above 0")
    first, second, third = raw.harvest
    if min(raw.harvest) < 0.0 or not abs(first + second + third - 1.0) <= _WHOLE_TOLERANCE:
        raise InvalidValue(f"harvest {at}", raw.harvest, "shares from 0 that sum to 1")
