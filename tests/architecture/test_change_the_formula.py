"""The page "Change the formula in ten minutes" leads where it says: what it has the reader write works, and is one rule."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from exitbrain.application.engine_answer import levels_of
from exitbrain.domain.policies.formulas.registry import FORMULAS, Formula, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Unit, fields_of
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.engines.foreign import ForeignEngine, foreign_policy
from exitbrain.infrastructure.lab.formula_kernel import source_of_kernels
from tests.architecture.test_docs import DOCS, blocks
from tests.property.level_inputs import random_inputs

ENGINE, FORMULA, IN_FORCE = blocks(DOCS / "change-the-formula.md", "python")


def module_of(source: str) -> Any:
    module = ModuleType(source.split()[1])
    exec(source, vars(module))  # noqa: S102 - code of the page
    return module


@pytest.fixture
def formula(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module of the formula, registered as the page says."""
    written = module_of(FORMULA)
    formula = Formula(written.NAME, written.RiskMultiplesParameters, written.risk_multiples)
    monkeypatch.setitem(FORMULAS, written.NAME, formula)
    return written


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the name of the engine, saved in a folder that Python looks into."""
    (tmp_path / "risk_multiples.py").write_text(ENGINE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "foreign:risk_multiples:RiskMultiples"
    sys.modules.pop("risk_multiples", None)


def test_the_formula_gives_the_levels_of_the_engine_bit_for_bit(formula: Any, engine: str) -> None:
    asked, loaded = foreign_policy(engine), ForeignEngine(engine)
    policy = Policy("risk", formula.NAME, Unit.FRACTION, fields_of(formula.RiskMultiplesParameters()))
    told = ("lsf", "tp1", "tp2", "tp3", "sl", "harvest", "floor", "cap", "refusal")

    for inputs in random_inputs(policy, seed=4, count=300):
        outside, inside = levels_of(loaded, asked, inputs, ()), compute(policy, inputs)
        assert repr([getattr(outside, name) for name in told]) == repr(
            [getattr(inside, name) for name in told]
        )


def test_the_formula_has_a_kernel(formula: Any) -> None:
    assert "def risk_multiples(" in source_of_kernels(formula.NAME)


def test_the_policy_can_be_put_in_force(
    formula: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    messages = str(DOCS / "examples" / "messages.jsonl")
    assert run(["ingest", messages, "--store", "sqlite:///formula.db", "--policy", "v3.6"]) == 0
    capsys.readouterr()

    exec(IN_FORCE, {})  # noqa: S102 - code of the page

    assert capsys.readouterr().out == "ACCEPTED\n"
