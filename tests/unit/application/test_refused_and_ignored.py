"""Every reason why a message is refused or ignored, each with a message made for it; the receipt is kept."""

import json
from typing import Any

import pytest

from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.positions.events import PositionClosed
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.jsonl import read_messages
from tests.world import MAX_BYTES, NOON_MS, World

LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in LONG.items() if key != name}


REFUSED = [
    (Reason.NO_SYMBOL, "symbol", without("symbol")),
    (Reason.NO_SIDE, "side", without("side")),
    (Reason.BAD_VALUE, "side", {**LONG, "side": "SIDEWAYS"}),
    (Reason.BAD_NUMBER, "quantity", {**LONG, "quantity": -2}),
    (Reason.BAD_NUMBER, "leverage", {**LONG, "leverage": "high"}),
    (Reason.BAD_VALUE, "reduce_only", {**LONG, "reduce_only": "maybe"}),
    (Reason.BAD_VALUE, "paper", {**LONG, "paper": "maybe"}),
    (Reason.LEVERAGE_OUT_OF_RANGE, "leverage", {**LONG, "leverage": 126}),
    (Reason.LEVERAGE_OUT_OF_RANGE, "leverage", {**LONG, "leverage": 0.5}),
    (Reason.BAD_VALUE, "account", {**LONG, "account": "x" * 100}),
    (Reason.TOO_LARGE, "message", {**LONG, "note": "x" * MAX_BYTES}),
]


@pytest.mark.parametrize(("reason", "field", "payload"), REFUSED)
def test_a_bad_message_is_refused_with_field_value_and_what_is_allowed(
    reason: Reason, field: str, payload: dict[str, Any]
) -> None:
    world = World()
    outcome = world.intent(**payload)
    assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, reason)
    assert outcome.refusal is not None
    assert outcome.refusal.field == field
    assert outcome.refusal.value
    assert outcome.refusal.allowed
    check_kept(world, outcome)


@pytest.mark.parametrize("payload", ["not json", "[1, 2]", "{", "[" * 100_000, "9" * 10_000])
def test_a_payload_that_can_not_be_read_is_refused(payload: str) -> None:
    world = World()
    message = from_fields("trade.intent", "1-0", {"payload": payload}, origin=Origin.LIVE, max_bytes=200_000)
    outcome = world.recorder.handle(message)
    assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, Reason.NOT_DECODABLE)
    check_kept(world, outcome)


def test_a_line_that_is_not_json_is_refused_with_its_text() -> None:
    world = World()
    [message] = read_messages([b"hello there\n"], max_bytes=MAX_BYTES)
    outcome = world.recorder.handle(message)
    assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, Reason.NOT_DECODABLE)
    receipt = world.ledger.receipts([outcome.receipt_id])[outcome.receipt_id]
    assert receipt.fields.values == {"line": "hello there"}
    check_kept(world, outcome)


def test_a_malformed_stream_id_is_refused() -> None:
    world = World()
    outcome = world.intent(**LONG, entry_id="yesterday")
    assert (outcome.disposition, outcome.reason) == (Disposition.REFUSED, Reason.NOT_DECODABLE)
    assert outcome.refusal is not None
    assert outcome.refusal.field == "stream_id"
    check_kept(world, outcome)


def test_a_message_of_a_foreign_stream_is_ignored() -> None:
    world = World()
    line = json.dumps(
        {"stream": "quantum:stream:market.klines", "stream_id": "1-0", "fields": {"symbol": "X"}}
    )
    [message] = read_messages([line.encode()], max_bytes=MAX_BYTES)
    outcome = world.recorder.handle(message)
    assert (outcome.disposition, outcome.reason) == (Disposition.IGNORED, Reason.UNKNOWN_STREAM)
    check_kept(world, outcome)


@pytest.mark.parametrize(
    "payload",
    [
        {"symbol": "BTCUSDT", "side": "CLOSE"},
        {"symbol": "BTCUSDT", "side": "BUY", "quantity": 1, "reduce_only": True},
        {"symbol": "BTCUSDT", "side": "BUY", "REDUCE_ONLY": True},
    ],
)
def test_a_reduce_or_close_without_a_position_is_ignored(payload: dict[str, Any]) -> None:
    world = World()
    outcome = world.intent(**payload)
    assert (outcome.disposition, outcome.reason) == (Disposition.IGNORED, Reason.NO_OPEN_POSITION)
    check_kept(world, outcome)


def test_a_report_of_a_close_without_a_position_is_ignored() -> None:
    world = World()
    outcome = world.closed(symbol="BTCUSDT", pnl_percent=1, order_id=1)
    assert outcome.reason is Reason.NO_OPEN_POSITION
    check_kept(world, outcome)


def test_the_same_order_id_closes_once_even_in_a_later_cycle() -> None:
    world = World()
    world.intent(**LONG)
    assert world.closed(symbol="BTCUSDT", order_id="A1").disposition is Disposition.ACCEPTED
    assert world.closed(symbol="BTCUSDT", order_id="A1").reason is Reason.DUPLICATE_CLOSE
    world.intent(**LONG)
    outcome = world.closed(symbol="BTCUSDT", order_id="A1")
    assert (outcome.disposition, outcome.reason) == (Disposition.IGNORED, Reason.DUPLICATE_CLOSE)
    assert world.closed(symbol="BTCUSDT", order_id="A2").disposition is Disposition.ACCEPTED
    check_kept(world, outcome)


def test_the_same_order_id_in_one_batch_closes_once() -> None:
    world = World()
    messages = [world.message("trade.intent", LONG)]
    messages += [world.message("trade.closed", {"symbol": "BTCUSDT", "order_id": "A1"}) for _ in range(2)]
    outcomes = world.recorder.handle_batch(messages)
    assert [outcome.reason for outcome in outcomes] == [None, None, Reason.DUPLICATE_CLOSE]


def test_a_close_from_before_the_opening_belongs_to_an_earlier_cycle() -> None:
    world = World()
    world.intent(**LONG)
    outcome = world.closed(entry_id=f"{NOON_MS - 1}-0", symbol="BTCUSDT")
    assert (outcome.disposition, outcome.reason) == (Disposition.IGNORED, Reason.EARLIER_CYCLE)
    assert world.closed(symbol="BTCUSDT").disposition is Disposition.ACCEPTED
    check_kept(world, outcome)


def test_clocks_that_disagree_keep_no_position_open_and_are_recorded() -> None:
    world = World()
    world.intent(**LONG, timestamp=NOON_MS + 25_000)
    outcome = world.closed(symbol="BTCUSDT", timestamp=NOON_MS)
    assert outcome.disposition is Disposition.ACCEPTED
    closed = next(event for event in world.events_of(outcome) if isinstance(event, PositionClosed))
    assert [assumed.field for assumed in closed.assumptions] == ["timestamp"]
    assert "the clocks disagree" in closed.assumptions[0].why


def test_a_message_in_the_future_is_flagged_and_not_corrected() -> None:
    world = World()
    outcome = world.intent(**LONG, timestamp=NOON_MS + 25_000)
    receipt = world.ledger.receipts([outcome.receipt_id])[outcome.receipt_id]
    assert receipt.in_future
    assert receipt.occurred_at.timestamp() * 1000 == NOON_MS + 25_000


def check_kept(world: World, outcome: MessageResult) -> None:
    """The receipt is in the ledger, nothing else came of the message, and its replay is exact."""
    receipt = world.ledger.receipts([outcome.receipt_id])[outcome.receipt_id]
    assert (receipt.disposition, receipt.reason, receipt.refusal) == (
        outcome.disposition,
        outcome.reason,
        outcome.refusal,
    )
    assert world.events_of(outcome) == []
    world.check_every_replay_is_exact()
