"""Single properties of the formulas: the logarithm, the PnL factor, the order of roundings."""

from decimal import Context, Decimal
from math import inf, nextafter

import pytest

from exitbrain.domain.algebra import FloatAlgebra, ln, maximum, minimum
from exitbrain.domain.levels.levels import NO_STOP_FITS
from exitbrain.domain.policies.formulas.lsf_3_5 import Lsf35Parameters
from exitbrain.domain.policies.formulas.pnl_feedback import pnl_factor
from exitbrain.domain.policies.formulas.registry import V3_5_FRACTION, V3_6, compute
from exitbrain.domain.values import changed
from tests.unit.domain.example import inputs_for


@pytest.mark.parametrize(
    ("x", "logarithm"),
    [
        (2.0, 0.6931471805599453),
        (126.0, 4.836281906951478),
        # Here the usual library functions are one unit in the last place off.
        (27.38316021464006, 3.3099282337491718),
        (4.783780324659498, 1.5652310968355658),
        (4.475019043521933, 1.4985106072533914),
        (44.21280320204879, 3.7890144123435103),
    ],
)
def test_the_logarithm_is_correctly_rounded(x: float, logarithm: float) -> None:
    assert ln(x) == logarithm
    exact = Decimal(x).ln(Context(prec=80))
    error = abs(Decimal(logarithm) - exact)
    assert all(error < abs(Decimal(nextafter(logarithm, to)) - exact) for to in (inf, -inf))


@pytest.mark.parametrize(
    ("average_pnl", "confidence", "factor"),
    [
        (0.0, 0.8, 1.0),
        (-0.0, 0.8, 1.0),
        (0.3, 0.8, 1.0),
        (nextafter(0.3, inf), 0.8, 1.1),
        (5.0, 0.8, 1.1),
        (nextafter(0.0, -inf), 0.8, 0.9),
        (-5.0, 0.8, 0.9),
        (0.0, 0.5, 1.0),
        (0.0, nextafter(0.5, -inf), 0.95),
        (-5.0, 0.1, 0.85),
        (5.0, 0.1, 1.05),
    ],
)
def test_results_and_confidence_make_the_factor(average_pnl: float, confidence: float, factor: float) -> None:
    assert pnl_factor(FloatAlgebra(), average_pnl, confidence, Lsf35Parameters()) == pytest.approx(
        factor, abs=1e-15
    )


def test_the_factor_is_recorded_and_not_applied_in_v3_5() -> None:
    raw = compute(V3_5_FRACTION, inputs_for(V3_5_FRACTION, average_pnl=-1.0))

    assert raw.pnl_factor == 0.9
    assert raw.lsf_adjusted == raw.lsf


def test_the_factor_is_applied_in_v3_6() -> None:
    raw = compute(V3_6, inputs_for(V3_6, average_pnl=-1.0))

    assert raw.lsf_adjusted == raw.lsf * 0.9


@pytest.mark.parametrize("zero", [(0.0, -0.0), (-0.0, 0.0)])
def test_of_two_equal_numbers_the_first_is_the_larger_and_the_smaller(zero: tuple[float, float]) -> None:
    first, second = zero

    assert str(maximum(FloatAlgebra(), first, second)) == str(first)
    assert str(minimum(FloatAlgebra(), first, second)) == str(first)


def test_a_cap_that_equals_the_floor_leaves_one_stop() -> None:
    raw = compute(V3_6, inputs_for(V3_6, fee_bps=50.0))

    assert (raw.floor, raw.cap, raw.sl, raw.refusal) == (0.02, 0.02, 0.02, None)


def test_a_floor_above_the_cap_is_refused_with_both_numbers() -> None:
    raw = compute(V3_6, inputs_for(V3_6, fee_bps=nextafter(50.0, inf)))

    assert raw.refusal == NO_STOP_FITS
    assert (raw.floor, raw.cap) == (0.020000000000000004, 0.02)


def test_the_soft_minimum_of_v3_5_can_collapse_the_targets() -> None:
    raw = compute(V3_5_FRACTION, changed(inputs_for(V3_5_FRACTION), base_tp=0.0005))

    assert raw.tp1 == raw.tp2 == raw.tp3 == 0.003


def test_positive_funding_raises_the_targets_of_v3_5_for_both_sides() -> None:
    plain = inputs_for(V3_5_FRACTION)

    assert compute(V3_5_FRACTION, changed(plain, funding=0.01)).tp1 > compute(V3_5_FRACTION, plain).tp1
