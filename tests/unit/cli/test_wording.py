"""Guards in words: the sentence is made from the recorded figures, and two different figures never read alike."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitbrain.domain.levels.guard_rules import GUARDS, STOP_COSTS
from exitbrain.domain.levels.guards import GuardReport
from exitbrain.infrastructure.presentation.wording import exactly, findings, number, percent, percents


def detail(guard: str, **figures: float) -> str:
    """Return the sentence on a guard that failed with these figures."""
    report = GuardReport((), {guard: figures}, {})
    ((name, state, sentence),) = findings(report)
    assert (name, state) == (guard, "failed")
    return sentence


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.0002, "0.02 %"),
        (0.001, "0.10 %"),
        (0.0015, "0.15 %"),
        (0.02, "2.00 %"),
        (0.0, "0.00 %"),
        (0.00847247979309735, "0.8472 %"),
        (-0.0005, "-0.05 %"),
        (1.5e-7, "0.000015 %"),
        (1234.56789, "123456.79 %"),
    ],
)
def test_percents_have_two_places_and_the_digits_they_need(fraction: float, text: str) -> None:
    assert percent(fraction) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1E-7", "0.0000001"),
        ("-2.50", "-2.5"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.00", "0"),
        ("0E-9", "0"),
    ],
)
def test_an_exact_amount_has_all_its_digits_and_no_zeros_behind_them(amount: str, text: str) -> None:
    assert exactly(Decimal(amount)) == text


@given(st.floats(1e-9, 1.0), st.floats(1e-9, 1.0))
def test_different_fractions_never_read_alike(one: float, other: float) -> None:
    first, second = percents(one, other)

    assert (first == second) == (one == other)


def test_a_stop_below_the_costs_is_inside_them() -> None:
    assert (
        detail("stop_wider_than_costs", stop=0.0002, cost=0.001, needed=0.002)
        == "stop 0.02 % is inside round-trip cost 0.10 %"
    )


def test_a_stop_between_one_and_two_costs_is_less_than_twice_the_cost() -> None:
    assert (
        detail("stop_wider_than_costs", stop=0.0015, cost=0.001, needed=0.002)
        == "stop 0.15 % is less than twice round-trip cost 0.10 %"
    )


def test_the_sentence_says_twice_because_the_rule_does() -> None:
    assert STOP_COSTS == 2.0


def test_a_stop_that_misses_by_a_hair_does_not_read_as_enough() -> None:
    sentence = detail("stop_wider_than_costs", stop=0.00199999999, cost=0.001, needed=0.002)

    assert sentence == "stop 0.199999999 % is less than twice round-trip cost 0.10 %"


@pytest.mark.parametrize(
    ("guard", "figures", "sentence"),
    [
        ("leverage_is_known", {"assumed": 1.0}, "leverage 1 is assumed, the message has none"),
        (
            "inputs_in_range",
            {"volatility": 3.007, "divergence": 19.04},
            "volatility 3.007 is outside 0 to 3, divergence 19.04 is outside 0 to 1",
        ),
        (
            "intent_is_fresh",
            {"age_s": 301.5, "max_age_s": 300.0},
            "message is 301.5 s old, at most 300 s is allowed",
        ),
        (
            "intent_is_fresh",
            {"age_s": -172800.0, "max_age_s": 300.0},
            "message is 2.0 days in the future, at most 300 s is allowed",
        ),
        ("price_is_known", {"entry_price_known": 1.0, "quantity_known": 0.0}, "quantity is unknown"),
        (
            "price_is_known",
            {"entry_price_known": 0.0, "quantity_known": 0.0},
            "entry price and quantity are unknown",
        ),
        (
            "stop_inside_liquidation",
            {"stop_with_costs": 0.021, "liquidation": 0.016, "targets_filled": 0.0, "leverage_allowed": 1.0},
            "stop with costs 2.10 % is not inside liquidation at 1.60 %",
        ),
        (
            "stop_inside_liquidation",
            {"stop_with_costs": 0.021, "liquidation": 0.016, "targets_filled": 2.0, "leverage_allowed": 1.0},
            "stop with costs 2.10 % is not inside liquidation at 1.60 % once 2 targets are reached",
        ),
        (
            "stop_inside_liquidation",
            {"stop_with_costs": 0.021, "liquidation": 0.0, "targets_filled": 0.0, "leverage_allowed": 0.0},
            "no bracket of this size allows the leverage",
        ),
        (
            "targets_beyond_costs",
            {"tp1": 0.0008, "cost": 0.001},
            "TP1 0.08 % does not exceed round-trip cost 0.10 %",
        ),
        (
            "targets_increasing",
            {"tp1": 0.003, "tp2": 0.003, "tp3": 0.003},
            "targets 0.30 %, 0.30 %, 0.30 % do not increase",
        ),
        (
            "levels_on_distinct_ticks",
            {"entry": 0.02, "tp1": 0.02, "tp2": 0.03, "tp3": 0.03, "sl": 0.01},
            "entry and tp1 are at 0.02, tp2 and tp3 are at 0.03 after rounding",
        ),
        (
            "levels_on_distinct_ticks",
            {"entry": 0.02, "tp1": 0.03, "tp2": 0.04, "tp3": 0.05, "sl": 0.0},
            "sl after rounding: no price above 0",
        ),
        (
            "slices_placeable",
            {"quantity": 3.0, "placeable": 0.0, "slices": 0.0},
            "of 3 only 0 can be placed, in 0 slices",
        ),
    ],
)
def test_each_failed_guard_says_its_figures(guard: str, figures: dict[str, float], sentence: str) -> None:
    assert detail(guard, **figures) == sentence


def test_findings_come_in_the_order_of_the_guards_with_their_state() -> None:
    report = GuardReport(
        GUARDS[:1] + GUARDS[4:], {"inputs_in_range": {"volatility": 4.0}}, {"intent_is_fresh": "no time"}
    )

    found = list(findings(report))

    assert [name for name, _, _ in found] == [name for name in GUARDS if name != "price_is_known"]
    assert found[:3] == [
        ("leverage_is_known", "passed", ""),
        ("inputs_in_range", "failed", "volatility 4 is outside 0 to 3"),
        ("intent_is_fresh", "unknown", "no time"),
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_in_all_its_digits(value: float) -> None:
    assert float(Decimal(number(value))) == value
    assert "e" not in number(value).lower()
