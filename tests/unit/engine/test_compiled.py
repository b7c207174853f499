"""What is particular to compiled formulas; that they agree in every bit is a property of its own."""

from typing import Any

import pytest
from msgspec import Struct

from exitbrain.domain.algebra import Algebra
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.levels.liquidation import UNKNOWN
from exitbrain.domain.policies.formulas.registry import FORMULAS, SHIPPED, V3_5, V3_6, Formula, compute
from exitbrain.domain.policies.formulas.terms import FormulaInputs, FormulaOutputs
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Unit, changed
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.engines.compiled import compiled, reads_liquidation, source_of
from tests.unit.domain.example import BRACKETS, inputs_for


class _Odd(Struct, frozen=True):
    base_tp: float = 0.01
    base_sl: float = -0.5


def _odd(a: Algebra, x: FormulaInputs[Any], p: _Odd) -> FormulaOutputs[Any]:
    """Use what the shipped formulas do not: a bound reported twice, negative constants, a nested logarithm."""
    twice = a.at_least("tp1", "tp_min", a.at_least("tp1", "tp_min", x.base_tp, 0.5), 0.75)
    same = a.at_least("tp2", "tp_min", x.base_tp, 0.5) + a.at_least("tp2", "tp_min", x.base_tp, 0.5)
    deep = a.ln(a.ln(x.leverage + 3.0) - -1.5)
    negative = x.volatility - p.base_sl * -2.0
    marked = a.mark("sl", "liquidation_unknown", x.liquidation_known <= 0.0, deep)
    return FormulaOutputs(
        lsf=deep,
        pnl_factor=a.step("pnl_factor", 1.0),
        lsf_adjusted=deep,
        tp1=twice,
        tp2=same,
        tp3=negative,
        sl=marked,
        harvest1=a.where(x.leverage > 2.0, -0.0, 1.0),
        harvest2=a.step("harvest2", 0.25),
        harvest3=a.step("harvest3", -0.0),
        floor=a.step("floor", -1.0),
        cap=a.where(x.leverage >= 2.0, x.leverage_allowed, 1e300),
        code=a.step("code", 0.0),
    )


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> Policy:
    monkeypatch.setitem(FORMULAS, "odd", Formula("odd", _Odd, _odd))
    return Policy("odd", "odd", Unit.FRACTION, {"base_tp": 0.01, "base_sl": -0.5})


@pytest.mark.parametrize("leverage", [1.0, 2.0, 50.0])
@pytest.mark.parametrize("brackets", [(), BRACKETS])
def test_operations_that_no_shipped_formula_combines_agree_too(
    odd: Policy, leverage: float, brackets: Any
) -> None:
    inputs = inputs_for(odd, leverage=leverage)

    assert repr(BuiltInFormulas().compute(odd, inputs, brackets)) == repr(compute(odd, inputs, brackets))


def test_what_binds_twice_is_reported_twice(odd: Policy) -> None:
    raw = compiled(odd)(inputs_for(odd), UNKNOWN)

    assert [bound.level for bound in raw.bounds] == ["tp1", "tp1", "tp2", "tp2", "sl"]


def test_constants_are_folded_and_shared_operations_written_once() -> None:
    source = source_of(V3_5)

    assert source.count("ln(") == 1
    assert "0.0015 > 0.001" not in source
    assert "funding" not in source  # ignored


def test_only_a_formula_that_caps_the_stop_needs_the_liquidation_price() -> None:
    assert {name: reads_liquidation(policy) for name, policy in SHIPPED.items()} == {
        "v3.5": False,
        "v3.5-fraction": False,
        "v3.6": True,
    }


def test_a_policy_is_compiled_once() -> None:
    again = changed(V3_6, parameters=dict(V3_6.parameters))

    assert compiled(again) is compiled(V3_6)


def test_an_unknown_formula_is_refused() -> None:
    with pytest.raises(UnknownPolicy):
        BuiltInFormulas().compute(changed(V3_6, formula="lsf-3.7"), inputs_for(V3_6), ())
