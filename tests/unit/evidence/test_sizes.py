"""R and the units of a result, by hand."""

from decimal import Decimal

import pytest

from exitbrain.domain.evidence.sizes import ResultSizes, ResultUnit, risk_of
from exitbrain.domain.simulation.plan import Increased, Plan, Reduced, Relevelled
from exitbrain.domain.values import Side
from tests.unit.simulation.example import MINUTE, a_long


def relevelled(at_ms: int, stop: float) -> Relevelled:
    return Relevelled(at_ms, 100.2, (110.0, 120.0, 130.0), stop, (0.5, 0.3, 0.2))


def test_every_add_risks_its_distance_from_the_stop_right_after_it() -> None:
    """1 at 100 with the stop at 99, then 30 more at 100.2 with the stop at 99.3: 1 + 30 * 0.9 = 28, of 100."""
    plan = Plan(a_long(stop=99.0), (Increased(MINUTE, 30.0, 100.2), relevelled(MINUTE, 99.3)))

    assert risk_of(plan) == pytest.approx(0.28)


def test_an_add_without_new_levels_risks_its_distance_from_the_stop_in_force() -> None:
    plan = Plan(a_long(stop=99.0), (Increased(MINUTE, 2.0, 100.0), relevelled(2 * MINUTE, 99.5)))

    assert risk_of(plan) == pytest.approx(0.01 + 0.02)


def test_a_stop_that_would_be_loosened_stays_and_one_beyond_an_add_risks_nothing() -> None:
    looser = Plan(a_long(stop=99.0), (Increased(MINUTE, 1.0, 101.0), relevelled(MINUTE, 98.0)))
    beyond = Plan(a_long(stop=99.0), (Increased(MINUTE, 1.0, 101.0), relevelled(MINUTE, 101.5)))

    assert risk_of(looser) == pytest.approx(0.01 + 0.02)
    assert risk_of(beyond) == pytest.approx(0.01)


def test_a_short_is_its_mirror_and_a_reduction_changes_nothing() -> None:
    short = a_long(side=Side.SHORT, stop=102.0, targets=(90.0, 80.0, 70.0))

    assert risk_of(Plan(short, (Reduced(MINUTE, 0.5),))) == pytest.approx(0.02)
    assert risk_of(Plan(a_long(stop=101.0))) == 0.0


def test_the_units_of_a_result_of_a_position_that_was_added_to() -> None:
    """All 31 stopped at 99.3: a loss of 27.7 on a first notional of 100, a cost basis of 3106 and 28 at risk."""
    sizes = ResultSizes("USDT", Decimal(100), Decimal(3106), float(Decimal(100) / Decimal(3106)), 0.28)

    assert sizes.measured(ResultUnit.FIRST, -0.277) == -0.277
    assert sizes.measured(ResultUnit.QUOTE, -0.277) == pytest.approx(-27.7)
    assert sizes.measured(ResultUnit.COMMITTED, -0.277) == pytest.approx(-0.00892, abs=5e-6)
    assert sizes.measured(ResultUnit.R, -0.277) == pytest.approx(-0.989, abs=5e-4)


def test_a_position_that_never_grew_has_the_same_bits_and_one_without_quantity_no_amount() -> None:
    plain, unknown = (
        ResultSizes("USDT", Decimal(200), Decimal(200), 1.0, 0.0),
        ResultSizes("", None, None, 1.0, 0.01),
    )

    assert plain.measured(ResultUnit.COMMITTED, 0.1 + 0.2) == 0.1 + 0.2
    assert plain.measured(ResultUnit.R, -0.01) is None
    assert unknown.measured(ResultUnit.QUOTE, -0.01) is None
    assert unknown.measured(ResultUnit.R, -0.01) == -1.0
