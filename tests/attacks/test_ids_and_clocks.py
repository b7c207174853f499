"""Ids and times of another century: the message counts, what it says of its id or time does not, and nothing stays muted."""

from datetime import timedelta
from typing import Any

import pytest

from exitbrain.application.outcome import Outcome
from exitbrain.domain.position import PositionClosed, PositionOpened
from exitbrain.domain.receipt import Disposition, MessageReceived, Reason
from exitbrain.domain.values import TimeOrigin
from tests.world import NOON, NOON_MS, World

FAR = "9223372036854775807-0"
FARTHEST = f"{2**64 - 1}-{2**64 - 1}"
NEVER = "2030-01-01T00:00:00+00:00"
LONG_AGO = "2000-01-01T00:00:00+00:00"
ENTRY: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "leverage": 10,
    "entry_price": 100,
    "quantity": 2,
}
CLOSE: dict[str, Any] = {"symbol": "BTCUSDT", "pnl_percent": 1, "exit_price": 101}


def receipt_of(world: World, outcome: Outcome) -> MessageReceived:
    return world.ledger.receipts([outcome.receipt_id])[outcome.receipt_id]


def opened(world: World) -> PositionOpened:
    return [entry.event for entry in world.ledger.log() if isinstance(entry.event, PositionOpened)][-1]


@pytest.mark.parametrize("entry_id", [FAR, f"{2**63}-0", FARTHEST, f"{NOON_MS + 300_001}-0"])
def test_an_id_far_ahead_is_decided_and_supersedes_nothing(entry_id: str) -> None:
    world = World()
    attack = world.intent(**ENTRY, entry_id=entry_id)
    assert attack.disposition is Disposition.ACCEPTED
    assert attack.entry_id == entry_id
    [assumed] = receipt_of(world, attack).assumptions
    assert (assumed.field, assumed.value) == ("stream_id", entry_id)
    assert "300 s after 2026-01-01T12:00:00+00:00" in assumed.why
    assert opened(world).stamp.entry_id is None
    assert receipt_of(world, attack).time_origin is TimeOrigin.RECORDED_AT
    later = world.intent(**ENTRY | {"leverage": 20})
    assert later.disposition is Disposition.ACCEPTED
    assert world.closed(**CLOSE, order_id="o1").disposition is Disposition.ACCEPTED
    assert world.intent(**ENTRY).disposition is Disposition.ACCEPTED
    world.check_every_replay_is_exact()


def test_an_entry_with_an_id_far_ahead_is_recognised_when_it_comes_again_a_day_later() -> None:
    world = World()
    first = world.intent(**ENTRY, entry_id=FARTHEST)
    world.clock.at += timedelta(days=1)
    again = world.intent(**ENTRY, entry_id=FARTHEST)
    assert again.duplicate
    assert again.receipt_id == first.receipt_id


@pytest.mark.parametrize("source", ["payload", "envelope"])
def test_a_time_far_ahead_makes_no_close_one_of_an_earlier_cycle(source: str) -> None:
    """The attacker ends a position under the clock of the producer, which times later closes like before."""
    world = World()

    def close(at: str, order_id: str) -> Outcome:
        fields = CLOSE | {"order_id": order_id, "source": "executor", "timestamp": at}
        if source == "payload":
            return world.closed(**fields)
        envelope = {name: fields.pop(name) for name in ("timestamp", "source")}
        message = world.message("trade.closed", fields)
        message.fields.values.update({name: str(said) for name, said in envelope.items()})
        return world.recorder.handle(message)

    def entry(at: str) -> Outcome:
        return world.intent(**ENTRY, timestamp=at, source="executor")

    entry(NOON.isoformat())
    attack = close(NEVER, "o1")
    [assumed] = [one for one in receipt_of(world, attack).assumptions if one.field == "timestamp"]
    assert assumed.value == NEVER
    assert assumed.why.endswith(f"not believed ({source})")
    assert receipt_of(world, attack).time_origin is TimeOrigin.STREAM_ID
    for number in range(3):
        world.clock.at += timedelta(minutes=5)
        entry(world.clock.at.isoformat())
        honest = close((world.clock.at + timedelta(seconds=1)).isoformat(), f"o{number + 2}")
        assert honest.disposition is Disposition.ACCEPTED, honest.reason
    world.check_every_replay_is_exact()


def test_a_time_far_ahead_gives_way_to_the_next_that_is_believed() -> None:
    world = World()
    near = (NOON + timedelta(seconds=1)).isoformat()

    def taken(payload: str, envelope: str, entry_id: str) -> tuple[TimeOrigin, int]:
        message = world.message("trade.intent", ENTRY | {"timestamp": payload}, entry_id)
        message.fields.values["timestamp"] = envelope
        receipt = receipt_of(world, world.recorder.handle(message))
        return receipt.time_origin, len(receipt.assumptions)

    assert taken(near, NEVER, f"{NOON_MS}-0") == (TimeOrigin.PAYLOAD, 0)
    assert taken(NEVER, near, f"{NOON_MS}-1") == (TimeOrigin.ENVELOPE, 1)
    assert taken(NEVER, NEVER, f"{NOON_MS}-2") == (TimeOrigin.STREAM_ID, 2)
    assert taken(NEVER, NEVER, FAR) == (TimeOrigin.RECORDED_AT, 3)
    assert taken("not a time", near, FARTHEST) == (TimeOrigin.ENVELOPE, 2)
    world.check_every_replay_is_exact()


def test_an_id_or_a_time_within_the_setting_mutes_no_longer_than_it_says() -> None:
    world = World()
    ahead = f"{NOON_MS + 300_000}-0"
    first = world.intent(**ENTRY, timestamp=(NOON + timedelta(seconds=300)).isoformat(), entry_id=ahead)
    assert receipt_of(world, first).in_future
    assert receipt_of(world, first).assumptions == ()
    assert world.intent(**ENTRY).reason is Reason.SUPERSEDED
    world.clock.at += timedelta(seconds=301)
    assert world.intent(**ENTRY, entry_id=f"{NOON_MS + 301_000}-0").disposition is Disposition.ACCEPTED


def test_a_refused_message_and_one_of_a_foreign_stream_tell_of_an_id_far_ahead() -> None:
    world = World()
    refused = world.intent(symbol="BTCUSDT", side="UP", entry_id=FAR)
    foreign = world.recorder.handle(world.message("risk.limits", {}, FARTHEST))
    for outcome in (refused, foreign):
        assert [one.field for one in receipt_of(world, outcome).assumptions] == ["stream_id"]
    world.check_every_replay_is_exact()


def test_a_close_of_the_year_2000_neither_mutes_nor_misplaces_the_next() -> None:
    world = World()
    for number, at in enumerate((LONG_AGO, NOON.isoformat(), LONG_AGO)):
        world.intent(**ENTRY, timestamp=at, source="executor")
        closed = world.closed(**CLOSE, order_id=f"o{number}", timestamp=LONG_AGO, source="executor")
        assert closed.disposition is Disposition.ACCEPTED, closed.reason
        assert any(isinstance(event, PositionClosed) for event in world.events_of(closed))
    world.check_every_replay_is_exact()
