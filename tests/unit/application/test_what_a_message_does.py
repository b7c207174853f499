"""The table "What a message does" of the domain, row by row."""

from decimal import Decimal
from typing import Any

from exitbrain.domain.levels.instrument import Instrument, brackets_with_amounts
from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.plans.exit_plan import (
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.positions.events import (
    LeverageChanged,
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
)
from tests.world import NOON_MS, World

BTC_LONG: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "entry_price": 100,
    "quantity": 2,
    "leverage": 10,
}


def kinds(events: list[object]) -> list[type]:
    return [type(event) for event in events]


def test_an_intent_without_a_position_opens_one_with_its_plan_and_first_decision() -> None:
    world = World()
    outcome = world.intent(**BTC_LONG)
    assert outcome.disposition is Disposition.ACCEPTED
    assert kinds(world.events_of(outcome)) == [PositionOpened, ExitPlanOpened, LevelsComputed]
    opened = world.events_of(outcome)[0]
    assert isinstance(opened, PositionOpened)
    assert (opened.cycle, opened.entry_price, opened.quantity) == (1, Decimal(100), Decimal(2))
    assert world.decision_of(outcome).revision == 1
    world.check_every_replay_is_exact()


def test_an_intent_on_the_same_side_increases_at_the_average_price() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(**{**BTC_LONG, "entry_price": 130, "quantity": 1})
    assert kinds(world.events_of(outcome)) == [PositionIncreased, LevelsComputed]
    increased = world.events_of(outcome)[0]
    assert isinstance(increased, PositionIncreased)
    assert (increased.entry_price, increased.quantity) == (Decimal(110), Decimal(3))
    decision = world.decision_of(outcome)
    assert (decision.revision, decision.inputs.entry_price, decision.quantity) == (
        2,
        Decimal(110),
        Decimal(3),
    )
    world.check_every_replay_is_exact()


def test_another_leverage_on_the_same_side_is_an_event_of_its_own() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(**{**BTC_LONG, "leverage": 20})
    assert kinds(world.events_of(outcome)) == [LeverageChanged, PositionIncreased, LevelsComputed]
    assert world.decision_of(outcome).inputs.leverage == 20.0


def test_an_intent_on_the_other_side_flips_in_one_transaction() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(**{**BTC_LONG, "side": "SELL", "entry_price": 103})
    assert kinds(world.events_of(outcome)) == [
        PositionClosed,
        ExitPlanCancelled,
        PositionOpened,
        ExitPlanOpened,
        LevelsComputed,
    ]
    closed, cancelled, opened, *_ = world.events_of(outcome)
    assert isinstance(closed, PositionClosed)
    assert isinstance(cancelled, ExitPlanCancelled)
    assert isinstance(opened, PositionOpened)
    assert (closed.reason, cancelled.reason, opened.cycle) == ("FLIPPED", "FLIPPED", 2)
    assert closed.result is not None
    assert closed.result.pnl_percent == 3
    assert closed.result.computed
    world.check_every_replay_is_exact()


def test_the_result_of_a_flip_counts_for_the_decision_of_the_same_message() -> None:
    world = World()
    world.intent(**BTC_LONG)
    decision = world.decision_of(world.intent(**{**BTC_LONG, "side": "SELL", "entry_price": 99}))
    assert decision.inputs.average_pnl == -1.0
    assert (decision.context.window.trades, decision.context.window.uncommitted) == (1, 1)
    assert decision.levels.raw.pnl_factor == 0.9


def test_an_intent_without_leverage_keeps_that_of_the_open_position() -> None:
    world = World()
    world.intent(**BTC_LONG)
    decision = world.decision_of(world.intent(symbol="BTCUSDT", side="BUY", entry_price=100, quantity=1))
    assert decision.inputs.leverage == 10.0
    assert [a.value for a in decision.assumptions if a.field == "leverage"] == ["10.0"]
    assert "leverage_is_known" in decision.levels.guards.failed


def test_an_intent_without_leverage_and_position_assumes_1() -> None:
    world = World()
    decision = world.decision_of(world.intent(symbol="BTCUSDT", side="BUY"))
    assert decision.inputs.leverage == 1.0
    assert {a.field: a.value for a in decision.assumptions} == {
        "leverage": "1.0",
        "volatility": "1.0",
        "funding": "0.0",
        "divergence": "0.0",
        "confidence": "0.8",
    }


def test_an_increase_of_unknown_size_keeps_the_price_and_loses_the_quantity() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(symbol="BTCUSDT", side="BUY", entry_price=120, leverage=10)
    increased = world.events_of(outcome)[0]
    assert isinstance(increased, PositionIncreased)
    assert (increased.entry_price, increased.quantity) == (Decimal(100), None)
    assert "price_is_known" in world.decision_of(outcome).levels.guards.failed


def test_an_older_entry_never_overwrites_a_newer_one() -> None:
    world = World()
    world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-10")
    late = world.intent(**{**BTC_LONG, "side": "SELL"}, entry_id=f"{NOON_MS}-9")
    assert (late.disposition, late.reason) == (Disposition.IGNORED, Reason.SUPERSEDED)
    assert world.events_of(late) == []
    newer = world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-11")
    assert newer.disposition is Disposition.ACCEPTED
    world.check_every_replay_is_exact()


def test_a_new_cycle_inherits_the_newest_entry() -> None:
    world = World()
    world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-5")
    world.intent(symbol="BTCUSDT", side="CLOSE", entry_id=f"{NOON_MS}-7")
    late = world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-6")
    assert late.reason is Reason.SUPERSEDED
    world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-8")
    assert world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-6").reason is Reason.SUPERSEDED


def test_entries_without_a_stream_id_neither_compare_nor_update() -> None:
    world = World()
    world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-5")
    assert world.intent(**BTC_LONG, entry_id=None).disposition is Disposition.ACCEPTED
    assert world.intent(**BTC_LONG, entry_id=f"{NOON_MS}-4").reason is Reason.SUPERSEDED


def test_a_reduce_takes_from_the_open_position_whatever_side_it_says() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(symbol="BTCUSDT", side="BUY", quantity=0.5, intent_type="REDUCE_ONLY")
    reduced, resized = world.events_of(outcome)
    assert isinstance(reduced, PositionReduced)
    assert isinstance(resized, ExitPlanResized)
    assert (reduced.by, reduced.quantity) == (Decimal("0.5"), Decimal("1.5"))
    assert [a.field for a in reduced.assumptions] == ["side"]
    assert [leg.quantity for leg in resized.legs] == [Decimal("0.45"), Decimal("0.45"), Decimal("0.60")]
    assert outcome.decision is None
    world.check_every_replay_is_exact()


def test_a_reduce_by_all_that_is_open_closes_the_position() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(symbol="BTCUSDT", side="SELL", quantity=2, reduce_only=True, price=101)
    closed, cancelled = world.events_of(outcome)
    assert isinstance(closed, PositionClosed)
    assert isinstance(cancelled, ExitPlanCancelled)
    assert closed.reason == "REDUCE_INTENT"
    assert closed.result is not None
    assert closed.result.pnl_percent == 1


def test_a_reduce_by_an_unknown_amount_leaves_an_unknown_quantity() -> None:
    world = World()
    world.intent(**BTC_LONG)
    reduced = world.events_of(world.intent(symbol="BTCUSDT", side="SELL", reduceOnly="true"))[0]
    assert isinstance(reduced, PositionReduced)
    assert (reduced.by, reduced.quantity) == (None, None)


def test_a_reduce_of_an_unknown_quantity_leaves_it_open_and_a_close_ends_it() -> None:
    world = World()
    world.intent(symbol="BTCUSDT", side="BUY", leverage=5)
    reduce = world.intent(symbol="BTCUSDT", side="SELL", quantity=1, reduce_only=True)
    assert kinds(world.events_of(reduce)) == [PositionReduced, ExitPlanResized]
    close = world.intent(symbol="BTCUSDT", side="CLOSE", quantity=1)
    assert kinds(world.events_of(close)) == [PositionClosed, ExitPlanCancelled]


def test_a_close_intent_closes_and_cancels() -> None:
    world = World()
    world.intent(**BTC_LONG)
    closed, cancelled = world.events_of(world.intent(symbol="BTCUSDT", side="close"))
    assert isinstance(closed, PositionClosed)
    assert isinstance(cancelled, ExitPlanCancelled)
    assert (closed.reason, closed.result, cancelled.reason) == ("CLOSE_INTENT", None, "CLOSE_INTENT")


def test_a_close_intent_with_a_smaller_quantity_reduces() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(symbol="BTCUSDT", side="CLOSE", quantity=0.5)
    assert kinds(world.events_of(outcome)) == [PositionReduced, ExitPlanResized]


def test_a_report_of_a_close_completes_the_plan_with_the_reported_result() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.closed(
        symbol="BTCUSDT", side="SHORT", pnl_percent="-0.11", exit_price=99, reason="stop", order_id=7
    )
    events = world.events_of(outcome)
    claimed, closed, completed = events
    assert isinstance(closed, PositionClosed)
    assert isinstance(completed, ExitPlanCompleted)
    assert closed.result is not None
    assert (closed.result.pnl_percent, closed.result.computed) == (Decimal("-0.11"), False)
    assert (closed.reason, closed.order_id, completed.reason) == ("stop", "7", "stop")
    assert [a.value for a in closed.assumptions] == ["LONG"]
    assert type(claimed).__name__ == "KeyClaimed"
    world.check_every_replay_is_exact()


def test_a_close_without_a_reported_result_is_computed_from_prices_or_has_none() -> None:
    world = World()
    world.intent(**BTC_LONG)
    closed = next(
        e
        for e in world.events_of(world.closed(symbol="BTCUSDT", exit_price=98))
        if isinstance(e, PositionClosed)
    )
    assert closed.result is not None
    assert (closed.result.pnl_percent, closed.result.computed) == (Decimal(-2), True)
    world.intent(**BTC_LONG)
    closed = next(e for e in world.events_of(world.closed(symbol="BTCUSDT")) if isinstance(e, PositionClosed))
    assert closed.result is None
    assert world.decision_of(world.intent(**BTC_LONG)).context.window.trades == 1


def test_hold_and_flat_do_nothing() -> None:
    world = World()
    world.intent(**BTC_LONG)
    for side in ("HOLD", "flat"):
        outcome = world.intent(symbol="BTCUSDT", side=side)
        assert (outcome.disposition, outcome.reason) == (Disposition.IGNORED, Reason.NOT_AN_ENTRY)


def test_a_policy_that_refuses_still_opens_the_position_and_records_the_refusal() -> None:
    class OneInstrument:
        def instrument(self, symbol: str) -> Instrument | None:
            return Instrument(symbol, brackets=brackets_with_amounts([(0.0, 1e9, 0.005, 125.0)]))

    world = World(policy="v3.6", instruments=OneInstrument())
    outcome = world.intent(**{**BTC_LONG, "leverage": 125})
    decision = world.decision_of(outcome)
    assert isinstance(decision, LevelsRefused)
    assert decision.levels.raw.refusal == "NO_STOP_FITS"
    assert decision.levels.raw.cap < decision.levels.raw.floor
    assert decision.harvest is None
    later = world.intent(**{**BTC_LONG, "leverage": 20})
    assert isinstance(world.decision_of(later), LevelsComputed)
    world.check_every_replay_is_exact()


def test_accounts_do_not_mix() -> None:
    world = World()
    world.intent(**BTC_LONG)
    outcome = world.intent(**{**BTC_LONG, "side": "SELL"}, account="other")
    assert kinds(world.events_of(outcome)) == [PositionOpened, ExitPlanOpened, LevelsComputed]
