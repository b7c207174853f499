"""A close that the recorded exits made does not end another policy; by hand, on candles by hand."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from exitbrain.application.queries.recorded_positions import recorded_positions
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.closes import (
    AfterClose,
    CloseRules,
    Reading,
    UnknownCloses,
    horizon_of,
    unmatched_reasons,
)
from exitbrain.application.whatif.outcomes import Outcomes, PositionOutcome, Walked
from exitbrain.domain.evidence.comparison import DAY_MS
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.simulation.plan import Increased, Reduced
from tests.unit.application.test_outcomes import MINUTE, MadeMarket, at, opened
from tests.world import NOON, NOON_MS, World

V3_6 = SHIPPED["v3.6"]
WIDE = variant_of(V3_6, {"base_sl": 0.02, "clamp_max": 0.03})
"""Under v3.6 the stop of 10x at 100 lies at 99.0 or so; under this one at 97 or so."""

Row = tuple[float, float, float, float]

FALL_AND_RISE: list[Row] = [
    *[(100.0, 100.1, 99.9, 100.0)] * 8,
    (100.0, 100.0, 98.5, 98.6),
    *[(98.6, 98.7, 98.5, 98.65)] * 11,
    (98.6, 106.0, 98.6, 106.0),
    *[(106.0, 106.1, 105.9, 106.0)] * 20,
]
"""Down to 98.5 in the ninth minute, and up to 106 in the twenty-first."""

ASKED = CloseRules(horizon_ms=DAY_MS)


def rules(
    unknown: UnknownCloses = UnknownCloses.TRADER,
    after: AfterClose = AfterClose.NEXT_ENTRY,
    horizon_ms: int = DAY_MS,
) -> CloseRules:
    return CloseRules(reading=Reading(unknown, after), horizon_ms=horizon_ms)


def closed(world: World, minute: float, price: float = 99.0, reason: str = "stop_loss") -> None:
    world.closed(symbol="BTCUSDT", reason=reason, timestamp=at(minute), exit_price=price)


def every(
    world: World,
    candidates: Sequence[Policy] = (WIDE,),
    closes: CloseRules = ASKED,
    *,
    baseline: Policy | None = None,
    symbols: Sequence[str] = ("BTCUSDT",),
    candles: Sequence[Row] = FALL_AND_RISE,
) -> list[PositionOutcome]:
    market = MadeMarket(**dict.fromkeys(symbols, candles))
    outcomes = Outcomes(Policies(world.ledger), Snapshots(world.ledger), world.engine, market)
    positions = recorded_positions(world.ledger, world.translator)
    found = list(outcomes.run(positions, baseline, candidates, Terms(V3_6), closes))
    assert all(isinstance(each, PositionOutcome) for each in found)
    return [each for each in found if isinstance(each, PositionOutcome)]


def legs(walked: Walked) -> list[tuple[str, float, int]]:
    """Return level, price and minute of each leg of the lower bound."""
    return [
        (leg.level.value, leg.price, (leg.at_ms - NOON_MS) // MINUTE)
        for leg in walked.bounds.pessimistic.legs
    ]


@pytest.fixture
def world() -> World:
    """A position long at noon from 100 under v3.6."""
    world = World(policy="v3.6")
    opened(world)
    return world


def test_a_close_by_the_stop_ends_the_policy_that_made_it_and_a_wider_stop_goes_on(world: World) -> None:
    closed(world, 10)

    (found,) = every(world, (WIDE, V3_6))

    wide, same = found.candidates
    assert [level for level, _, _ in legs(found.baseline)] == ["SL"]
    assert [level for level, _, _ in legs(wide)] == ["TP1", "TP2", "TP3"]
    assert {minute for _, _, minute in legs(wide)} == {20}
    assert (wide.went_on, same.went_on, found.baseline.went_on, found.went_on) == (True, False, False, True)
    assert same.plan == found.baseline.plan
    assert (found.differences[1].lower, found.differences[1].upper) == (0.0, 0.0)
    assert found.differences[0].lower > 0.02
    assert (found.ended_by, found.taken_for) == (EndedBy.EXITS, EndedBy.EXITS)


@pytest.mark.parametrize(("reason", "by"), [("signal", EndedBy.TRADER), ("liquidation", EndedBy.VENUE)])
def test_a_close_by_the_trader_or_the_venue_ends_every_policy(world: World, reason: str, by: EndedBy) -> None:
    closed(world, 5, 99.95, reason)

    (found,) = every(world)

    assert legs(found.candidates[0]) == legs(found.baseline) == [("EXTERNAL", 99.95, 5)]
    assert (found.ended_by, found.went_on) == (by, False)


def test_the_policy_that_made_a_close_ends_at_its_price_even_where_its_level_was_not_touched(
    world: World,
) -> None:
    closed(world, 5, 99.95)

    (found,) = every(world, (WIDE, V3_6))

    assert legs(found.baseline) == legs(found.candidates[1]) == [("EXTERNAL", 99.95, 5)]
    assert legs(found.candidates[0])[0][0] == "TP1"


def test_a_policy_goes_on_until_the_next_recorded_entry_or_until_the_horizon(world: World) -> None:
    closed(world, 10)
    opened(world, 15.5, entry_price=98.6)

    until_entry, _ = every(world)
    until_horizon, _ = every(world, closes=rules(after=AfterClose.HORIZON))
    five_minutes, _ = every(world, closes=rules(after=AfterClose.HORIZON, horizon_ms=5 * MINUTE))

    assert legs(until_entry.candidates[0]) == [("OPEN", 98.65, 14)]
    assert [level for level, _, _ in legs(until_horizon.candidates[0])] == ["TP1", "TP2", "TP3"]
    assert legs(five_minutes.candidates[0]) == [("OPEN", 98.65, 14)]


def test_an_entry_of_another_symbol_or_account_ends_nothing(world: World) -> None:
    closed(world, 10)
    opened(world, 12, symbol="ETHUSDT")
    opened(world, 12, account="other")

    found, *_ = every(world, symbols=("BTCUSDT", "ETHUSDT"))

    assert [level for level, _, _ in legs(found.candidates[0])] == ["TP1", "TP2", "TP3"]


def test_an_unknown_close_is_read_as_asked_and_both_readings_are_walked(world: World) -> None:
    closed(world, 10, 98.9, "unknown")

    (as_trader,), (as_exits,) = every(world), every(world, closes=rules(UnknownCloses.EXITS))

    assert legs(as_trader.candidates[0]) == [("EXTERNAL", 98.9, 10)]
    assert legs(as_exits.candidates[0])[0][0] == "TP1"
    for found in (as_trader, as_exits):
        assert found.some_unknown
        read = {reading.unknown: differences[0].lower for reading, differences in found.readings.items()}
        other = UnknownCloses.EXITS if found is as_trader else UnknownCloses.TRADER
        assert set(read) == {other}
    assert as_trader.readings[Reading(UnknownCloses.EXITS)] == as_exits.differences


def inferred(minute: float, price: float, candles: Sequence[Row] = FALL_AND_RISE) -> EndedBy | None:
    """Return as whose an unknown close of the position of `world` is taken."""
    world = World(policy="v3.6")
    opened(world)
    closed(world, minute, round(price, 4), "unknown")
    (found,) = every(world, closes=rules(UnknownCloses.INFER), candles=candles)
    return found.taken_for


def test_an_unknown_close_is_inferred_from_the_recorded_plan(world: World) -> None:
    """The recorded stop is touched in the ninth minute; near it are a minute and 10 basis points."""
    stop = every(world)[0].baseline.plan.setup.stop

    assert inferred(8.5, stop) == inferred(9.9, stop * 0.9995) == inferred(7.1, stop) == EndedBy.EXITS
    assert inferred(8.5, stop * 0.998) == inferred(10.5, stop) == inferred(6.9, stop) == EndedBy.TRADER


def test_only_an_exit_of_its_own_on_both_bounds_makes_an_unknown_close_one_of_the_exits(world: World) -> None:
    stop = every(world)[0].baseline.plan.setup.stop
    wild = [*FALL_AND_RISE[:8], (100.0, 106.0, 98.5, 100.0), *FALL_AND_RISE[9:]]

    assert inferred(5.5, 100.0, FALL_AND_RISE[:6]) is EndedBy.TRADER  # it is open where the data end
    assert inferred(8.5, stop, wild) is EndedBy.TRADER


def test_a_reduction_by_the_exits_applies_to_the_policy_that_made_it_alone(world: World) -> None:
    world.closed(
        symbol="BTCUSDT", quantity=1, remaining=1, exit_price=100.05, reason="take_profit_1", timestamp=at(3)
    )
    closed(world, 30, 106.0, "signal")

    (found,) = every(world, (WIDE, V3_6))

    wide, same = found.candidates
    assert [each for each in found.baseline.plan.changes if isinstance(each, Reduced)] == [
        Reduced(NOON_MS + 3 * MINUTE, 0.5, 100.05)
    ]
    assert wide.plan.changes == ()
    assert same.plan == found.baseline.plan
    assert legs(found.baseline)[0] == ("EXTERNAL", 100.05, 3)


def test_a_reduction_by_the_trader_applies_to_all_at_its_price(world: World) -> None:
    world.intent(symbol="BTCUSDT", side="SELL", reduce_only=True, quantity=1, price=100.05, timestamp=at(3))

    (found,) = every(world)

    assert legs(found.candidates[0])[0] == legs(found.baseline)[0] == ("EXTERNAL", 100.05, 3)


def test_an_add_after_a_policy_s_own_exit_is_not_walked_and_the_position_is_flagged(world: World) -> None:
    opened(world, 12, entry_price=98.6)
    closed(world, 30, 106.0, "signal")

    (found,) = every(world)

    assert [level for level, _, _ in legs(found.baseline)] == ["SL"]
    assert any(isinstance(each, Increased) for each in found.baseline.plan.changes)
    assert (found.baseline.added_after_exit, found.candidates[0].added_after_exit) == (True, False)
    assert found.added_after_exit


def test_the_sizes_and_the_recorded_fills_of_a_position_that_was_added_to() -> None:
    """1 at 100, 30 more at 100.2, all closed at 99.3: -27.7 before fees of 5 basis points of 3106 and of 3078.3."""
    world = World(policy="v3.6")
    opened(world, quantity=1)
    opened(world, 2, entry_price=100.2, quantity=30)
    closed(world, 5, 99.3)

    (found,) = every(world)

    assert str(found.sizes.committed) == "3106.0"
    assert found.sizes.measured(ResultUnit.QUOTE, -0.277) == pytest.approx(-27.7)
    assert found.as_traded is not None
    assert found.as_traded.gross == pytest.approx(-0.277)
    assert found.as_traded.net == pytest.approx(-0.277 - 0.0005 * (3106 + 3078.3) / 100)


def test_the_default_horizon_is_ten_median_holds_and_at_least_a_day(world: World) -> None:
    positions = recorded_positions(world.ledger, world.translator)
    assert horizon_of(positions) == DAY_MS
    world.clock.at = NOON + timedelta(hours=6)
    closed(world, 300)
    assert horizon_of(recorded_positions(world.ledger, world.translator)) == 3000 * MINUTE


def test_reasons_without_a_row_are_named(world: World) -> None:
    closed(world, 10, reason="moon phase (full)")

    positions = recorded_positions(world.ledger, world.translator)

    assert unmatched_reasons(positions, ASKED.table) == ["moon phase (full)"]
    assert every(world)[0].ended_by is EndedBy.UNKNOWN


def test_the_next_entry_is_known_even_where_it_lies_outside_the_selection(world: World) -> None:
    closed(world, 10)
    opened(world, 15, entry_price=98.6)

    (only,) = recorded_positions(
        world.ledger, world.translator, Selection(until=NOON + timedelta(minutes=12))
    )

    assert only.next_entry_at == NOON + timedelta(minutes=15)


def test_a_baseline_that_is_not_the_recorded_policy_goes_on_too(world: World) -> None:
    closed(world, 10)

    (found,) = every(world, (V3_6, WIDE), baseline=WIDE)

    assert (found.baseline.went_on, found.candidates[0].went_on, found.candidates[1].went_on) == (
        True,
        False,
        True,
    )
    assert (found.differences[1].lower, found.differences[1].upper) == (0.0, 0.0)


def test_the_other_limit_is_walked_too_where_it_changes_the_exit(world: World) -> None:
    """It exits by itself in the twenty-first minute, after the next entry and before the horizon."""
    closed(world, 10)
    opened(world, 15.5, entry_price=98.6)
    until_entry, until_horizon = (Reading(after=after) for after in AfterClose)

    (asked_horizon, _), (asked_entry, _) = (
        every(world, closes=rules(after=after)) for after in (AfterClose.HORIZON, AfterClose.NEXT_ENTRY)
    )

    assert asked_horizon.readings[until_entry] == asked_entry.differences
    assert asked_entry.readings[until_horizon] == asked_horizon.differences
    assert asked_entry.differences[0].lower < 0.0 < asked_horizon.differences[0].lower


def test_a_policy_that_exits_before_the_recorded_close_did_not_go_on(world: World) -> None:
    closed(world, 12)
    tight = variant_of(V3_6, {"base_sl": 0.004})

    (found,) = every(world, (tight,))

    assert legs(found.candidates[0])[0][0] == "SL"
    assert found.candidates[0].plan.until_ms is not None
    assert not found.went_on


def test_a_next_entry_in_the_candle_of_the_entry_ends_a_policy_at_the_close_of_that_candle(
    world: World,
) -> None:
    closed(world, 0.2)
    opened(world, 0.4)

    (first, _) = every(world, candles=[(100.0, 100.1, 99.9, 99.95), *FALL_AND_RISE])

    assert legs(first.candidates[0]) == [("OPEN", 99.95, 0)]


def test_reductions_lower_the_cost_basis_and_are_part_of_the_fills() -> None:
    """2 at 100, half of one sold at 101 and again, 1.02 more at 102: 200 committed at first, 204.04 in the end."""
    world = World(policy="v3.6")
    opened(world)
    for minute in (1, 2):
        world.intent(
            symbol="BTCUSDT", side="SELL", reduce_only=True, quantity=0.5, price=101, timestamp=at(minute)
        )
    opened(world, 2.5, entry_price=102, quantity=1.02)
    closed(world, 3, 103.0, "signal")

    (found,) = every(world)

    assert found.sizes.committed == pytest.approx(Decimal("204.04"))
    assert found.as_traded is not None
    assert found.as_traded.gross == pytest.approx((0.5 * 1 + 0.5 * 1 + 1 * 3 + 1.02 * 1) / 200)
