"""The numbers in the sentence about the stop multiply to it, within the four digits that they show."""

import re
from collections.abc import Iterator
from math import isclose, prod

import pytest

from exitbrain.application.queries.explain import explain
from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.presentation.stop_sentence import stop_sentence
from tests.property.level_inputs import random_inputs
from tests.unit.domain.example import BRACKETS, FRESH

_ROUNDED = 0.0005
"""The largest relative error of four digits."""
_FOUR_FACTORS = 4 * _ROUNDED + 1e-5
_NUMBER = r"(-?[\d.]+)"
_PRODUCT = rf"base {_NUMBER} % × {_NUMBER} for leverage × {_NUMBER} for [a-z ]+"
_FREE = re.compile(rf"SL {_NUMBER} % = {_PRODUCT}")
_LIMITED = re.compile(rf"SL {_NUMBER} %: {_PRODUCT} = {_NUMBER} %, (.*?);")
_REFUSED = re.compile(rf"No levels, because .* a stop of {_NUMBER} % = {_PRODUCT}")
_LIMIT = re.compile(rf"(?:raised|lowered) to (?:the minimum |the maximum )?{_NUMBER} %")
_OF_COST = re.compile(rf"to {_NUMBER} % = {_NUMBER} × round-trip cost {_NUMBER} %")
_OF_ROOM = re.compile(rf"to {_NUMBER} % = {_NUMBER} × \(liquidation at {_NUMBER} % - cost {_NUMBER} %\)")


def sentences(policy: Policy, brackets: tuple[Bracket, ...]) -> Iterator[tuple[str, float]]:
    """Yield sentences about random inputs, each with its stop in percent."""
    instrument = Instrument("BTCUSDT", brackets=brackets)
    for inputs in random_inputs(policy, seed=11, count=300):
        if inputs.divergence >= -1 and inputs.volatility < 1e3:
            found = explain(BuiltInFormulas(), policy, inputs, instrument, FRESH)
            yield stop_sentence(found), 100 * found.distances.sl


@pytest.mark.parametrize("brackets", [(), BRACKETS], ids=["no brackets", "five brackets"])
@pytest.mark.parametrize("policy", SHIPPED.values(), ids=lambda policy: policy.name)
def test_the_numbers_multiply_to_the_stop(policy: Policy, brackets: tuple[Bracket, ...]) -> None:
    kinds = set()
    for sentence, stop in sentences(policy, brackets):
        if limited := _LIMITED.match(sentence):
            shown, *factors, product = map(float, limited.groups()[:-1])
            assert float(_LIMIT.findall(limited[6])[-1]) == shown, sentence
        else:
            found = _FREE.match(sentence) or _REFUSED.match(sentence)
            assert found is not None, sentence
            shown, *factors = map(float, found.groups())
            product = shown
        assert isclose(prod(factors), product, rel_tol=_FOUR_FACTORS), sentence
        if not sentence.startswith("No levels"):
            assert isclose(shown, stop, rel_tol=_ROUNDED), sentence
        kinds.add(sentence.split(" ")[0] + ("limited" if limited else ""))
    assert {"SL", "SLlimited"} <= kinds


@pytest.mark.parametrize("brackets", [(), BRACKETS], ids=["no brackets", "five brackets"])
def test_a_limit_is_what_its_numbers_give(brackets: tuple[Bracket, ...]) -> None:
    of_cost = of_room = 0
    for sentence, _ in sentences(V3_6, brackets):
        for limit, share, cost in (map(float, found) for found in _OF_COST.findall(sentence)):
            assert isclose(limit, share * cost, rel_tol=2 * _ROUNDED), sentence
            of_cost += 1
        for limit, share, distance, cost in (map(float, found) for found in _OF_ROOM.findall(sentence)):
            assert isclose(limit, share * (distance - cost), abs_tol=2 * _ROUNDED * distance), sentence
            of_room += 1
    assert of_cost
    assert bool(of_room) == bool(brackets)
