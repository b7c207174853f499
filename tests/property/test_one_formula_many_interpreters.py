"""One formula text gives the same 64 bits as floats, as a trace, as arrays and compiled."""

import struct
from collections.abc import Iterable, Sequence
from itertools import chain
from math import isfinite
from pathlib import Path

import numpy as np
import pytest

from exitbrain.domain.algebra import Bound, FloatAlgebra
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.registry import SHIPPED, evaluate, raw_levels
from exitbrain.domain.policies.formulas.terms import FormulaOutputs
from exitbrain.domain.policies.formulas.tracing import TracingAlgebra, value_of
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from tests.effort import share_of
from tests.property.array_formulas import columns_of, compute_levels
from tests.property.level_inputs import plain, random_inputs, threshold_inputs
from tests.property.recorded_brackets import recorded_brackets

_OUTPUTS = FormulaOutputs.__struct_fields__
_RANDOM_ROWS = share_of(3_500)

policies = pytest.mark.parametrize("policy", SHIPPED.values(), ids=lambda policy: policy.name)


def bits(numbers: Iterable[float]) -> bytes:
    """Return the doubles as they lie in memory, so that -0.0 and 0.0 differ."""
    return b"".join(struct.pack("<d", number) for number in numbers)


def bound_bits(bounds: Iterable[Bound]) -> list[tuple[str, str, bytes]]:
    return [(bound.level, bound.constraint, bits((bound.before, bound.after))) for bound in bounds]


def raw_bits(raw: RawLevels) -> tuple[object, ...]:
    numbers = (raw.lsf, raw.pnl_factor, raw.lsf_adjusted, raw.tp1, raw.tp2, raw.tp3, raw.sl, *raw.harvest)
    return bits((*numbers, raw.floor, raw.cap)), raw.refusal, bound_bits(raw.bounds)


def as_floats(
    policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]
) -> tuple[FormulaOutputs[float], tuple[Bound, ...]]:
    a = FloatAlgebra()
    return evaluate(a, policy, inputs, brackets), tuple(a.bounds)


@pytest.fixture(params=["no brackets", "five brackets", "twelve brackets"])
def brackets(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Bracket, ...]:
    ladder = recorded_brackets(shared_data)["BTC/USDT:USDT"]
    return {"no brackets": (), "five brackets": ladder[:5], "twelve brackets": ladder}[request.param]


@policies
def test_floats_traces_arrays_and_compiled_formulas_agree_in_every_bit(
    policy: Policy, brackets: tuple[Bracket, ...]
) -> None:
    rows = [*random_inputs(policy, seed=20251224, count=_RANDOM_ROWS), *threshold_inputs(policy, brackets)]
    with np.errstate(all="raise"):
        columns = compute_levels(policy, rows, brackets)
    arrays = [getattr(columns.outputs, name).tolist() for name in _OUTPUTS]
    engine = BuiltInFormulas()

    for number, inputs in enumerate(rows):
        outputs, bounds = as_floats(policy, inputs, brackets)
        expected = bits(getattr(outputs, name) for name in _OUTPUTS)

        tracing = TracingAlgebra()
        traced = evaluate(tracing, policy, inputs, brackets)
        assert bits(value_of(getattr(traced, name)) for name in _OUTPUTS) == expected, inputs
        assert bound_bits(tracing.bounds) == bound_bits(bounds), inputs

        assert bits(column[number] for column in arrays) == expected, inputs
        assert bound_bits(columns.bounds_of(number)) == bound_bits(bounds), inputs

        compiled = engine.compute(policy, inputs, brackets)
        assert raw_bits(compiled) == raw_bits(raw_levels(outputs, bounds)), inputs


@policies
def test_random_rows_reach_every_constraint_and_refusal(
    policy: Policy, brackets: tuple[Bracket, ...]
) -> None:
    reached: set[str] = set()
    for inputs in chain(random_inputs(policy, seed=20251224, count=1500), threshold_inputs(policy, brackets)):
        outputs, bounds = as_floats(policy, inputs, brackets)
        reached |= {f"{bound.level} {bound.constraint}" for bound in bounds} | {f"code {outputs.code}"}

    expected = {"tp1 tp_min", "sl sl_min", "sl clamp_max", "code 0.0"}
    if policy.formula == "lsf-3.5":
        expected |= {"tp2 tp_min", "tp3 tp_min"}
    else:
        expected |= {"tp1 cost_floor", "tp2 spacing", "tp3 spacing", "sl cost_floor", "code 1.0"}
        expected |= {"sl liquidation_cap", "code 2.0"} if brackets else {"sl liquidation_unknown"}
    assert expected <= reached


class _FiniteArms(FloatAlgebra):
    """Floats that do not accept an arm of a `where` which is not finite."""

    __slots__ = ()

    def where(self, condition: bool, then: float, otherwise: float) -> float:
        assert isfinite(then)
        assert isfinite(otherwise)
        return super().where(condition, then, otherwise)


@policies
def test_both_arms_of_every_where_are_finite(policy: Policy, brackets: tuple[Bracket, ...]) -> None:
    for inputs in chain(random_inputs(policy, seed=7, count=500), threshold_inputs(policy, brackets)):
        evaluate(_FiniteArms(), policy, inputs, brackets)


def test_inputs_that_a_policy_ignores_change_nothing() -> None:
    policy = SHIPPED["v3.5"]
    rows = [plain(policy, funding=0.02, divergence=0.9), plain(policy, funding=-0.0, divergence=0.0)]

    columns = compute_levels(policy, rows)

    for name in _OUTPUTS:
        first, second = getattr(columns.outputs, name).tolist()
        assert bits([first]) == bits([second])


def test_columns_of_no_rows_are_empty() -> None:
    columns = compute_levels(SHIPPED["v3.6"], ())

    assert columns.outputs.tp1.shape == (0,)


def test_given_columns_compute_like_their_rows() -> None:
    policy = SHIPPED["v3.6"]
    rows = list(random_inputs(policy, seed=3, count=50))

    of_columns = compute_levels(policy, columns_of(rows))

    assert bits(of_columns.outputs.sl) == bits(compute_levels(policy, rows).outputs.sl)


@pytest.mark.parametrize("unit", Unit)
def test_a_policy_of_other_parameters_agrees_compiled(unit: Unit) -> None:
    shipped = SHIPPED["v3.6"]
    changed = {name: value * 1.37 for name, value in shipped.parameters.items()}
    policy = Policy("other", shipped.formula, unit, changed, ("funding",))

    for inputs in random_inputs(policy, seed=11, count=300):
        outputs, bounds = as_floats(policy, inputs, ())
        assert raw_bits(BuiltInFormulas().compute(policy, inputs, ())) == raw_bits(
            raw_levels(outputs, bounds)
        )
