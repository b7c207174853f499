"""Turn `--set name=value` and `--sweep name=from:to:step` into changes of a policy, for every command."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import product
from math import prod

from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.cli.assignments import assignment, check_once
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.percents import PERCENT, decimal_of
from exitbrain.infrastructure.wire.scalars import DIGITS_MAX, shown

POLICIES_MAX = 100_000
"""The most policies in one run; split more over several runs."""

_VALUES_MAX = 1_000_000_000
_LEAST, _END = Decimal("1e-300"), Decimal("1e300")


_DISTANCES = frozenset(("base_tp", "base_sl", "tp_min", "sl_min", "clamp_min", "clamp_max"))
"""The parameters in the unit of the policy."""


def changed_policy(policy: Policy, settings: Sequence[str]) -> Policy:
    """Return the policy with the changes that `--set` makes; raises WrongUsage and the errors of `variant_of`."""
    (changes,) = grid_of(settings, [])
    check_percents(policy, settings)
    return variant_of(policy, changes)


def check_percents(policy: Policy, given: Sequence[str]) -> None:
    """Raise WrongUsage for a percent sign where the number is not a fraction, so that it could mean two things.

    `given` are arguments of `--set` and `--sweep`. Harvest shares are fractions in every policy, distances in those
    whose unit is the fraction.
    """
    for text in given:
        name, _, value = text.partition("=")
        name = name.strip()
        if PERCENT not in value or name.startswith("harvest") or name not in policy.parameters:
            continue
        if name not in _DISTANCES:
            raise WrongUsage(
                f"{shown(text)}: {name} is no fraction; allowed: a number without a percent sign"
            )
        if policy.unit is not Unit.FRACTION:
            raise WrongUsage(
                f"{shown(text)}: {name} of {policy.name} is in percent already, so the percent sign could be meant twice; "
                f"allowed: the raw number, like {name}={policy.parameters[name]:g}"
            )


def grid_of(settings: Sequence[str], sweeps: Sequence[str]) -> list[dict[str, float]]:
    """Return the changes of every policy: all combinations of the sweeps, each with all settings; one `{}` for neither.

    The values of a sweep are from, from + step, ... up to and including to, computed in decimal, so that
    0.001:0.003:0.001 are exactly the doubles of those decimals. The last sweep changes fastest. Raises WrongUsage.
    """
    fixed = [_setting(text) for text in settings]
    axes = [_axis(text) for text in sweeps]
    check_once([name for name, _ in (*fixed, *axes)], "parameter")
    count = prod(axis.count for _, axis in axes)
    if count > POLICIES_MAX:
        raise WrongUsage(f"the sweeps make {count:,} policies; allowed: up to {POLICIES_MAX:,} in one run")
    swept = [name for name, _ in axes]
    values = product(*(axis.values() for _, axis in axes))
    return [{**dict(fixed), **dict(zip(swept, each, strict=True))} for each in values]


class _Axis:
    """The values of one parameter: `count` of them, a step apart."""

    def __init__(self, first: Decimal, step: Decimal, count: int) -> None:
        self._first, self._step, self.count = first, step, count

    def values(self) -> Iterator[float]:
        return (float(self._first + number * self._step) for number in range(self.count))


def _setting(text: str) -> tuple[str, float]:
    option = f"--set {shown(text)}"
    name, value = _parts(text, option, "name=value, like base_sl=0.004")
    return name, float(_number(value, option))


def _axis(text: str) -> tuple[str, _Axis]:
    form = "name=from:to:step, like base_sl=0.002:0.01:0.001"
    option = f"--sweep {shown(text)}"
    name, bounds = _parts(text, option, form)
    parts = bounds.split(":")
    if len(parts) != 3:
        raise WrongUsage(f"{option} is not {form}")
    first, last, step = (_number(part, option) for part in parts)
    if step <= 0:
        raise WrongUsage(f"{option} has a step of {step:g}; allowed: above 0")
    if first > last:
        raise WrongUsage(
            f"{option} goes from {first:g} down to {last:g}; allowed: from the lower to the higher"
        )
    if last - first > step * _VALUES_MAX:
        raise WrongUsage(
            f"{option} has more than {_VALUES_MAX:,} values; allowed: up to {POLICIES_MAX:,} policies in one run"
        )
    return name, _Axis(first, step, int((last - first) / step) + 1)


def _parts(text: str, option: str, form: str) -> tuple[str, str]:
    otherwise = f"{option} is not {form}"
    name, value = assignment(text, otherwise)
    if not value.strip():
        raise WrongUsage(otherwise)
    return name.strip(), value.strip()


def _number(text: str, option: str) -> Decimal:
    number = decimal_of(text)
    if number.is_nan() or len(text) > DIGITS_MAX or not (number == 0 or _LEAST <= abs(number) < _END):
        raise WrongUsage(f"{option}: {shown(text)!r} is not a number")
    return number
