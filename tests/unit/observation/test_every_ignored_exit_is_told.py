"""Whatever the reason, an exit that ends nothing is a line of the log, a count, and a published entry."""

from collections.abc import Callable
from typing import Any

import pytest

from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.result import MessageResult
from tests.unit.observation.live_path import Told
from tests.unit.wire.published_world import published
from tests.world import NOON_MS, World

LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 20}
CLOSE = {"symbol": "BTCUSDT", "side": "CLOSE"}
REPORT = {"symbol": "BTCUSDT", "exit_price": "101", "order_id": "8389765519"}


def none_open(world: World) -> MessageResult:
    return world.intent(**CLOSE)


def reduction_with_none_open(world: World) -> MessageResult:
    return world.intent(symbol="BTCUSDT", side="SELL", quantity=1, reduce_only=True)


def report_after_a_flip(world: World) -> MessageResult:
    world.intent(**LONG)
    world.intent(**LONG | {"side": "SELL"})
    return world.closed(**REPORT)


def report_that_comes_twice(world: World) -> MessageResult:
    world.intent(**LONG)
    world.closed(**REPORT)
    return world.closed(**REPORT)


def close_that_is_sent_again(world: World) -> MessageResult:
    world.intent(**LONG)
    world.intent(**CLOSE, trace_id="t-1")
    return world.intent(**CLOSE, trace_id="t-1")


def close_that_is_older(world: World) -> MessageResult:
    world.intent(**LONG)
    return world.intent(entry_id=f"{NOON_MS - 5}-0", **CLOSE)


def flat_with_a_position_held(world: World) -> MessageResult:
    world.intent(**LONG)
    return world.intent(symbol="BTCUSDT", side="FLAT")


def reduction_that_can_not_be_read(world: World) -> MessageResult:
    world.intent(**LONG)
    return world.intent(symbol="BTCUSDT", side="SELL", quantity=1, reduce_only="maybe")


@pytest.mark.parametrize(
    ("happens", "reason", "expected"),
    [
        (none_open, "NO_OPEN_POSITION", False),
        (reduction_with_none_open, "NO_OPEN_POSITION", False),
        (report_after_a_flip, "EARLIER_CYCLE", False),
        (report_that_comes_twice, "DUPLICATE_CLOSE", True),
        (close_that_is_sent_again, "DUPLICATE_MESSAGE", True),
        (close_that_is_older, "SUPERSEDED", False),
        (flat_with_a_position_held, "NOT_AN_ENTRY", False),
        (reduction_that_can_not_be_read, "BAD_VALUE", False),
    ],
)
def test_an_exit_that_ends_nothing_is_a_line_a_count_and_an_entry(
    happens: Callable[[World], MessageResult], reason: str, expected: bool
) -> None:
    world, told = World(settings=DecisionSettings(dedupe_by="trace_id")), Told()
    outcome = happens(world)
    told.journal.event("messages", outcomes=[outcome])
    told.journal.event("acknowledged", entries=1, seconds=0.001, filled=0.0)

    [line], [entry] = told.named("exit_ignored"), published(world, "exit_ignored")
    assert (line["reason"], line["expected"], line["entry_id"]) == (reason, expected, outcome.entry_id)
    assert (entry.payload["reason"], entry.payload["expected"]) == (reason, expected)
    assert entry.payload["receipt_id"] == str(outcome.receipt_id)
    count = told.value("exitbrain_exits_ignored_total", reason=reason, expected=str(expected).lower())
    assert count == 1


@pytest.mark.parametrize("side", ["HOLD", "FLAT"])
def test_what_asks_for_nothing_where_nothing_is_open_is_not(side: str) -> None:
    world, told = World(), Told()
    told.journal.event("messages", outcomes=[world.intent(symbol="BTCUSDT", side=side)])

    assert told.lines == []
    assert published(world) == []
