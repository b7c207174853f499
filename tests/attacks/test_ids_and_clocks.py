"""Ids and times of another century: the message counts, what it says of its id or time does not, and nothing stays muted."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from exitbrain.application.live.place import PlaceCheck
from exitbrain.application.ports.publisher import Outgoing
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.domain.messages.receipt import Disposition, MessageReceived, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.positions.events import PositionClosed, PositionOpened
from exitbrain.domain.values import EntryId, TimeOrigin
from exitbrain.infrastructure.redis.trimming import trim_advice
from exitbrain.infrastructure.settings import SettingsError, load_settings
from exitbrain.infrastructure.wire.stream_entry import id_in_numbers
from exitbrain.infrastructure.worker.recording import OneThread, ThreadedRecording
from tests.contract.stages import RedisStage, consuming, publishing
from tests.event_loop import in_event_loop
from tests.names import NAMES, TRADE_CLOSES, TRADE_INTENTS
from tests.servers import redis_url
from tests.unit.observation.live_path import Told
from tests.world import NOON, NOON_MS, World, at

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


def receipt_of(world: World, outcome: MessageResult) -> MessageReceived:
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

    def close(said_at: str, order_id: str) -> MessageResult:
        fields = CLOSE | {"order_id": order_id, "source": "executor", "timestamp": said_at}
        if source == "payload":
            return world.closed(**fields)
        envelope = {name: fields.pop(name) for name in ("timestamp", "source")}
        message = world.message("trade.closed", fields)
        message.fields.values.update({name: str(said) for name, said in envelope.items()})
        return world.recorder.handle(message)

    def entry(said_at: str) -> MessageResult:
        return world.intent(**ENTRY, timestamp=said_at, source="executor")

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
    for number, said_at in enumerate((LONG_AGO, NOON.isoformat(), LONG_AGO)):
        world.intent(**ENTRY, timestamp=said_at, source="executor")
        closed = world.closed(**CLOSE, order_id=f"o{number}", timestamp=LONG_AGO, source="executor")
        assert closed.disposition is Disposition.ACCEPTED, closed.reason
        assert any(isinstance(event, PositionClosed) for event in world.events_of(closed))
    world.check_every_replay_is_exact()


class Group(NamedTuple):
    """A Redis, and a store whose clock is right."""

    stage: RedisStage
    world: World


@pytest.fixture
def group() -> Group:
    return Group(RedisStage(redis_url("current")), World(at=datetime.now(UTC)))


def send(group: Group, stream: str, said: dict[str, Any], entry_id: str = "*") -> str:
    fields: Any = {name: str(value) for name, value in said.items()}
    return str(group.stage.client.xadd(stream, fields, id=entry_id))


async def worked(group: Group, *, acknowledge: bool = True) -> list[MessageResult]:
    """Work for a moment as a worker does: check the place, read, record, acknowledge."""
    thread, told, places = OneThread("writer"), Told(), group.stage.places()
    try:
        async with consuming(group.stage, "worker", reclaim_idle_s=0) as source:
            recording = ThreadedRecording(thread, group.world.recorder)
            await PlaceCheck(places, recording, told.journal, go_on=False).run()
            outcomes: list[MessageResult] = []
            while page := await source.read(100, 0):
                outcomes += group.world.recorder.handle_batch([one.message for one in page])
                if acknowledge:
                    await source.acknowledge(page)
                else:
                    assert len(await source.reclaim(100)) >= len(page)
    finally:
        await places.close()
        thread.close()
    assert told.lines == []
    return outcomes


def accepted(outcomes: list[MessageResult]) -> list[bool]:
    return [outcome.disposition is Disposition.ACCEPTED for outcome in outcomes]


@pytest.mark.integration
@pytest.mark.parametrize("entry_id", [FAR, f"{2**64 - 1}-{2**64 - 2}"])
@in_event_loop
async def test_honest_entries_behind_an_id_far_ahead_are_decided_also_when_the_stream_has_begun_anew(
    group: Group, entry_id: str
) -> None:
    timed = ENTRY | {"timestamp": group.world.clock.at.isoformat()}
    send(group, TRADE_INTENTS, timed, entry_id)
    behind = send(group, TRADE_INTENTS, timed | {"leverage": 20})
    assert EntryId(*id_in_numbers(behind)) > EntryId(*id_in_numbers(entry_id))
    send(group, TRADE_CLOSES, CLOSE | {"order_id": "9000001"})
    assert accepted(await worked(group, acknowledge=False)) == [True] * 3
    again = await worked(group)
    assert [outcome.duplicate for outcome in again] == [True] * 3
    assert await worked(group) == []

    group.stage.client.delete(TRADE_INTENTS, TRADE_CLOSES)
    for order_id in ("9000002", "9000003"):
        send(group, TRADE_INTENTS, ENTRY)
        send(group, TRADE_CLOSES, CLOSE | {"order_id": order_id})
        assert accepted(await worked(group)) == [True, True]
    group.world.check_every_replay_is_exact()


@pytest.mark.integration
@in_event_loop
async def test_the_greatest_id_of_all_is_read_reclaimed_and_read_again_by_a_store_that_went_back(
    group: Group,
) -> None:
    stage = group.stage
    first = send(group, TRADE_INTENTS, ENTRY)
    send(group, TRADE_INTENTS, ENTRY, FARTHEST)
    async with consuming(stage, "dead") as dead:
        assert len(await dead.read(2, 0)) == 2
    async with consuming(stage, "worker", reclaim_idle_s=0) as source:
        assert [one.entry_id for one in await source.read(1, 0)] == [first]
        assert [one.entry_id for one in await source.read(1, 0)] == [FARTHEST]
        assert await source.read(1, 0) == []
        assert [one.entry_id for one in await source.reclaim(10)] == [first, FARTHEST]
    advised = await trim_advice(stage.url, NAMES)
    assert advised[TRADE_INTENTS] == first
    places = stage.places()
    [intents, _] = await places.places()
    assert await places.go_back(intents, EntryId(*id_in_numbers(first)))
    await places.close()
    assert accepted(await worked(group)) == [True, True]
    assert (await trim_advice(stage.url, NAMES))[TRADE_INTENTS] == FARTHEST


@pytest.mark.integration
@in_event_loop
async def test_an_output_stream_that_can_take_no_more_is_named_with_the_way_out(group: Group) -> None:
    events = NAMES.events
    group.stage.client.xadd(events, {"planted": "1"}, id=FARTHEST)
    async with publishing(group.stage) as publisher:
        entry = [Outgoing(events, {"event_type": "test"}, 1)]
        with pytest.raises(StreamsUnusable, match=rf"{events} .*greatest entry id.*until it is deleted"):
            await publisher.publish(events, entry, after=None, upto=at(1))
        group.stage.client.delete(events)
        assert await publisher.publish(events, entry, after=None, upto=at(1)) == at(1)


@pytest.mark.parametrize("start", ["99999999999999999999", f"1-{2**64}", "9" * 5000])
def test_a_group_can_not_be_told_to_start_at_an_id_that_can_not_be(start: str) -> None:
    with pytest.raises(SettingsError, match="setting GROUP_START is"):
        load_settings(group_start=start)
