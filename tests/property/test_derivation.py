"""The printed derivation of a decision is true: whoever evaluates its lines gets the same 64 bits."""

import struct
from collections.abc import Callable, Sequence
from itertools import chain, islice

import pytest

from exitbrain.domain.algebra import ln
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.derivation import derive
from exitbrain.domain.policies.formulas.registry import SHIPPED, compute
from exitbrain.domain.policies.formulas.tracing import Traced, derivation, named
from exitbrain.domain.policies.policy import Policy
from tests.property.level_inputs import random_inputs, threshold_inputs
from tests.unit.domain.example import BRACKETS

_NOTATION = {
    "ln": ln,
    "where": lambda condition, then, otherwise: then if condition else otherwise,
    "max": lambda a, b: b if b > a else a,
    "min": lambda a, b: b if b < a else a,
}


def bits(number: float) -> bytes:
    return struct.pack("<d", number)


def numbers_of(raw: RawLevels) -> dict[str, float]:
    named_numbers = {
        name: getattr(raw, name)
        for name in ("lsf", "pnl_factor", "lsf_adjusted", "tp1", "tp2", "tp3", "sl", "floor", "cap")
    }
    return named_numbers | {f"harvest{n}": share for n, share in enumerate(raw.harvest, start=1)}


@pytest.mark.parametrize("brackets", [(), BRACKETS], ids=["no brackets", "five brackets"])
@pytest.mark.parametrize("policy", SHIPPED.values(), ids=lambda policy: policy.name)
def test_lines_evaluate_in_order_to_the_bits_of_the_formula(
    policy: Policy, brackets: Sequence[Bracket]
) -> None:
    rows: chain[LevelInputs] = chain(
        random_inputs(policy, seed=5, count=150), islice(threshold_inputs(policy, brackets), 0, None, 5)
    )
    for inputs in rows:
        derived = derive(policy, inputs, brackets)
        expected = compute(policy, inputs, brackets)
        assert repr(derived.raw) == repr(expected)

        known: dict[str, float] = {}
        for line in derived.lines:
            assert set(line.uses) <= set(known), line
            known[line.name] = eval(line.expression, dict(_NOTATION), known)  # noqa: S307  our own lines
            assert bits(known[line.name]) == bits(line.value), line
        for name, number in numbers_of(expected).items():
            assert bits(known[name]) == bits(number), name


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (lambda a, b, c: (a + b) - c, "a + b - c"),
        (lambda a, b, c: a + (b - c), "a + (b - c)"),
        (lambda a, b, c: a * (b / c), "a * (b / c)"),
        (lambda a, b, c: a * b / c, "a * b / c"),
        (lambda a, b, c: (a + b) * c, "(a + b) * c"),
        (lambda a, b, c: a - b * c, "a - b * c"),
        (lambda a, b, c: a - b * (-1.5 - c), "a - b * ((-1.5) - c)"),
        (lambda a, b, c: 2.0 / (a / b) / c, "2.0 / (a / b) / c"),
    ],
)
def test_brackets_stand_only_where_the_order_of_rounding_needs_them(
    expression: Callable[[Traced, Traced, Traced], Traced], text: str
) -> None:
    value = expression(named("a", 1.0), named("b", 2.0), named("c", 3.0))

    lines = derivation(Traced(value.value, "step", (value,), name="result"))

    assert lines[-1].expression == text


def test_a_traced_number_does_not_decide_a_branch() -> None:
    with pytest.raises(TypeError, match="must not branch"):
        bool(named("leverage", 2.0) > 1.0)
