"""Recorded positions under other policies: revisions, sizes and closes as the record tells them, on candles by hand."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from exitbrain.application.ports.market import MarketUnreadable, NoMarket
from exitbrain.application.ports.walks import RowWalks
from exitbrain.application.queries.recorded_positions import RecordedPosition, recorded_positions
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import Selection
from exitbrain.application.simulation.positions import Terms
from exitbrain.application.whatif.closes import CloseRules
from exitbrain.application.whatif.measures import measures_of, summary_of
from exitbrain.application.whatif.outcomes import LeftOutPosition, Outcomes, PositionOutcome
from exitbrain.application.whatif.plans import LeftOutBecause
from exitbrain.application.whatif.totals import Panel, regrets_of
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.comparison import DAY_MS
from exitbrain.domain.evidence.interval import Interval
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.levels.instrument import Instrument, brackets_with_amounts
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.candle import Candle, CandleSeries, FundingRate, Market
from exitbrain.domain.simulation.outcome import ExitBounds, PolicyDifference
from exitbrain.domain.simulation.plan import Increased, Plan, Reduced, Relevelled
from exitbrain.domain.values import changed
from tests.world import NOON, NOON_MS, World

MINUTE = 60_000
V3_6, MEANT = SHIPPED["v3.6"], SHIPPED["v3.5-fraction"]
TERMS = Terms(V3_6)
CLOSES = CloseRules(horizon_ms=DAY_MS)


class MadeMarket:
    """Knows the candles it was given, from noon on, one a minute."""

    def __init__(self, **symbols: Sequence[tuple[float, float, float, float]]) -> None:
        self._markets = {
            symbol: Market(
                CandleSeries(MINUTE, [Candle(NOON_MS + n * MINUTE, *row) for n, row in enumerate(rows)])
            )
            for symbol, rows in symbols.items()
        }

    def market(self, symbol: str) -> Market:
        if symbol not in self._markets:
            raise NoMarket(f"no candles of {symbol}")
        return self._markets[symbol]


class OneInstrument:
    """Knows one instrument for every symbol."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    def instrument(self, symbol: str) -> Instrument | None:
        return self._instrument


CALM = [(100.0, 100.2, 99.9, 100.0)] * 30
FALL = [*CALM[:10], (100.0, 100.0, 90.0, 91.0), (91.0, 91.0, 91.0, 91.0)]


def at(minute: float) -> str:
    return (NOON + timedelta(minutes=minute)).isoformat()


def opened(world: World, minute: float = 0, **fields: Any) -> None:
    said: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "entry_price": 100,
        "quantity": 2,
        "leverage": 10,
    }
    world.clock.at = NOON + timedelta(hours=1)
    world.intent(**{**said, "timestamp": at(minute), **fields})


def every(
    world: World, market: MadeMarket, *candidates: Policy, baseline: Policy | None = None
) -> list[PositionOutcome | LeftOutPosition]:
    outcomes = Outcomes(Policies(world.ledger), Snapshots(world.ledger), world.engine, market)
    positions = recorded_positions(world.ledger, world.translator)
    return list(outcomes.run(positions, baseline, candidates or (V3_6,), TERMS, CLOSES, attributed=True))


def only(
    world: World, market: MadeMarket, *candidates: Policy, baseline: Policy | None = None
) -> PositionOutcome:
    (found,) = every(world, market, *candidates, baseline=baseline)
    assert isinstance(found, PositionOutcome)
    return found


def legs(outcome: PositionOutcome, candidate: int | None = None) -> list[tuple[str, float]]:
    walked = outcome.baseline if candidate is None else outcome.candidates[candidate]
    return [(leg.level.value, leg.fraction) for leg in walked.bounds.pessimistic.legs]


class Asked(RowWalks):
    """Walks that remember what they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Plan, ...]] = []

    def walk_plan(self, plan: Plan, market: Market) -> ExitBounds:
        self.asked.append((plan,))
        return super().walk_plan(plan, market)

    def walk_both(self, baseline: Plan, candidate: Plan, market: Market) -> PolicyDifference:
        self.asked.append((baseline, candidate))
        return super().walk_both(baseline, candidate, market)


def test_whoever_is_given_walks_every_plan() -> None:
    world, walks = World(), Asked()
    opened(world)
    known = Policies(world.ledger), Snapshots(world.ledger)
    outcomes = Outcomes(*known, world.engine, MadeMarket(BTCUSDT=FALL), walks)

    (found,) = outcomes.run(recorded_positions(world.ledger, world.translator), None, (V3_6,), TERMS, CLOSES)

    assert isinstance(found, PositionOutcome)
    before, after = found.baseline.plan, found.candidates[0].plan
    assert walks.asked == [(before,), (after,)]


def test_two_ambiguous_walks_are_walked_once_more_together() -> None:
    world, walks = World(), Asked()
    opened(world)
    known = Policies(world.ledger), Snapshots(world.ledger)
    wild = MadeMarket(BTCUSDT=[(100.0, 103.0, 97.0, 100.0), *CALM])
    outcomes = Outcomes(*known, world.engine, wild, walks)

    (found,) = outcomes.run(recorded_positions(world.ledger, world.translator), None, (V3_6,), TERMS, CLOSES)

    assert isinstance(found, PositionOutcome)
    before, after = found.baseline.plan, found.candidates[0].plan
    assert walks.asked == [(before,), (after,), (before, after)]


def test_a_position_is_walked_as_recorded_and_under_another_policy() -> None:
    """v3.5 set its stop at 0.02 %; v3.6 cures that and is stopped in the fall, at about 1 %."""
    world = World()
    opened(world)

    found = only(world, MadeMarket(BTCUSDT=FALL))

    recorded = found.baseline.plan.setup
    assert recorded.stop == pytest.approx(99.98)
    assert found.candidates[0].plan.setup.stop < 99.1
    assert legs(found) == legs(found, 0) == [("SL", 1.0)]
    assert found.baseline.bounds.pessimistic.legs[0].at_ms == NOON_MS
    assert found.candidates[0].bounds.pessimistic.legs[0].at_ms == NOON_MS + 10 * MINUTE
    assert found.differences[0].lower < -0.008


def test_the_recorded_policy_asked_again_differs_from_the_record_by_nothing() -> None:
    world = World(policy="v3.6")
    opened(world, side="SELL", leverage=33, volatility_factor=1.7)
    opened(world, 3, side="SELL", entry_price=101, leverage=20)

    found = only(world, MadeMarket(BTCUSDT=FALL), V3_6)

    assert found.baseline.plan == found.candidates[0].plan
    assert (found.differences[0].lower, found.differences[0].upper) == (0.0, 0.0)


def test_a_baseline_may_be_another_policy() -> None:
    world = World()
    opened(world)

    found = only(world, MadeMarket(BTCUSDT=FALL), V3_6, MEANT, baseline=MEANT)

    assert found.baseline.plan == found.candidates[1].plan
    assert found.differences[1].upper == 0.0


def test_each_recorded_revision_is_computed_again_from_its_own_inputs() -> None:
    """The second intent adds as much again at 102, under 20x: entry 101, another scheme, other levels."""
    world = World()
    opened(world)
    opened(world, 3.5, entry_price=102, leverage=20)

    first = only(world, MadeMarket(BTCUSDT=CALM)).candidates[0].plan

    increased, again = first.changes
    assert increased == Increased(NOON_MS + 210_000, 1.0, 102.0)
    assert isinstance(again, Relevelled)
    assert (again.at_ms, again.entry) == (NOON_MS + 210_000, 101.0)
    assert again.shares == (0.4, 0.4, 0.2) != first.setup.shares
    alone = World()
    opened(alone, entry_price=101, leverage=20, quantity=4)
    setup = only(alone, MadeMarket(BTCUSDT=CALM)).candidates[0].plan.setup
    assert (again.targets, again.stop, again.shares) == (setup.targets, setup.stop, setup.shares)


def test_a_reduction_keeps_its_part() -> None:
    world = World()
    opened(world)
    world.intent(symbol="BTCUSDT", side="SELL", reduce_only=True, quantity=0.5, timestamp=at(2))

    found = only(world, MadeMarket(BTCUSDT=CALM))

    assert found.candidates[0].plan.changes == (Reduced(NOON_MS + 2 * MINUTE, 0.75),)
    assert legs(found, 0) == [("EXTERNAL", 0.25), ("OPEN", 0.75)]
    assert "reduction_price" in [each.field for each in found.assumptions]


def test_a_reduction_with_a_price_closes_there() -> None:
    world = World()
    opened(world)
    world.intent(
        symbol="BTCUSDT", side="SELL", reduce_only=True, quantity=0.5, entry_price=100.25, timestamp=at(2)
    )

    found = only(world, MadeMarket(BTCUSDT=CALM))

    assert found.candidates[0].plan.changes == (Reduced(NOON_MS + 2 * MINUTE, 0.75, 100.25),)
    assert found.candidates[0].bounds.pessimistic.legs[0].price == 100.25
    assert "reduction_price" not in [each.field for each in found.assumptions]


def test_a_change_of_unknown_size_is_said_and_not_walked() -> None:
    world = World()
    opened(world)
    world.intent(symbol="BTCUSDT", side="SELL", reduce_only=True, timestamp=at(2))
    opened(world, 3, quantity="", entry_price="")

    found = only(world, MadeMarket(BTCUSDT=CALM))

    assert [type(change) for change in found.candidates[0].plan.changes] == [Relevelled]
    assert "quantity" in [each.field for each in found.assumptions]


def test_a_recorded_close_ends_both_at_its_price() -> None:
    world = World()
    opened(world)
    world.closed(symbol="BTCUSDT", exit_price=101.5, pnl_percent=1.5, order_id=7, timestamp=at(4.5))

    found = only(world, MadeMarket(BTCUSDT=[(100.0, 100.2, 99.99, 100.0)] * 30), V3_6)

    assert legs(found) == legs(found, 0) == [("EXTERNAL", 1.0)]
    assert found.candidates[0].bounds.pessimistic.legs[0].price == 101.5
    assert found.differences[0].upper == 0.0


def test_a_flip_without_a_price_closes_at_the_open_of_its_candle() -> None:
    world = World()
    opened(world)
    opened(world, 4.5, side="SELL", entry_price="")
    rows = [(100.0, 100.2, 99.99, 100.0)] * 4 + [(100.1, 100.2, 99.99, 100.0)] * 4

    first, second = every(world, MadeMarket(BTCUSDT=rows))

    assert isinstance(first, PositionOutcome)
    assert isinstance(second, LeftOutPosition)
    assert first.candidates[0].bounds.pessimistic.legs[0].price == 100.1
    assert "exit_price" in [each.field for each in first.assumptions]


def test_slices_of_a_known_instrument_are_what_targets_close() -> None:
    instrument = Instrument("BTCUSDT", Decimal("0.1"), Decimal(1))
    world = World(instruments=OneInstrument(instrument), policy="v3.6")
    opened(world, quantity=5)

    setup = only(world, MadeMarket(BTCUSDT=CALM)).candidates[0].plan.setup

    assert setup.shares == (0.2, 0.2, 0.6)
    assert setup.stop == pytest.approx(round(setup.stop, 1))


@pytest.mark.parametrize(
    ("fields", "symbols", "because"),
    [
        ({"entry_price": ""}, ("BTCUSDT",), LeftOutBecause.NO_ENTRY_PRICE),
        ({}, ("ETHUSDT",), LeftOutBecause.NO_CANDLES),
        ({"timestamp": at(-1)}, ("BTCUSDT",), LeftOutBecause.OUTSIDE_CANDLES),
        ({"timestamp": at(30)}, ("BTCUSDT",), LeftOutBecause.OUTSIDE_CANDLES),
    ],
)
def test_a_position_that_can_not_be_walked_is_left_out_for_a_reason(
    fields: dict[str, Any], symbols: tuple[str, ...], because: LeftOutBecause
) -> None:
    world = World()
    opened(world, **fields)

    (found,) = every(world, MadeMarket(**dict.fromkeys(symbols, CALM)))

    assert isinstance(found, LeftOutPosition)
    assert found.because is because


def test_a_policy_that_refuses_a_position_leaves_it_out_by_name() -> None:
    """At 125x and a maintenance rate of 0.5 % no stop fits between cost and liquidation."""
    brackets = brackets_with_amounts([(0.0, 1e9, 0.005, 125.0)])
    world = World(instruments=OneInstrument(Instrument("BTCUSDT", brackets=brackets)))
    opened(world, leverage=125)
    market = MadeMarket(BTCUSDT=CALM)

    (refused,) = every(world, market, MEANT, V3_6)

    assert isinstance(refused, LeftOutPosition)
    assert (refused.because, refused.detail) == (LeftOutBecause.REFUSED, "v3.6 gives it no levels")
    assert only(world, market, MEANT).candidates[0].plan.setup.liquidation is not None


def test_positions_of_a_selection_are_those_opened_in_it() -> None:
    world = World()
    opened(world)
    opened(world, 5, symbol="ETHUSDT")
    opened(world, 9, symbol="XRPUSDT")
    late = Selection(since=datetime(2026, 1, 1, 12, 5, tzinfo=UTC))

    found = recorded_positions(world.ledger, world.translator, late)

    assert [position.symbol for position in found] == ["ETHUSDT", "XRPUSDT"]
    assert [
        position.symbol
        for position in recorded_positions(world.ledger, world.translator, Selection(symbol="BTCUSDT"))
    ] == ["BTCUSDT"]


def test_steps_of_a_message_that_tells_of_an_earlier_time_come_after_those_before_it() -> None:
    world = World()
    opened(world, 5)
    opened(world, 2, entry_price=101)

    plan = only(world, MadeMarket(BTCUSDT=CALM)).candidates[0].plan

    assert [change.at_ms for change in plan.changes] == [NOON_MS + 5 * MINUTE] * 2


def test_a_position_that_does_not_fit_is_left_out_and_its_error_names_it() -> None:
    world = World()
    opened(world)
    terms = changed(TERMS, rule_interval_ms=1000, time_stop_ms=MINUTE)
    outcomes = Outcomes(
        Policies(world.ledger), Snapshots(world.ledger), world.engine, MadeMarket(BTCUSDT=CALM)
    )

    [left_out] = outcomes.run(
        recorded_positions(world.ledger, world.translator), None, (V3_6,), terms, CLOSES
    )

    assert isinstance(left_out, LeftOutPosition)
    assert left_out.because is LeftOutBecause.UNFIT
    assert left_out.detail.startswith("rule interval in ms is 1000; allowed: ")
    assert isinstance(left_out.error, InvalidValue)
    assert re.match(r"position .* \(BTCUSDT\): rule interval in ms is 1000", str(left_out.error))


def test_a_position_whose_market_data_can_not_be_read_is_left_out() -> None:
    class Broken(MadeMarket):
        def market(self, symbol: str) -> Market:
            if symbol == "ETHUSDT":
                raise MarketUnreadable("ETHUSDT.csv line 3: high is nan")
            return super().market(symbol)

    world = World()
    opened(world)
    opened(world, 1, symbol="ETHUSDT")
    outcomes = Outcomes(Policies(world.ledger), Snapshots(world.ledger), world.engine, Broken(BTCUSDT=CALM))

    walked, left_out = outcomes.run(
        recorded_positions(world.ledger, world.translator), None, (V3_6,), TERMS, CLOSES
    )

    assert isinstance(walked, PositionOutcome)
    assert isinstance(left_out, LeftOutPosition)
    assert (left_out.because, left_out.detail) == (
        LeftOutBecause.UNREADABLE,
        "ETHUSDT.csv line 3: high is nan",
    )


def test_totals_are_the_sums_of_the_positions_and_the_effects_sum_to_them() -> None:
    world = World()
    opened(world)
    opened(world, 1, symbol="ETHUSDT", side="SELL", volatility_factor=2)
    market = MadeMarket(BTCUSDT=FALL, ETHUSDT=[*CALM[:8], (100.0, 103.0, 97.0, 100.0), *CALM])
    found = [each for each in every(world, market) if isinstance(each, PositionOutcome)]

    panel = Panel(1, ResultUnit.FIRST)
    for outcome in found:
        panel.add(outcome, NOON_MS)

    (totals,) = panel.totals
    assert totals.everything.positions == 2
    assert totals.everything.lower == pytest.approx(sum(each.differences[0].lower for each in found))
    assert totals.everything.lower <= totals.everything.upper
    exact = sum(
        Fraction(each.differences[0].lowest[1].net) - Fraction(each.differences[0].lowest[0].net)
        for each in found
    )
    assert Fraction(totals.lower.total) == exact
    assert panel.comparisons[0].ended_at >= NOON_MS + 10 * MINUTE


def test_what_crossed_a_hole_or_is_still_open_is_totalled_apart() -> None:
    world = World()
    opened(world)
    opened(world, 1, symbol="ETHUSDT")
    market = MadeMarket(BTCUSDT=FALL, ETHUSDT=CALM)
    candles = market.market("ETHUSDT").candles
    market._markets["ETHUSDT"] = Market(  # a minute is missing
        CandleSeries(MINUTE, [*candles.candles[:5], *candles.candles[6:]])
    )
    panel = Panel(1, ResultUnit.FIRST)
    for outcome in every(world, market):
        assert isinstance(outcome, PositionOutcome)
        panel.add(outcome, NOON_MS)

    (totals,) = panel.totals
    assert (totals.holes, totals.still_open) == (1, 1)
    assert totals.without_holes.positions == totals.closed.positions == 1


def told(outcome: PositionOutcome) -> list[tuple[str, str, bool | None]]:
    return [(each.what.value, str(each.price), each.off_market) for each in outcome.prices]


def test_every_recorded_price_is_held_against_the_candle_of_its_time() -> None:
    """The market stays between 99.9 and 100.2, and knows nothing of the eighth minute."""
    world = World()
    opened(world)
    opened(world, 2.5, entry_price="100.2")
    opened(world, 3.5, entry_price="100.3")
    world.closed(symbol="BTCUSDT", quantity=1, exit_price="99.9", order_id=7, timestamp=at(4.5))
    world.closed(symbol="BTCUSDT", quantity=1, exit_price="99.8", order_id=8, timestamp=at(5.5))
    world.closed(symbol="BTCUSDT", quantity=4, exit_price="100", order_id=9, timestamp=at(7.5))
    market = MadeMarket(BTCUSDT=CALM)
    candles = market.market("BTCUSDT").candles.candles
    market._markets["BTCUSDT"] = Market(CandleSeries(MINUTE, [*candles[:7], *candles[8:]]))

    found = only(world, market)

    assert told(found) == [
        ("entry", "100", False),
        ("increase", "100.2", False),
        ("increase", "100.3", True),
        ("reduction", "99.9", False),
        ("reduction", "99.8", True),
        ("close", "100", None),
    ]
    assert [each.what.value for each in found.off_market] == ["increase", "reduction"]
    assert found.off_market_unknown


def test_a_close_after_the_end_of_the_data_is_of_no_known_candle() -> None:
    world = World()
    opened(world)
    world.closed(symbol="BTCUSDT", exit_price="100", order_id=7, timestamp=at(31))

    assert told(only(world, MadeMarket(BTCUSDT=CALM)))[-1] == ("close", "100", None)


def test_totals_with_off_market_prices_stand_beside_those_without() -> None:
    """Two longs at 100, closed at 100.1 and, off market, at 110: net 0.1 % and 10 %, less 5 bps of 100 and of the exit."""
    world = World(policy="v3.6")
    for symbol, price in (("BTCUSDT", "100.1"), ("ETHUSDT", "110")):
        opened(world, symbol=symbol)
        world.closed(symbol=symbol, exit_price=price, order_id=7, timestamp=at(4.5))
    found = [
        each
        for each in every(world, MadeMarket(BTCUSDT=CALM, ETHUSDT=CALM))
        if isinstance(each, PositionOutcome)
    ]
    honest, dear = 0.001 - 0.0005 - 0.0005 * 1.001, 0.1 - 0.0005 - 0.0005 * 1.1

    without, with_them = Panel(1, ResultUnit.FIRST), Panel(1, ResultUnit.FIRST)
    for outcome in found:
        without.add(outcome, NOON_MS, counted=not outcome.off_market)
        with_them.add(outcome, NOON_MS)

    for panel, counted in ((without, honest), (with_them, honest + dear)):
        (totals,) = panel.totals
        assert totals.everything.pessimistic == pytest.approx(counted, abs=1e-12)
        assert totals.without_off_market.pessimistic == pytest.approx(honest, abs=1e-12)
        assert totals.with_off_market.pessimistic == pytest.approx(honest + dear, abs=1e-12)
        assert (panel.off_market, panel.off_market_unknown) == (1, 0)
    assert len(without.comparisons) == 1


@pytest.mark.parametrize(
    ("instrument", "quantity"),
    [
        (Instrument("BTCUSDT", step_size=Decimal(1)), "0.5"),
        (Instrument("BTCUSDT", step_size=Decimal("0.001"), min_notional=Decimal(100)), "0.999"),
    ],
)
def test_a_position_of_which_no_slice_can_be_placed_is_not_walked(
    instrument: Instrument, quantity: str
) -> None:
    """Half a step, or 99.90 where 100 is the least: no plan could have closed any part of it."""
    world = World(instruments=OneInstrument(instrument))
    opened(world, quantity=quantity)

    (found,) = every(world, MadeMarket(BTCUSDT=CALM))

    assert isinstance(found, LeftOutPosition)
    assert found.because is LeftOutBecause.NOT_PLACEABLE
    assert found.detail == f"as recorded can place no slice of {quantity} at revision 1"


def test_a_later_revision_without_a_placeable_slice_leaves_the_position_out_too() -> None:
    world = World(instruments=OneInstrument(Instrument("BTCUSDT", step_size=Decimal(1))))
    opened(world)
    world.intent(symbol="BTCUSDT", side="SELL", reduce_only=True, quantity="1.5", timestamp=at(2))
    opened(world, 3, quantity="0.2")

    (found,) = every(world, MadeMarket(BTCUSDT=CALM))

    assert isinstance(found, LeftOutPosition)
    assert found.because is LeftOutBecause.NOT_PLACEABLE


def test_levels_that_fail_a_guard_are_walked_and_named_and_totalled_apart() -> None:
    """The stop of v3.5 is 0.02 %, less than twice the round trip of 0.1 %; that of v3.6 is not."""
    cured, old = World(policy="v3.6"), World()
    opened(cured)
    opened(old)
    market = MadeMarket(BTCUSDT=CALM)
    sound, failing = only(cured, market), only(old, market)

    panel = Panel(1, ResultUnit.FIRST)
    panel.add(sound, NOON_MS)
    panel.add(failing, NOON_MS)

    assert sound.baseline.failed_guards == sound.candidates[0].failed_guards == ()
    assert (failing.baseline.failed_guards, failing.candidates[0].failed_guards) == (
        ("stop_wider_than_costs",),
        (),
    )
    (totals,) = panel.totals
    assert (totals.everything.positions, panel.failed_guards) == (2, 1)
    assert totals.without_failed_guards.positions == 1
    assert totals.without_failed_guards.pessimistic == sound.candidates[0].bounds.pessimistic.net


def test_regret_is_what_the_best_of_the_family_would_have_brought_more() -> None:
    family = [Interval(0.0, 0.0), Interval(1.0, 2.0), Interval(-1.0, 5.0)]

    assert regrets_of(family) == [Interval(1.0, 5.0), Interval(0.0, 4.0), Interval(0.0, 3.0)]
    assert regrets_of(family[:1]) == [Interval(0.0, 0.0)]


def test_a_policy_is_summarised_bound_by_bound() -> None:
    """Both stopped before TP1: as recorded at once, under v3.6 in the fall."""
    world = World()
    opened(world)
    found = [only(world, MadeMarket(BTCUSDT=FALL))]

    summary = summary_of(
        found, [found[0].candidates[0]], [measures_of(found[0], found[0].candidates[0])], ResultUnit.FIRST
    )

    assert summary.pessimistic == summary.optimistic
    assert summary.pessimistic.hit == (0, 0, 0)
    assert (summary.pessimistic.stopped, summary.pessimistic.reversed) == (1, 0)
    assert summary.pessimistic.mean_r_own == pytest.approx(-1.0, abs=0.2)
    assert summary.pessimistic.worst_r == pytest.approx(-51.9, abs=0.1)  # the recorded stop was at 0.02 %
    assert summary.cost_to_break_even == pytest.approx(0.0010005, abs=1e-7)
    assert summary.loss_at_stop is not None
    assert summary.loss_at_stop > 0.08


def test_a_leverage_that_was_assumed_makes_no_share_of_margin() -> None:
    world = World()
    opened(world, leverage="")
    found = only(world, MadeMarket(BTCUSDT=FALL))

    assert found.leverage is None
    assert measures_of(found, found.baseline).loss_at_stop is None


def test_funding_is_paid_by_what_is_open() -> None:
    world = World()
    opened(world)
    market = MadeMarket(BTCUSDT=FALL)
    market._markets["BTCUSDT"] = changed(
        market.market("BTCUSDT"), funding=(FundingRate(NOON_MS + 5 * MINUTE, 0.001),)
    )

    found = only(world, market)

    assert found.baseline.bounds.pessimistic.funding == 0.0
    assert found.candidates[0].bounds.pessimistic.funding == pytest.approx(0.001)
    assert float(found.attributions[0].lower.funding) == pytest.approx(-0.001)
    assert "funding_paid" not in [each.field for each in found.assumptions]


def test_recorded_positions_come_with_their_steps_and_their_end() -> None:
    world = World()
    opened(world)
    opened(world, 1, leverage=20)
    world.closed(symbol="BTCUSDT", exit_price=101.5, pnl_percent=1.5, order_id=7, timestamp=at(4.5))

    (position,) = recorded_positions(world.ledger, world.translator)

    assert isinstance(position, RecordedPosition)
    assert [type(step).__name__ for _, step in position.steps] == [
        "LevelsComputed",
        "PositionIncreased",
        "LevelsComputed",
    ]
    assert position.closed is not None
