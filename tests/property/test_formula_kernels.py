"""The compiled kernels give the same 64 bits as the float interpreter, for every policy of a formula."""

import ast
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exitbrain.domain.algebra import Algebra, FloatAlgebra
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.policies.formulas.registry import FORMULAS, SHIPPED, Formula, evaluate
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import changed
from exitbrain.infrastructure.lab.formula_kernel import NoKernel, kernel_name, source_of_kernels
from exitbrain.infrastructure.lab.formula_rows import compute_rows, formula_rows, kernel_of
from exitbrain.infrastructure.lab.liquidation_kernel import Ladders
from tests.architecture.source import ROOT
from tests.property.array_formulas import columns_of
from tests.property.level_inputs import random_inputs, threshold_inputs
from tests.property.recorded_brackets import recorded_brackets

_OUTPUTS = FormulaOutputs.__struct_fields__


def perturbed(policy: Policy, seed: int) -> Policy:
    """Return a policy with every parameter moved, and nothing ignored."""
    chance = random.Random(seed)
    moved = {name: value * chance.uniform(0.7, 1.4) for name, value in policy.parameters.items()}
    return changed(policy, name=f"{policy.name} moved {seed}", parameters=moved, ignores=())


@pytest.fixture(params=["no brackets", "five brackets", "twelve brackets"])
def brackets(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Bracket, ...]:
    ladder = recorded_brackets(shared_data)["BTC/USDT:USDT"]
    return {"no brackets": (), "five brackets": ladder[:5], "twelve brackets": ladder}[request.param]


@pytest.mark.parametrize("policy", SHIPPED.values(), ids=lambda policy: policy.name)
@pytest.mark.parametrize("moved", [0, 1, 2])
def test_kernels_agree_with_floats_in_every_bit(
    policy: Policy, moved: int, brackets: tuple[Bracket, ...]
) -> None:
    given = perturbed(policy, moved) if moved else policy
    count = 1_000 if moved else 3_400
    inputs = [*random_inputs(policy, seed=41 + moved, count=count), *threshold_inputs(given, brackets)]
    columns = columns_of(inputs)
    snapshot = np.zeros(len(inputs), dtype=np.int64)

    computed = compute_rows(given, formula_rows(columns, given.ignores, snapshot, Ladders.of([brackets])))

    arrays = np.array([getattr(computed, name) for name in _OUTPUTS]).T.copy()
    for number, each in enumerate(inputs):
        expected = evaluate(FloatAlgebra(), given, each, brackets)
        assert (
            arrays[number].tobytes() == np.array([getattr(expected, name) for name in _OUTPUTS]).tobytes()
        ), each


def test_each_row_has_the_brackets_of_its_own_snapshot(shared_data: Path) -> None:
    ladders = [recorded_brackets(shared_data)[symbol] for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT")]
    policy = SHIPPED["v3.6"]
    inputs = list(random_inputs(policy, seed=5, count=300))
    snapshot = np.array([number % 3 - 1 for number in range(len(inputs))])

    computed = compute_rows(policy, formula_rows(columns_of(inputs), (), snapshot, Ladders.of(ladders)))

    of_row = [(), *ladders]
    caps = [
        evaluate(FloatAlgebra(), policy, each, of_row[snapshot[number] + 1]).cap
        for number, each in enumerate(inputs)
    ]
    assert np.array(caps).tobytes() == np.asarray(computed.cap).tobytes()


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_kept_kernels_are_those_that_the_formula_text_gives(formula: str) -> None:
    kept = (ROOT / "infrastructure" / "lab" / "kernels" / f"{kernel_name(formula)}.py").read_text("utf-8")

    assert ast.dump(ast.parse(kept)) == ast.dump(ast.parse(source_of_kernels(formula)))


def test_a_formula_that_takes_two_logarithms_has_no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = FORMULAS["lsf-3.5"]

    def twice(a: Algebra, x: FormulaInputs[float], p: Any) -> FormulaOutputs[float]:
        outputs = usual.text(a, x, p)
        return changed(outputs, tp1=a.ln(x.volatility + 2.0))

    def of_a_parameter(a: Algebra, x: FormulaInputs[float], p: Any) -> FormulaOutputs[float]:
        return usual.text(a, changed(x, leverage=x.leverage * p.base_tp), p)

    for text in (twice, of_a_parameter):
        monkeypatch.setitem(FORMULAS, "odd", Formula("odd", usual.parameters, text))
        with pytest.raises(NoKernel):
            source_of_kernels("odd")
    with pytest.raises(NoKernel, match="formula odd has no kernel"):
        kernel_of(changed(SHIPPED["v3.5"], formula="odd"))


def test_nothing_is_computed_for_no_rows() -> None:
    columns = columns_of([])
    rows = formula_rows(columns, (), np.empty(0, dtype=np.int64), Ladders.of([]))

    assert np.asarray(compute_rows(SHIPPED["v3.6"], rows).tp1).shape == (0,)
