"""LSF changes: against the decision before, attributed exactly."""

from decimal import Context, Inexact
from typing import Any

from exitbrain.application.queries.lsf_history import LsfAudit
from exitbrain.domain.positions.events import PositionClosed
from tests.world import World

EXACT = Context(prec=2000, traps=[Inexact])
LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


def test_a_change_of_leverage_is_all_leverage() -> None:
    world = World()
    world.intent(**LONG)
    world.intent(**LONG)
    world.intent(**{**LONG, "leverage": 20})
    [change] = world.lsf_changes()
    assert (change.before, change.after) == (0.2942998296638024, 0.24724797930973505)
    assert change.leverage_effect == change.delta
    assert change.pnl_effect == change.confidence_effect == change.policy_effect == 0


def test_earlier_positions_of_the_symbol_count_and_other_symbols_do_not() -> None:
    world = World()
    world.intent(**LONG)
    world.closed(symbol="BTCUSDT")
    world.intent(**{**LONG, "symbol": "ETHUSDT", "leverage": 50})
    world.intent(**{**LONG, "leverage": 20})
    assert [change.symbol for change in world.lsf_changes()] == ["BTCUSDT"]


def test_profit_feedback_and_leverage_are_told_apart_and_sum_exactly() -> None:
    world = World(policy="v3.6")
    world.intent(**LONG)
    world.closed(symbol="BTCUSDT", pnl_percent=-1)
    world.intent(**{**LONG, "leverage": 7, "confidence": 0.4})
    [change] = world.lsf_changes()
    assert change.leverage_effect > 0
    assert change.pnl_effect < 0
    assert change.confidence_effect < 0
    assert change.policy_effect == 0
    total = EXACT.add(
        EXACT.add(change.leverage_effect, change.pnl_effect),
        EXACT.add(change.confidence_effect, change.policy_effect),
    )
    assert (
        total
        == change.delta
        == EXACT.subtract(EXACT.create_decimal(change.after), EXACT.create_decimal(change.before))
    )


def test_a_change_of_confidence_alone_is_no_effect_of_the_results() -> None:
    world = World(policy="v3.6")
    world.intent(**LONG, confidence=0.8)
    world.intent(**LONG, confidence=0.3)
    [change] = world.lsf_changes()
    assert change.confidence_effect == change.delta != 0
    assert change.leverage_effect == change.pnl_effect == change.policy_effect == 0


def test_a_change_of_policy_is_told_apart() -> None:
    world = World()
    world.closed(symbol="BTCUSDT")
    world.intent(**{**LONG, "confidence": 0.4})
    world.put_in_force("v3.6")
    world.intent(**{**LONG, "confidence": 0.4})
    [change] = world.lsf_changes()
    assert change.leverage_effect == change.pnl_effect == 0
    assert change.policy_effect == change.delta != 0
    world.check_every_replay_is_exact()


def test_the_closes_behind_an_average_are_those_of_the_window() -> None:
    world = World(policy="v3.6")
    for number in range(22):
        world.intent(**LONG)
        world.closed(symbol="BTCUSDT", pnl_percent=number, order_id=number)
    world.intent(**{**LONG, "leverage": 20})
    [*_, change] = LsfAudit(world.ledger, world.engine).changes(closes=True)
    assert change.closes_before is not None
    assert change.closes_after is not None
    assert [close.pnl_percent for close in change.closes_before] == list(range(1, 21))
    assert [close.pnl_percent for close in change.closes_after] == list(range(2, 22))
    assert change.inputs_after.average_pnl == sum(range(2, 22)) / 20
    assert (change.closes_after[-1].symbol, change.closes_after[-1].at.microsecond) == ("BTCUSDT", 44_000)
    closed = {entry.position: entry.stream_id for entry in world.ledger.log(topics=(PositionClosed.TOPIC,))}
    assert {close.log_position: close.position_id for close in change.closes_after}.items() <= closed.items()


def test_the_closes_of_a_flip_count_for_the_decision_of_the_same_transaction() -> None:
    world = World(policy="v3.6")
    world.intent(**LONG)
    world.intent(**{**LONG, "side": "SELL", "leverage": 20, "entry_price": 110})
    [change] = LsfAudit(world.ledger, world.engine).changes(closes=True)
    assert change.closes_before == ()
    assert change.closes_after is not None
    assert (
        [float(close.pnl_percent) for close in change.closes_after]
        == [change.inputs_after.average_pnl]
        == [10]
    )
