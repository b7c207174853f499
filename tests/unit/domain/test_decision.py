"""From raw levels to a judged plan: units, what bound, trigger prices, slices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from exitbrain.domain.algebra import Bound
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import RawLevels, Slice, Triggers, WindowReading
from exitbrain.domain.plans.decision import (
    DecisionContext,
    JudgedLevels,
    binding_of,
    judge_levels,
)
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6, compute
from exitbrain.domain.values import Origin, Side, TimeOrigin, Unit, changed
from tests.unit.domain.example import BTCUSDT, FRESH, inputs_for, raw_levels

NOON = datetime(2025, 12, 24, 12, tzinfo=UTC)


def judged(
    raw: RawLevels | None = None, instrument: Instrument | None = BTCUSDT, **inputs: object
) -> JudgedLevels:
    plan = raw_levels() if raw is None else raw
    return judge_levels(Unit.FRACTION, inputs_for(V3_6, **inputs), plan, instrument, FRESH)


def test_triggers_of_a_long_lie_on_the_tick_grid() -> None:
    # 43250.5 * (1 + 0.009) = 43639.7545, * 1.0135 = 43834.38175, * 1.0187 = 44059.28435, * 0.9906 = 42843.9453
    assert judged().triggers == Triggers(
        Decimal("43639.7"), Decimal("43834.3"), Decimal("44059.2"), Decimal("42844.0")
    )


def test_triggers_of_a_short_are_mirrored() -> None:
    # 42861.2455, 42666.61825, 42441.71565, stop 43657.0547
    assert judged(side=Side.SHORT).triggers == Triggers(
        Decimal("42861.3"), Decimal("42666.7"), Decimal("42441.8"), Decimal("43657.0")
    )


def test_a_stop_rounded_below_its_floor_goes_one_tick_away() -> None:
    # 43250.5 * (1 - 0.002) = 43163.999: rounded up to 43164.0 it would be nearer than the floor.
    levels = judged(raw_levels(sl=0.002, floor=0.002))

    assert levels.triggers is not None
    assert levels.triggers.sl == Decimal("43163.9")
    assert "stop_wider_than_costs" in levels.guards.passed


@pytest.mark.parametrize(("side", "stop"), [(Side.LONG, "42914.0"), (Side.SHORT, "43086.0")])
def test_a_stop_exactly_at_its_floor_stays_there(side: Side, stop: str) -> None:
    levels = judged(raw_levels(sl=0.002, floor=0.002), entry_price=Decimal(43000), side=side)

    assert levels.triggers is not None
    assert levels.triggers.sl == Decimal(stop)


def test_an_average_entry_off_the_grid_gets_triggers_on_it() -> None:
    triggers = judged(entry_price=Decimal("43250.533333333333333333333333")).triggers

    assert triggers is not None
    assert all(
        Decimal(price) % Decimal("0.1") == 0
        for price in (triggers.tp1, triggers.tp2, triggers.tp3, triggers.sl)
    )


def test_rounding_to_the_tick_binds_with_prices() -> None:
    levels = judged(raw_levels(bounds=(Bound("sl", "sl_min", 0.001, 0.0015),)))

    assert levels.binding[0] == Bound("sl", "sl_min", 0.001, 0.0015)
    assert levels.binding[1] == Bound("tp1", "tick", 43639.7545, 43639.7)
    assert [(bound.level, bound.constraint) for bound in levels.binding[1:]] == [
        ("tp1", "tick"),
        ("tp2", "tick"),
        ("tp3", "tick"),
        ("sl", "tick"),
    ]


def test_a_price_that_needs_no_rounding_is_not_bound() -> None:
    levels = judged(raw_levels(tp1=0.01, tp2=0.02, tp3=0.03, sl=0.01), entry_price=Decimal(43000))

    assert levels.binding == ()


@pytest.mark.parametrize("instrument", [None, changed(BTCUSDT, tick_size=None)])
def test_without_a_tick_triggers_are_double_products_and_nothing_binds(instrument: Instrument | None) -> None:
    levels = judged(instrument=instrument)

    assert levels.triggers is not None
    assert float(levels.triggers.tp1) == 43250.5 * (1 + 0.009)
    assert float(levels.triggers.sl) == 43250.5 * (1 - 0.0094)
    assert levels.binding == ()


def test_percents_are_read_as_percents() -> None:
    levels = judge_levels(
        Unit.PERCENT,
        inputs_for(V3_5),
        raw_levels(tp1=0.9, tp2=1.35, tp3=1.87, sl=0.94, floor=0.2),
        BTCUSDT,
        FRESH,
    )

    assert levels.triggers == judged().triggers
    assert levels.raw.tp1 == 0.9


def test_without_a_price_there_are_neither_triggers_nor_slices() -> None:
    levels = judged(entry_price=None)

    assert levels.triggers is None
    assert levels.slices == ()


def test_slices_need_the_quantity_and_the_step() -> None:
    assert judged().slices == (
        Slice("tp1", Decimal("0.090")),
        Slice("tp2", Decimal("0.090")),
        Slice("tp3", Decimal("0.120")),
    )
    assert judged(quantity=None).slices == ()
    assert judged(instrument=changed(BTCUSDT, step_size=None)).slices == ()


def test_a_refusal_has_bounds_and_guards_but_no_plan() -> None:
    bound = Bound("sl", "liquidation_cap", 0.0094, -0.001)

    levels = judged(raw_levels(refusal="NO_STOP_FITS", bounds=(bound,)))

    assert (levels.triggers, levels.slices, levels.binding) == (None, (), (bound,))
    assert levels.raw.refusal == "NO_STOP_FITS"


def test_the_deployed_stop_is_two_basis_points() -> None:
    inputs = inputs_for(V3_5)

    levels = judge_levels(V3_5.unit, inputs, compute(V3_5, inputs), BTCUSDT, FRESH)

    assert levels.triggers is not None
    assert levels.triggers.sl == Decimal("43241.9")
    assert set(levels.guards.failed) == {"stop_wider_than_costs"}


def test_of_minimums_one_above_the_other_only_the_last_binds() -> None:
    bounds = (
        Bound("tp1", "tp_min", 0.001, 0.003),
        Bound("tp1", "cost_floor", 0.003, 0.006),
        Bound("tp2", "spacing", 0.004, 0.0066),
    )

    assert binding_of(bounds) == (
        Bound("tp1", "cost_floor", 0.001, 0.006),
        Bound("tp2", "spacing", 0.004, 0.0066),
    )


def test_a_minimum_and_then_a_maximum_both_bind() -> None:
    bounds = (Bound("sl", "cost_floor", 0.001, 0.03), Bound("sl", "clamp_max", 0.03, 0.02))

    assert binding_of(bounds) == bounds


def test_a_mark_does_not_swallow_what_bound_before_it() -> None:
    bounds = (
        Bound("sl", "sl_min", 0.001, 0.0015),
        Bound("sl", "liquidation_unknown", 0.0015, 0.0015),
    )

    assert binding_of(bounds) == bounds


def _context(time_origin: TimeOrigin, recorded_at: datetime) -> DecisionContext:
    return DecisionContext(
        occurred_at=NOON,
        time_origin=time_origin,
        recorded_at=recorded_at,
        origin=Origin.LIVE,
        position_version=1,
        register_version=1,
        window=WindowReading(0, 0, 0),
        snapshot=None,
        max_intent_age_s=300.0,
        order_id="",
        atr_value=None,
        regime=None,
    )


def test_the_age_of_a_message_is_from_its_time_to_its_recording() -> None:
    context = _context(TimeOrigin.PAYLOAD, NOON + timedelta(seconds=1.5))

    assert context.freshness == Freshness(1.5, 300.0)


def test_a_message_that_gave_no_time_has_no_age() -> None:
    assert _context(TimeOrigin.RECORDED_AT, NOON).freshness == Freshness(None, 300.0)
