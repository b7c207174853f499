"""Where the stop meets the liquidation price: the published figures of the shipped policies."""

from pathlib import Path

import pytest

from exitbrain.domain.algebra import FloatAlgebra
from exitbrain.domain.levels.instrument import Bracket, brackets_with_amounts
from exitbrain.domain.levels.levels import LEVERAGE_NOT_IN_BRACKET, NO_STOP_FITS, LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.registry import V3_5_FRACTION, V3_6, compute, liquidation_of
from exitbrain.domain.policies.policy import Policy
from tests.property.recorded_brackets import recorded_brackets
from tests.unit.domain.example import inputs_for


def at_rate(maintenance_rate: float) -> tuple[Bracket, ...]:
    """Return one bracket for every size, up to 125x."""
    return brackets_with_amounts([(0.0, 1e12, maintenance_rate, 125.0)])


def of_unknown_size(policy: Policy, leverage: int, volatility: float = 1.0) -> LevelInputs:
    return inputs_for(
        policy, leverage=float(leverage), volatility=volatility, entry_price=None, quantity=None
    )


def v3_6(leverage: int, brackets: tuple[Bracket, ...]) -> RawLevels:
    return compute(V3_6, of_unknown_size(V3_6, leverage), brackets)


def first_capped(brackets: tuple[Bracket, ...]) -> int:
    """Return the lowest leverage at which the distance to liquidation caps the stop."""
    return next(
        leverage
        for leverage in range(1, 126)
        if any(bound.constraint == "liquidation_cap" for bound in v3_6(leverage, brackets).bounds)
    )


@pytest.mark.parametrize(("rate", "leverage"), [(0.004, 58), (0.005, 55), (0.0065, 51), (0.01, 44)])
def test_cap_binds_from_the_leverage_that_the_maintenance_rate_implies(rate: float, leverage: int) -> None:
    assert first_capped(at_rate(rate)) == leverage


def test_cap_binds_from_44x_with_the_recorded_brackets_of_bitcoin(shared_data: Path) -> None:
    assert first_capped(recorded_brackets(shared_data)["BTC/USDT:USDT"]) == 44


def test_125x_is_allowed_at_the_lowest_maintenance_rate() -> None:
    raw = v3_6(125, at_rate(0.004))

    assert raw.refusal is None
    assert raw.sl == raw.cap == pytest.approx(0.0024, abs=0.00005)
    assert raw.floor == 0.002


@pytest.mark.parametrize("rate", [0.005, 0.0065, 0.01])
def test_125x_is_refused_where_no_stop_fits(rate: float) -> None:
    raw = v3_6(125, at_rate(rate))

    assert raw.refusal == NO_STOP_FITS
    assert raw.cap < raw.floor == 0.002


def test_a_leverage_above_every_bracket_is_refused() -> None:
    low = brackets_with_amounts([(0.0, 1e12, 0.01, 50.0)])

    assert v3_6(50, low).refusal is None
    assert v3_6(51, low).refusal == LEVERAGE_NOT_IN_BRACKET


def test_a_leverage_that_the_bracket_of_the_size_does_not_allow_is_refused() -> None:
    brackets = brackets_with_amounts([(0.0, 50_000.0, 0.004, 125.0), (50_000.0, 1e12, 0.01, 20.0)])
    small = inputs_for(V3_6, leverage=40.0)  # 0.3 BTC, 12,975 USDT
    large = inputs_for(V3_6, leverage=40.0, quantity=small.quantity and small.quantity * 10)

    assert compute(V3_6, small, brackets).refusal is None
    assert compute(V3_6, large, brackets).refusal == LEVERAGE_NOT_IN_BRACKET


def test_a_size_above_the_last_bracket_is_refused() -> None:
    brackets = brackets_with_amounts([(0.0, 10_000.0, 0.004, 125.0)])

    assert compute(V3_6, inputs_for(V3_6, leverage=2.0), brackets).refusal == LEVERAGE_NOT_IN_BRACKET


def test_unlevered_long_is_liquidated_at_zero() -> None:
    inputs = inputs_for(V3_6, leverage=1.0)

    assert liquidation_of(FloatAlgebra(), inputs, at_rate(0.004)).distance == 1.0
    assert compute(V3_6, inputs, at_rate(0.004)).cap == 0.02


def test_without_brackets_the_stop_is_not_capped_and_says_so() -> None:
    raw = v3_6(125, ())

    assert raw.cap == 0.02
    assert [bound.constraint for bound in raw.bounds if bound.level == "sl"] == ["liquidation_unknown"]


@pytest.mark.parametrize(
    ("volatility", "rate", "leverage"),
    [
        (0.0, 0.004, 82),
        (0.0, 0.005, 76),
        (0.0, 0.0065, 69),
        (0.0, 0.01, 56),
        (1.0, 0.004, 73),
        (1.0, 0.005, 68),
        (1.0, 0.0065, 62),
        (1.0, 0.01, 51),
    ],
)
def test_stop_of_v3_5_fraction_passes_liquidation_from(volatility: float, rate: float, leverage: int) -> None:
    brackets = at_rate(rate)

    def passes(at: int) -> bool:
        inputs = of_unknown_size(V3_5_FRACTION, at, volatility)
        stop = compute(V3_5_FRACTION, inputs, brackets).sl
        return bool(stop >= liquidation_of(FloatAlgebra(), inputs, brackets).distance)

    assert [at for at in range(1, 126) if passes(at)] == list(range(leverage, 126))
