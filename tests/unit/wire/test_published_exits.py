"""An exit that ended nothing is published with everything that shows why."""

import pytest

from exitbrain.domain.messages.receipt import Cycle, IgnoredExit, Reason
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.wire.published_shapes import SHAPES
from tests.ignored_exits import ENTRY_ID, LAST, OPEN, RECEIPT_ID, REFUSAL, ignored_exit, receipt, save
from tests.unit.wire.published_world import only, published
from tests.world import THIS_STORE, World

EVENTS_STREAM = "quantum:stream:exitbrain.events"


@pytest.fixture
def world() -> World:
    return World()


def test_an_exit_that_ended_nothing_is_published_with_both_sides_of_the_comparison(world: World) -> None:
    save(world, receipt())
    entry = only(world, "exit_ignored")

    assert (entry.stream, entry.fields["trace_id"], entry.log_position) == (
        EVENTS_STREAM,
        "t-1",
        world.ledger.head(),
    )
    assert entry.payload == {
        "schema_version": 1,
        "store_id": str(THIS_STORE),
        "epoch": 1,
        "log_position": world.ledger.head(),
        "recorded_at": "2026-01-01T12:00:00Z",
        "occurred_at": "2026-01-01T11:59:00Z",
        "time_origin": "payload",
        "source": "trade.closed",
        "entry_id": ENTRY_ID,
        "receipt_id": str(RECEIPT_ID),
        "reason": "EARLIER_CYCLE",
        "expected": False,
        "account": "default",
        "symbol": "BTCUSDT",
        "kind": "REPORT",
        "side": "LONG",
        "order_id": "7001",
        "price": "90100",
        "rule": "PAYLOAD_TIME",
        "held_by": None,
        "open": {
            "position_id": str(OPEN.position_id),
            "cycle": 2,
            "side": "SHORT",
            "entry_price": "90100.50",
            "quantity": None,
            "opened_at": "2026-01-01T11:59:55Z",
            "ended_by": None,
            "ended_at": None,
        },
        "last": {
            "position_id": str(LAST.position_id),
            "cycle": 1,
            "side": "LONG",
            "entry_price": "90000",
            "quantity": "0.05",
            "opened_at": "2026-01-01T11:50:00Z",
            "ended_by": "FLIPPED",
            "ended_at": "2026-01-01T11:59:55Z",
        },
    }


def test_what_an_exit_did_not_say_or_meet_is_null(world: World) -> None:
    nothing = ignored_exit(side=None, price=None, open=None, last=None, rule=None, held_by="other")
    save(world, receipt(nothing, Reason.NO_OPEN_POSITION))
    payload = only(world, "exit_ignored").payload

    assert [payload[key] for key in ("side", "price", "open", "last", "rule")] == [None] * 5
    assert payload["held_by"] == "other"


def test_everything_that_the_record_says_of_an_ignored_exit_is_published() -> None:
    payload = SHAPES["exit_ignored"].__annotations__

    assert {*IgnoredExit.__struct_fields__} <= payload.keys()
    assert {*Cycle.__struct_fields__} == payload["open"].__args__[0].__annotations__.keys()


def test_a_refused_exit_is_a_dead_letter_and_an_ignored_exit(world: World) -> None:
    save(world, receipt(reason=REFUSAL.reason, refusal=REFUSAL))

    assert [(one.stream, one.event_type, one.payload["reason"]) for one in published(world)] == [
        ("quantum:dlq:trade.closed", "message_refused", "BAD_VALUE"),
        (EVENTS_STREAM, "exit_ignored", "BAD_VALUE"),
    ]


def test_an_imported_exit_that_ended_nothing_is_not_published(world: World) -> None:
    save(world, receipt(origin=Origin.IMPORT))

    assert published(world) == []
