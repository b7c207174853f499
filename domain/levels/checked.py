"""The checks that the raw levels of every engine must pass before they are used."""

from decimal import Decimal
from math import isfinite, nextafter
from numbers import Real
from sys import float_info

from exitbrain.domain.algebra import Bound
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.levels import LEVELS, REFUSALS, RawLevels

LARGEST = 1e15
"""The largest number allowed. Up to here, no price computed from it overflows."""

HARVEST_TOLERANCE = 1e-9
"""How far the sum of the harvest shares may be from 1, because thirds do not sum exactly."""

CONSTRAINTS = (
    "tp_min",
    "sl_min",
    "clamp_min",
    "clamp_max",
    "cost_floor",
    "liquidation_cap",
    "liquidation_unknown",
    "spacing",
)
"""The constraints of our formulas. The mirror stores indexes into this tuple."""

CONSTRAINT_MAX = 64
"""The most characters allowed in the name of a constraint."""

_NUMBER = "a number from -1e15 to 1e15"
_DISTANCE = "a number above 0, up to 1e15"
_LIMIT = "a number from 0 to 1e15"
_SHARE = "a number from 0 to 1"
_SCHEME = "three shares from 0 to 1 that sum to 1"
_BOUNDS = "a tuple of Bound"
_NUMERIC = "a finite number"
_FINITE = float_info.max
_ABOVE_0 = nextafter(0.0, 1.0)
_CODES = tuple(REFUSALS.values())
_CONSTRAINTS = frozenset(CONSTRAINTS)


def checked_levels(answer: object) -> RawLevels:
    """Return an engine's answer in exact doubles; raises InvalidValue if it cannot be judged and recorded.

    An int, a Decimal or any other real number becomes a double; a bool or text is rejected. Levels need four
    distances above 0, harvest shares that sum to 1 (0 is allowed), floor and cap of 0 or more. A refusal
    needs a code from `REFUSALS` and numbers that can be recorded; its levels are not used.
    """
    if type(answer) is RawLevels and _is_exact(answer):
        return answer  # unchanged: the fast path, taken by almost every decision
    if not isinstance(answer, RawLevels):
        raise InvalidValue("answer", answer, "RawLevels")
    return _levels(answer) if answer.refusal is None else _refused(answer)


def _is_exact(raw: RawLevels) -> bool:
    """Return whether these are ordinary levels that pass every check unchanged; others are checked in detail.

    Written out for speed, since every decision needs it. No number is negative, so their sum limits each of
    them.
    """
    harvest: object = raw.harvest
    bounds: object = raw.bounds
    if (
        raw.refusal is not None
        or type(harvest) is not tuple
        or type(bounds) is not tuple
        or len(harvest) != 3
    ):
        return False
    a, b, c = harvest
    lsf, factor, adjusted, floor, cap = raw.lsf, raw.pnl_factor, raw.lsf_adjusted, raw.floor, raw.cap
    tp1, tp2, tp3, sl = raw.tp1, raw.tp2, raw.tp3, raw.sl
    # fmt: off
    if not (
        type(lsf) is type(factor) is type(adjusted) is type(tp1) is type(tp2) is type(tp3) is type(sl) is float
        and type(floor) is type(cap) is type(a) is type(b) is type(c) is float
        and tp1 > 0.0 and tp2 > 0.0 and tp3 > 0.0 and sl > 0.0 and floor >= 0.0 and cap >= 0.0
        and lsf >= 0.0 and factor >= 0.0 and adjusted >= 0.0
        and lsf + factor + adjusted + tp1 + tp2 + tp3 + sl + floor + cap <= LARGEST
        and a >= 0.0 and b >= 0.0 and c >= 0.0 and -HARVEST_TOLERANCE <= a + b + c - 1.0 <= 0.0
    ):
        return False
    # fmt: on
    for bound in bounds:
        if type(bound) is not Bound or bound.level not in LEVELS or bound.constraint not in _CONSTRAINTS:
            return False
        before, after = bound.before, bound.after
        if not (type(before) is type(after) is float and isfinite(before + after)):
            return False
    return True


def _levels(raw: RawLevels) -> RawLevels:
    harvest = _shares(raw.harvest)
    if not -HARVEST_TOLERANCE <= harvest[0] + harvest[1] + harvest[2] - 1.0 <= HARVEST_TOLERANCE:
        raise InvalidValue("harvest", harvest, _SCHEME)
    return RawLevels(
        lsf=_double("lsf", raw.lsf),
        pnl_factor=_double("pnl_factor", raw.pnl_factor),
        lsf_adjusted=_double("lsf_adjusted", raw.lsf_adjusted),
        tp1=_distance("tp1", raw.tp1),
        tp2=_distance("tp2", raw.tp2),
        tp3=_distance("tp3", raw.tp3),
        sl=_distance("sl", raw.sl),
        harvest=harvest,
        floor=_double("floor", raw.floor, 0.0, allowed=_LIMIT),
        cap=_double("cap", raw.cap, 0.0, allowed=_LIMIT),
        refusal=None,
        bounds=_bounds(raw.bounds),
    )


def _refused(raw: RawLevels) -> RawLevels:
    if raw.refusal not in _CODES:
        raise InvalidValue("refusal", raw.refusal, f"None, {' or '.join(_CODES)}")
    return RawLevels(
        lsf=_double("lsf", raw.lsf),
        pnl_factor=_double("pnl_factor", raw.pnl_factor),
        lsf_adjusted=_double("lsf_adjusted", raw.lsf_adjusted),
        tp1=_double("tp1", raw.tp1),
        tp2=_double("tp2", raw.tp2),
        tp3=_double("tp3", raw.tp3),
        sl=_double("sl", raw.sl),
        harvest=_shares(raw.harvest),
        floor=_double("floor", raw.floor),
        cap=_double("cap", raw.cap),
        refusal=_CODES[_CODES.index(raw.refusal)],
        bounds=_bounds(raw.bounds),
    )


def _double(
    field: str, value: object, low: float = -LARGEST, high: float = LARGEST, *, allowed: str = _NUMBER
) -> float:
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        raise InvalidValue(field, value, allowed)
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:  # a signalling NaN, or an integer too large for a double
        raise InvalidValue(field, value, allowed) from error
    if not low <= number <= high:
        raise InvalidValue(field, value, allowed)
    return number


def _distance(field: str, value: object) -> float:
    return _double(field, value, _ABOVE_0, allowed=_DISTANCE)


def _shares(harvest: object) -> tuple[float, float, float]:
    shares = _sequence(harvest)
    if shares is None or len(shares) != 3:
        raise InvalidValue("harvest", harvest, _SCHEME)
    first, second, third = (
        _double(f"harvest[{place}]", share, 0.0, 1.0, allowed=_SHARE) for place, share in enumerate(shares)
    )
    return first, second, third


def _bounds(given: object) -> tuple[Bound, ...]:
    bounds = _sequence(given)
    if bounds is None:
        raise InvalidValue("bounds", given, _BOUNDS)
    return tuple([_bound(f"bounds[{place}]", bound) for place, bound in enumerate(bounds)])


def _bound(field: str, bound: object) -> Bound:
    if not isinstance(bound, Bound):
        raise InvalidValue(field, bound, "a Bound")
    if bound.level not in LEVELS:
        raise InvalidValue(f"{field}.level", bound.level, ", ".join(LEVELS))
    constraint: object = bound.constraint
    if not isinstance(constraint, str) or not constraint.isprintable() or len(constraint) > CONSTRAINT_MAX:
        raise InvalidValue(
            f"{field}.constraint", constraint, f"a name of at most {CONSTRAINT_MAX} characters"
        )
    return Bound(
        LEVELS[LEVELS.index(bound.level)],
        str(constraint),
        _double(f"{field}.before", bound.before, -_FINITE, _FINITE, allowed=_NUMERIC),
        _double(f"{field}.after", bound.after, -_FINITE, _FINITE, allowed=_NUMERIC),
    )


def _sequence(given: object) -> tuple[object, ...] | None:
    """Return a tuple, list or similar iterable as a tuple; None for anything else."""
    if isinstance(given, str | bytes | dict | set | frozenset):
        return None
    try:
        return tuple(given)  # type: ignore[arg-type]  # what is not iterable raises TypeError
    except TypeError:
        return None
