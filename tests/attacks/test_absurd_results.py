"""Absurd figures: a result that no price can bring is recorded as reported, and moves the decisions of others no further than its range."""

from decimal import Decimal
from typing import Any

import pytest

from exitbrain.application.queries.lsf_history import LsfAudit
from exitbrain.domain.levels.guard_rules import RANGES
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.positions.events import CloseReported, PositionClosed
from exitbrain.domain.positions.performance import COUNTED, WINDOW, counted_percent
from exitbrain.domain.values import Side, changed
from exitbrain.infrastructure.presentation.events import sentence_of
from tests.world import World, rewritten

ABSURD = ("1e15", "-1e15")


def opened(world: World, symbol: str = "BTCUSDT", side: str = "BUY") -> LevelsComputed:
    outcome = world.intent(symbol=symbol, side=side, entry_price=100, quantity=2, leverage=20, confidence=0.9)
    decision = world.decision_of(outcome)
    assert isinstance(decision, LevelsComputed)
    return decision


def ended(world: World, symbol: str, **said: str) -> PositionClosed | CloseReported:
    outcome = world.closed(symbol=symbol, **said)
    return next(
        event for event in world.events_of(outcome) if isinstance(event, PositionClosed | CloseReported)
    )


@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("reported", ABSURD)
def test_an_absurd_result_is_recorded_as_reported_and_counts_up_to_the_end_of_its_range(
    side: str, reported: str
) -> None:
    world = World(policy="v3.6")
    opened(world, "ETHUSDT")
    opened(world, "XUSDT", side)
    closed = ended(world, "XUSDT", pnl_percent=reported)
    after = opened(world, "ETHUSDT")  # where an average of 0 was before

    assert closed.result is not None
    assert closed.result.pnl_percent == Decimal(reported)
    lowest, highest = COUNTED[Side.LONG if side == "BUY" else Side.SHORT]
    assert closed.result.counted == (highest if Decimal(reported) > 0 else lowest)
    assert after.inputs.average_pnl == float(closed.result.counted)
    assert after.levels.guards.failed["inputs_in_range"] == {"average_pnl": after.inputs.average_pnl}
    assert 0.85 <= after.levels.raw.pnl_factor <= 1.1
    world.check_every_replay_is_exact()
    behind = LsfAudit(world.ledger, world.engine).changes(closes=True)
    assert [one.pnl_percent for change in behind for one in change.closes_after or ()] == [
        closed.result.counted
    ]


@pytest.mark.parametrize("exit_price", ["1e15", "1e-15"])
def test_an_absurd_exit_price_counts_no_further(exit_price: str) -> None:
    world = World()
    opened(world, "XUSDT")
    closed = ended(world, "XUSDT", exit_price=exit_price)

    assert closed.result is not None
    assert closed.result.computed
    assert closed.result.counted == counted_percent(Side.LONG, closed.result.pnl_percent)
    assert -100 <= opened(world, "ETHUSDT").inputs.average_pnl <= 1000
    world.check_every_replay_is_exact()


def test_an_absurd_result_leaves_the_window_with_nothing_behind() -> None:
    world = World()
    for number in range(WINDOW + 1):
        opened(world, f"S{number}USDT")
        ended(world, f"S{number}USDT", pnl_percent="1e15" if number == 0 else "0.1")
        if number == WINDOW - 1:
            assert (
                opened(world, "ETHUSDT").inputs.average_pnl > RANGES["average_pnl"].high
            )  # a whole window shows it still

    assert opened(world, "SOLUSDT").inputs.average_pnl == pytest.approx(0.1)


def test_a_report_that_comes_later_is_clipped_too() -> None:
    world = World()
    world.intent(symbol="XUSDT", side="BUY", quantity=2, leverage=20)
    world.intent(symbol="XUSDT", side="CLOSE")
    closed = ended(world, "XUSDT", pnl_percent="-1e15")

    assert isinstance(closed, CloseReported)
    assert closed.result is not None
    assert (closed.result.pnl_percent, closed.result.counted) == (Decimal("-1e15"), Decimal(-100))
    assert opened(world, "ETHUSDT").inputs.average_pnl == -100.0
    world.check_every_replay_is_exact()


def test_what_the_window_counted_can_not_be_altered_unseen() -> None:
    world = World()
    opened(world, "XUSDT")
    ended(world, "XUSDT", pnl_percent="5")
    opened(world, "ETHUSDT")

    def more(event: object) -> object:
        if isinstance(event, PositionClosed) and event.result is not None:
            return changed(event, result=changed(event.result, counted=Decimal(900)))
        return event

    altered = World(ledger=rewritten(world.ledger, more))
    assert altered.intake_replay().drift == 1
    assert altered.context_audit().drift == 1


def test_a_clip_can_be_seen() -> None:
    world = World()
    opened(world, "XUSDT")
    assert "in the average as 1000 %" in sentence_of(ended(world, "XUSDT", pnl_percent="1e15"))
    opened(world, "XUSDT")
    assert "average" not in sentence_of(ended(world, "XUSDT", pnl_percent="12.5"))


@pytest.mark.parametrize(
    "absurd",
    [
        {"volatility_factor": "1e15"},
        {"exchange_divergence": "-1e15"},
        {"funding_rate": "1e15"},
        {"leverage": 125, "quantity": "1e300"},
        {"leverage": 125, "quantity": "1e15", "entry_price": "1e15"},
        {"confidence": "1e300"},
    ],
)
def test_absurd_inputs_stay_with_their_own_symbol(absurd: dict[str, Any]) -> None:
    def levels_of_eth(world: World) -> object:
        return opened(world, "ETHUSDT").levels.raw

    world = World(policy="v3.6")
    usual: dict[str, Any] = {"side": "BUY", "entry_price": 100, "leverage": 20}
    attacked = world.intent(symbol="XUSDT", **usual | absurd)
    world.closed(symbol="XUSDT", pnl_usd="1e15")

    assert attacked.reason is None
    assert levels_of_eth(world) == levels_of_eth(World(policy="v3.6"))
    world.check_every_replay_is_exact()
