"""Each guard: when it passes, with which figures it fails, and when it cannot be checked."""

from decimal import Decimal
from math import nextafter
from typing import Any

import pytest

from exitbrain.domain.levels.guard_rules import FAILED, GUARDS, ON_THE_LEVELS, PASSED, REFUSED, RULES, UNKNOWN
from exitbrain.domain.levels.guards import Figures, Freshness, GuardReport
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.plans.decision import JudgedLevels, judge_levels
from exitbrain.domain.policies.formulas.registry import V3_6
from exitbrain.domain.values import Side, Unit, changed
from tests.unit.domain.example import BRACKETS, BTCUSDT, FRESH, inputs_for, raw_levels

_INPUTS = set(LevelInputs.__struct_fields__)


def judged(
    instrument: Instrument | None = BTCUSDT, freshness: Freshness = FRESH, **changes: Any
) -> JudgedLevels:
    """Judge the plain position; each change belongs to its inputs or, by its name, to its raw levels."""
    inputs = inputs_for(V3_6, **{name: value for name, value in changes.items() if name in _INPUTS})
    raw = raw_levels(**{name: value for name, value in changes.items() if name not in _INPUTS})
    return judge_levels(Unit.FRACTION, inputs, raw, instrument, freshness)


def failed(**changes: Any) -> dict[str, Figures]:
    return judged(**changes).guards.failed


def unknown(**changes: Any) -> dict[str, str]:
    return judged(**changes).guards.unknown


def test_a_sound_plan_passes_every_guard_in_their_one_order() -> None:
    report = judged().guards

    assert report.passed == GUARDS
    assert report.failed == {}
    assert report.unknown == {}
    assert report.executable


def test_passed_guards_keep_their_order_around_those_that_do_not() -> None:
    report = judged(leverage_assumed=True, freshness=Freshness(None, 300.0), tp1=0.0135).guards

    assert list(report.failed) == ["leverage_is_known", "targets_increasing", "levels_on_distinct_ticks"]
    assert report.unknown == {"intent_is_fresh": "the time of the message is not known"}
    assert report.passed == tuple(
        name for name in GUARDS if name not in report.failed and name not in report.unknown
    )


@pytest.mark.parametrize("changes", [{"leverage_assumed": True}, {"freshness": Freshness(None, 300.0)}])
def test_a_failed_or_unchecked_guard_blocks_execution(changes: dict[str, Any]) -> None:
    assert not judged(**changes).guards.executable


def test_an_assumed_leverage_is_not_known() -> None:
    assert failed(leverage_assumed=True, leverage=1.0) == {"leverage_is_known": {"assumed": 1.0}}


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("volatility", (0.0, 3.0), (3.007, 3.0000000000000004, -0.1)),
        ("divergence", (0.0, 1.0), (19.04, 1.0000000000000002, -0.1)),
        ("funding", (0.0299, -0.0299, 0.0), (0.03, -0.03, 1.0)),
        ("confidence", (0.0, 1.0), (1.1, -0.1)),
        ("average_pnl", (20.0, -20.0), (20.000000000000004, -20.000000000000004, 5e13)),
    ],
)
def test_inputs_stay_in_their_documented_range(
    field: str, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    def given(value: float) -> dict[str, Any]:
        return {field: value}

    for value in inside:
        assert "inputs_in_range" in judged(**given(value)).guards.passed
    for value in outside:
        assert failed(**given(value))["inputs_in_range"] == given(value)


def test_every_input_outside_its_range_is_named() -> None:
    figures = failed(volatility=4.0, divergence=2.0, funding=0.5, confidence=-1.0)["inputs_in_range"]

    assert figures == {"volatility": 4.0, "divergence": 2.0, "funding": 0.5, "confidence": -1.0}


@pytest.mark.parametrize("age_s", [0.0, 300.0, -300.0])
def test_an_intent_within_the_age_limit_is_fresh(age_s: float) -> None:
    assert "intent_is_fresh" in judged(freshness=Freshness(age_s, 300.0)).guards.passed


@pytest.mark.parametrize("age_s", [300.1, 1e9, -300.1])
def test_an_intent_too_old_or_from_the_future_is_not_fresh(age_s: float) -> None:
    found = failed(freshness=Freshness(age_s, 300.0))

    assert found == {"intent_is_fresh": {"age_s": age_s, "max_age_s": 300.0}}


@pytest.mark.parametrize(
    ("changes", "price_known", "quantity_known"),
    [
        ({"entry_price": None}, 0.0, 1.0),
        ({"quantity": None}, 1.0, 0.0),
        ({"entry_price": None, "quantity": None}, 0.0, 0.0),
    ],
)
def test_price_and_quantity_must_both_be_known(
    changes: dict[str, Any], price_known: float, quantity_known: float
) -> None:
    assert failed(**changes)["price_is_known"] == {
        "entry_price_known": price_known,
        "quantity_known": quantity_known,
    }


def test_a_stop_of_twice_the_costs_is_wide_enough() -> None:
    assert "stop_wider_than_costs" in judged(instrument=None, sl=0.002).guards.passed


def test_a_stop_below_twice_the_costs_fails() -> None:
    assert failed(instrument=None, sl=0.0019) == {
        "stop_wider_than_costs": {"stop": 0.0019, "cost": 0.001, "needed": 0.002}
    }


def test_slippage_counts_as_cost() -> None:
    found = failed(instrument=None, slippage_bps=20.0, sl=0.0094)

    assert found["stop_wider_than_costs"] == {"stop": 0.0094, "cost": 0.005, "needed": 0.01}


def test_the_stop_of_the_deployed_policy_fails() -> None:
    report = judge_levels(Unit.PERCENT, inputs_for(V3_6), raw_levels(sl=0.02), None, FRESH).guards

    assert report.failed["stop_wider_than_costs"]["stop"] == 0.0002


def test_a_stop_with_costs_beyond_liquidation_fails_for_the_whole_position_first() -> None:
    # 50x at 0.4 %: liquidation 1.606 % below the entry.
    found = failed(leverage=50.0, sl=0.0151)["stop_inside_liquidation"]

    assert found["targets_filled"] == 0.0
    assert found["leverage_allowed"] == 1.0
    assert found["liquidation"] == pytest.approx(0.016064, abs=1e-6)
    assert found["stop_with_costs"] == pytest.approx(0.0151 + 0.001, abs=2e-6)


def test_a_stop_with_costs_just_inside_liquidation_passes() -> None:
    assert "stop_inside_liquidation" in judged(leverage=50.0, sl=0.0150).guards.passed


def test_a_stop_with_costs_exactly_at_liquidation_fails() -> None:
    changes: dict[str, Any] = {"leverage": 50.0, "fee_bps": 0.0, "entry_price": None, "quantity": None}
    liquidation = failed(sl=0.5, **changes)["stop_inside_liquidation"]["liquidation"]

    assert "stop_inside_liquidation" in failed(sl=liquidation, **changes)
    assert "stop_inside_liquidation" in judged(sl=nextafter(liquidation, 0.0), **changes).guards.passed


@pytest.mark.parametrize("side", Side)
def test_a_leverage_that_its_bracket_does_not_allow_fails(side: Side) -> None:
    found = failed(side=side, leverage=110.0, quantity=Decimal(10), sl=0.002)["stop_inside_liquidation"]

    assert found["leverage_allowed"] == 0.0


def test_what_is_open_after_a_target_may_have_an_allowed_leverage_again() -> None:
    """A ladder whose first bracket is the worst shows that smaller rests are judged too."""
    odd = changed(
        BTCUSDT,
        brackets=(
            changed(BRACKETS[0], cap=6000.0, maintenance_rate=0.04, max_leverage=125.0, cum=0.0),
            changed(BRACKETS[1], floor=6000.0, maintenance_rate=0.004, max_leverage=125.0, cum=0.0),
        ),
    )

    found = failed(instrument=odd, leverage=25.0, sl=0.0094)["stop_inside_liquidation"]

    assert found["targets_filled"] == 2.0


def test_an_unknown_size_is_judged_by_the_worst_bracket_it_may_have() -> None:
    # At 20x the 2 % bracket is allowed: liquidation 3.06 % away, with the size known 4.6 %.
    assert "stop_inside_liquidation" in judged(leverage=20.0, sl=0.031).guards.passed
    found = failed(leverage=20.0, sl=0.031, quantity=None)["stop_inside_liquidation"]
    assert found["liquidation"] == pytest.approx(0.030612, abs=1e-6)


@pytest.mark.parametrize("instrument", [None, changed(BTCUSDT, brackets=())])
def test_liquidation_is_not_checkable_without_brackets(instrument: Instrument | None) -> None:
    assert unknown(instrument=instrument)["stop_inside_liquidation"] == "no leverage brackets"


def test_a_first_target_beyond_the_costs_passes() -> None:
    assert "targets_beyond_costs" in judged(instrument=None, tp1=0.0011).guards.passed


def test_a_first_target_within_the_costs_fails() -> None:
    assert failed(instrument=None, tp1=0.001)["targets_beyond_costs"] == {"tp1": 0.001, "cost": 0.001}


@pytest.mark.parametrize(
    "targets", [(0.003, 0.003, 0.003), (0.01, 0.009, 0.02), (0.009, 0.02, 0.01), (0.009, 0.01, 0.01)]
)
def test_targets_must_increase(targets: tuple[float, float, float]) -> None:
    tp1, tp2, tp3 = targets

    found = failed(instrument=None, tp1=tp1, tp2=tp2, tp3=tp3)

    assert found == {"targets_increasing": {"tp1": tp1, "tp2": tp2, "tp3": tp3}}


@pytest.mark.parametrize(
    ("harvest", "targets"),
    [
        ((1.0, 0.0, 0.0), (0.009, 0.009, 0.0)),
        ((0.0, 1.0, 0.0), (0.0, 0.009, 0.009)),
        ((0.0, 0.0, 1.0), (0.02, 0.02, 0.009)),
        ((0.5, 0.5, 0.0), (0.009, 0.012, 0.012)),
        ((0.5, 0.0, 0.5), (0.009, 0.009, 0.012)),
        ((0.0, 0.5, 0.5), (-0.01, 0.009, 0.012)),
    ],
)
def test_a_target_without_a_share_is_not_placed_and_fails_no_guard(
    harvest: tuple[float, float, float], targets: tuple[float, float, float]
) -> None:
    tp1, tp2, tp3 = targets

    found = judged(harvest=harvest, tp1=tp1, tp2=tp2, tp3=tp3)

    assert found.guards.passed == GUARDS


def test_the_figures_of_a_plan_with_fewer_targets_are_those_of_its_own_targets() -> None:
    found = failed(harvest=(0.0, 0.5, 0.5), tp1=0.5, tp2=0.001, tp3=0.001, instrument=None)

    assert found["targets_beyond_costs"] == {"tp2": 0.001, "cost": 0.001}
    assert found["targets_increasing"] == {"tp2": 0.001, "tp3": 0.001}
    assert list(failed(harvest=(0.0, 0.5, 0.5), tp2=0.001, tp3=0.001)["levels_on_distinct_ticks"]) == [
        "entry",
        "tp2",
        "tp3",
        "sl",
    ]


def test_nothing_is_liquidated_once_the_last_placed_target_closed_everything() -> None:
    """After TP1 a rest of 0 has no liquidation price; dividing by it ended the computation."""
    assert "stop_inside_liquidation" in judged(harvest=(1.0, 0.0, 0.0)).guards.passed
    found = failed(harvest=(1.0, 0.0, 0.0), leverage=50.0, sl=0.0151)["stop_inside_liquidation"]
    assert found["targets_filled"] == 0.0


def test_levels_that_round_to_one_tick_fail() -> None:
    coarse = changed(BTCUSDT, tick_size=Decimal(500))

    found = failed(instrument=coarse, entry_price=Decimal(43500), tp1=0.009, tp2=0.010)

    assert found["levels_on_distinct_ticks"] == {
        "entry": 43500.0,
        "tp1": 43500.0,
        "tp2": 43500.0,
        "tp3": 44000.0,
        "sl": 43000.0,
    }


def test_a_price_that_is_not_above_zero_fails() -> None:
    assert failed(sl=1.5)["levels_on_distinct_ticks"]["sl"] < 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"instrument": None}, "no tick size"),
        ({"instrument": changed(BTCUSDT, tick_size=None)}, "no tick size"),
        ({"entry_price": None}, "no entry price"),
    ],
)
def test_ticks_are_not_checkable_without_a_tick_or_a_price(changes: dict[str, Any], why: str) -> None:
    assert unknown(**changes)["levels_on_distinct_ticks"] == why


def test_a_position_too_small_for_any_slice_fails() -> None:
    assert failed(quantity=Decimal("0.002"))["slices_placeable"] == {
        "quantity": 0.002,
        "placeable": 0.0,
        "slices": 0.0,
    }


def test_a_small_position_passes_in_merged_slices() -> None:
    outcome = judged(quantity=Decimal("0.008"))  # 346 USDT: two of the three slices are below 100 USDT

    assert "slices_placeable" in outcome.guards.passed
    assert [(part.level, part.quantity, part.merged) for part in outcome.slices] == [
        ("tp2", Decimal("0.004"), True),
        ("tp3", Decimal("0.004"), False),
    ]


def test_a_quantity_off_the_step_grid_does_not_fail() -> None:
    outcome = judged(quantity=Decimal("136.5187713310580204778156997"))

    assert "slices_placeable" in outcome.guards.passed
    assert outcome.slices[-1].quantity == Decimal("54.6087713310580204778156997")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"instrument": None}, "no step size"),
        ({"instrument": changed(BTCUSDT, step_size=None)}, "no step size"),
        ({"quantity": None}, "no quantity"),
        ({"quantity": None, "entry_price": None}, "no quantity"),
        ({"entry_price": None}, "no entry price"),
    ],
)
def test_slices_are_not_checkable_without_a_step_a_quantity_and_a_price(
    changes: dict[str, Any], why: str
) -> None:
    assert unknown(**changes)["slices_placeable"] == why


def test_of_a_refused_plan_no_rule_about_levels_is_checkable() -> None:
    report = judged(refusal="NO_STOP_FITS", leverage_assumed=True).guards

    assert report.unknown == dict.fromkeys(ON_THE_LEVELS, REFUSED)
    assert report.failed == {"leverage_is_known": {"assumed": 10.0}}
    assert report.passed == ("inputs_in_range", "intent_is_fresh", "price_is_known")


def test_levels_that_are_not_numbers_fail_every_rule_that_reads_them() -> None:
    nan = float("nan")

    found = failed(instrument=None, entry_price=None, quantity=None, tp1=nan, tp2=nan, tp3=nan, sl=nan)

    assert {"stop_wider_than_costs", "targets_beyond_costs", "targets_increasing"} <= set(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"freshness": Freshness(None, 300.0), "volatility": -1.0, "leverage_assumed": True},
        {"freshness": Freshness(1e6, 300.0), "confidence": 9.0, "entry_price": None},
        {"tp1": 1e-9, "tp2": 1e-9, "sl": 1.0, "quantity": Decimal("0.0001")},
        {"tp1": 1e-9, "tp2": 1e-9, "harvest": (0.0, 0.5, 0.5), "quantity": None},
        {"instrument": None, "sl": 1e-9},
        {"instrument": Instrument("BARE", tick_size=Decimal("0.1")), "entry_price": None},
        {"refusal": "NO_STOP_FITS"},
    ],
)
def test_guards_write_what_their_rules_list(changes: dict[str, Any]) -> None:
    report = judged(**changes).guards

    assert report.failed or report.unknown
    for guard, figures in report.failed.items():
        placed = {"tp1", "tp2"} if guard == "targets_beyond_costs" else set()
        assert set(figures) <= set(RULES[guard].figures) | placed
    for guard, reason in report.unknown.items():
        assert reason in RULES[guard].unknown


def test_a_report_knows_the_state_of_each_guard_unless_it_was_altered() -> None:
    one, two, *others = GUARDS

    assert GuardReport(tuple(others), {one: {}}, {two: ""}).states == (
        FAILED,
        UNKNOWN,
        *[PASSED] * len(others),
    )
    for passed in ((*others, two), others[1:], (*others[1:], "another"), (*others[1:], others[0])):
        assert GuardReport(tuple(passed), {one: {}}, {two: ""}).states is None
