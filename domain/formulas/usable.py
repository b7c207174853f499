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
        try:
            raw = compute(policy, inputs, brackets)
        except (ArithmeticError, ValueError) as error:
            raise InvalidValue("parameters", policy.parameters, f"such as give levels; {error}") from error
        _check(policy, raw)


def _check(policy: Policy, raw: RawLevels) -> None:
    numbers = (
        raw.lsf,
        raw.pnl_factor,
        raw.lsf_adjusted,
        raw.tp1,
        raw.tp2,
        raw.tp3,
        raw.sl,
        raw.floor,
        raw.cap,
    )
    if not all(map(isfinite, (*numbers, *raw.harvest))):
        raise InvalidValue("parameters", policy.parameters, "such as give finite levels")
    first, second, third = raw.harvest
    if min(raw.harvest) < 0 or not abs(first + second + third - 1.0) <= _WHOLE_TOLERANCE:
        raise InvalidValue("harvest", list(raw.harvest), "shares from 0 that sum to 1")
