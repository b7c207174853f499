"""The contract of ReadingPlaces, on every adapter, and what the check of a worker's place makes of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitbrain.application.live.place import EntriesTrimmed, PlaceCheck
from exitbrain.application.ports.message_source import Delivery, MessageSource
from exitbrain.application.ports.reading_places import ReadingPlace, ReadingPlaces
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.values import EntryId, changed
from exitbrain.infrastructure.wire.stream_entry import id_in_numbers
from exitbrain.infrastructure.worker.recording import OneThread, ThreadedRecording
from tests.contract.stages import STAGES, MemoryStage, Stage, consuming, stage_of
from tests.event_loop import in_event_loop
from tests.names import TRADE_CLOSES, TRADE_INTENTS
from tests.unit.observation.live_path import Told
from tests.world import World

pytestmark = pytest.mark.integration

ANOTHER = "0b7f3f0e-0000-4000-8000-000000000002"


def a_world() -> World:
    """Return a world whose clock is right: the servers give ids of now."""
    return World(at=datetime.now(UTC))


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    return stage_of(request.param)


@in_event_loop
async def test_a_place_says_how_far_a_group_is_and_what_is_still_there(stage: Stage) -> None:
    ids = added(stage, "12345")
    async with places_on(stage) as places:
        assert await places.places() == []
        async with consuming(stage, "a") as source:
            await source.acknowledge((await source.read(3, 0))[:2])
            intents, closes = await places.places()
            assert (intents.stream, intents.source) == (TRADE_INTENTS, "trade.intent")
            assert (intents.begun, intents.delivered, intents.first) == (EntryId(0, 0), ids[2], ids[0])
            assert (closes.stream, closes.delivered, closes.first) == (TRADE_CLOSES, EntryId(0, 0), None)
            assert await looked_back(places, intents) == [(ids[2], True), (ids[1], False), (ids[0], False)]


@in_event_loop
async def test_looking_back_begins_with_the_delivered_entry_also_when_it_is_gone(stage: Stage) -> None:
    ids = added(stage, "1234")
    async with consuming(stage, "a") as source, places_on(stage) as places:
        await source.acknowledge((await source.read(3, 0))[:2])
        stage.trim(TRADE_INTENTS, 1)
        intents, _ = await places.places()
        assert (intents.first, intents.whole or False) == (ids[3], False)
        assert await looked_back(places, intents) == [(ids[2], True)]
        [[gone]] = [list(page) async for page in places.back_from(intents)]
        assert gone.message.broken is not None


@in_event_loop
async def test_a_group_that_goes_back_is_given_all_from_there_in_order_whatever_was_pending(
    stage: Stage,
) -> None:
    ids = added(stage, "123456")
    async with consuming(stage, "a") as source, places_on(stage) as places:
        taken = await source.read(5, 0)
        await source.acknowledge([taken[0], taken[1], taken[2], taken[4]])
        intents, _ = await places.places()
        assert await places.go_back(intents, ids[1])
    async with consuming(stage, "b") as again:
        assert names(await everything(again)) == ["3", "4", "5", "6"]


@in_event_loop
async def test_a_group_that_has_moved_is_left_alone(stage: Stage) -> None:
    ids = added(stage, "123")
    async with consuming(stage, "a") as source, places_on(stage) as places:
        await source.read(1, 0)
        intents, _ = await places.places()
        await source.read(1, 0)
        assert not await places.go_back(intents, EntryId(0, 0))
        assert (await places.places())[0].delivered == ids[1]


@in_event_loop
async def test_where_a_group_begins_for_a_store_that_took_it_over_is_noted_once_for_all(stage: Stage) -> None:
    ids = added(stage, "123")
    async with consuming(stage, "a", store=ANOTHER) as before:
        await before.acknowledge(await before.read(2, 0))
    async with consuming(stage, "a", take_over=True), places_on(stage) as places:
        intents, _ = await places.places()
        assert intents.begun is None
        await places.begin_at(intents)
    async with consuming(stage, "a", take_over=True), places_on(stage) as places:
        intents, _ = await places.places()
        assert (intents.begun, intents.delivered) == (ids[1], ids[1])


@in_event_loop
async def test_a_store_that_is_complete_is_read_on_from_where_the_group_is(stage: Stage) -> None:
    world = a_world()
    added(stage, "1234")
    assert await worked(stage, world, most=2) == ["1", "2"]
    assert await worked(stage, world) == ["3", "4"]
    stage.trim(TRADE_INTENTS, 0)
    assert await worked(stage, world) == []


@in_event_loop
async def test_a_restored_store_reads_again_what_its_group_has_acknowledged_and_only_that(
    stage: Stage,
) -> None:
    lost, restored, told = a_world(), a_world(), Told()
    added(stage, "12345")
    stage.add(TRADE_CLOSES, "6")
    assert await worked(stage, lost, restored, most=2) == ["1", "2"]
    assert await worked(stage, lost) == ["3", "4", "5", "6"]
    assert await worked(stage, restored, told=told) == ["3", "4", "5", "6"]
    ahead = [(line["stream"], line["entries"]) for line in told.named("group_ahead")]
    assert ahead == [(TRADE_INTENTS, 3), (TRADE_CLOSES, 1)]
    assert received(restored) == received(lost)
    assert await worked(stage, restored, told=told) == []
    assert len(told.named("group_ahead")) == 2


@in_event_loop
async def test_what_a_restored_store_can_not_read_again_is_named_and_nothing_is_read(stage: Stage) -> None:
    lost, restored, told = a_world(), a_world(), Told()
    ids = added(stage, "12345")
    assert await worked(stage, lost, restored, most=2) == ["1", "2"]
    assert await worked(stage, lost) == ["3", "4", "5"]
    stage.trim(TRADE_INTENTS, 1)
    with pytest.raises(
        EntriesTrimmed, match=rf"up to {ids[1]},.* after {ids[1]} and before {ids[4]} was trimmed"
    ):
        await worked(stage, restored)
    assert len(received(restored)) == 2
    assert await worked(stage, restored, go_on=True, told=told) == ["5"]
    assert [str(ids[4]) in line["lost"] for line in told.named("entries_lost")] == [True]
    assert await worked(stage, restored) == []


@in_event_loop
async def test_when_all_is_trimmed_all_of_it_is_named(stage: Stage) -> None:
    lost, restored = a_world(), a_world()
    ids = added(stage, "123")
    assert await worked(stage, lost, restored, most=1) == ["1"]
    assert await worked(stage, lost) == ["2", "3"]
    stage.trim(TRADE_INTENTS, 0)
    with pytest.raises(EntriesTrimmed, match=rf"after {ids[0]} up to {ids[2]} was trimmed"):
        await worked(stage, restored)


@in_event_loop
async def test_a_store_restored_to_before_its_first_message_reads_all_again(stage: Stage) -> None:
    added(stage, "123")
    assert await worked(stage, a_world()) == ["1", "2", "3"]
    restored = a_world()
    assert await worked(stage, restored) == ["1", "2", "3"]


@in_event_loop
async def test_a_store_restored_to_before_its_first_message_is_told_where_the_server_knows_that_some_are_gone(
    stage: Stage,
) -> None:
    ids = added(stage, "123")
    assert await worked(stage, a_world()) == ["1", "2", "3"]
    stage.trim(TRADE_INTENTS, 2)
    if (await place_of(stage)).whole is False:
        with pytest.raises(EntriesTrimmed, match=f"before {ids[1]} was trimmed"):
            await worked(stage, a_world())
    assert await worked(stage, a_world(), go_on=True) == ["2", "3"]


@in_event_loop
async def test_a_new_store_that_takes_over_goes_on_from_the_place_of_the_group_also_after_a_restart(
    stage: Stage,
) -> None:
    added(stage, "123")
    async with consuming(stage, "a", store=ANOTHER) as before:
        await before.acknowledge(await before.read(2, 0))
    world = a_world()
    assert await worked(stage, world, take_over=True, most=0) == []
    assert await worked(stage, world) == ["3"]


@in_event_loop
async def test_an_entry_id_that_was_used_again_is_known_by_what_it_holds(stage: Stage) -> None:
    world, told = a_world(), Told()
    stage.add(TRADE_INTENTS, "lost", at_ms=5)
    assert await worked(stage, world) == ["lost"]
    stage.flush()
    stage.add(TRADE_INTENTS, "found", at_ms=5)
    assert await worked(stage, world) == ["found"]
    assert await worked(stage, world, told=told) == []
    assert told.named("group_ahead") == []


@given(
    sent=st.integers(1, 12),
    of=st.data(),
)
def test_whatever_a_restored_store_has_missed_is_read_again_in_order_or_named(
    sent: int, of: st.DataObject
) -> None:
    read = of.draw(st.integers(0, sent), "read")
    stored = of.draw(st.integers(0, read), "in the restored store")
    held = of.draw(st.sets(st.integers(stored, max(stored, read - 1))), "not acknowledged")
    trimmed = of.draw(st.integers(0, sent), "trimmed")
    stage, restored, told = MemoryStage(), a_world(), Told()
    added(stage, [str(number) for number in range(sent)])

    @in_event_loop
    async def lived() -> None:
        async with consuming(stage, "a") as source:
            taken = await source.read(read, 0) if read else []
            restored.recorder.handle_batch([one.message for one in taken[:stored]])
            await source.acknowledge([one for number, one in enumerate(taken) if number not in held])
        stage.trim(TRADE_INTENTS, sent - trimmed)
        # What nobody holds shows that the store is behind; of those that are gone the newest delivered alone is known.
        acknowledged = [
            number
            for number in range(stored, read)
            if number not in held and (number >= trimmed or number == read - 1)
        ]
        if acknowledged and stored <= trimmed > 0:  # the newest received is gone too, or those after it are
            with pytest.raises(EntriesTrimmed):
                await worked(stage, restored)
            return
        again = await worked(stage, restored, told=told)
        assert [name for name in again if name] == [str(n) for n in range(max(stored, trimmed), sent)]
        assert len(told.named("group_ahead")) == bool(acknowledged)

    lived()


class LooksTwiceAtAServerThatFailsOver:
    """Places of a server that lost its newest entries after it was first asked how far its groups are."""

    def __init__(self, places: ReadingPlaces, before: ReadingPlace) -> None:
        self._places = places
        self._first: list[ReadingPlace] | None = [before]

    def __getattr__(self, name: str) -> object:
        return getattr(self._places, name)

    async def places(self) -> list[ReadingPlace]:
        first, self._first = self._first, None
        return await self._places.places() if first is None else first


@in_event_loop
async def test_a_server_that_fails_over_meanwhile_is_no_store_that_lacks_what_was_trimmed() -> None:
    stage, world = MemoryStage(), a_world()
    added(stage, "123")
    assert await worked(stage, world) == ["1", "2", "3"]
    before = changed(await place_of(stage), delivered=EntryId(2**40, 0))
    thread = OneThread("writer")
    async with places_on(stage) as places:
        asked = LooksTwiceAtAServerThatFailsOver(places, before)
        recording = ThreadedRecording(thread, world.recorder)
        await PlaceCheck(asked, recording, Told().journal, go_on=False).run()  # type: ignore[arg-type]  # by name
    thread.close()


@asynccontextmanager
async def places_on(stage: Stage) -> AsyncIterator[ReadingPlaces]:
    places = stage.places()
    try:
        yield places
    finally:
        await places.close()


async def place_of(stage: Stage) -> ReadingPlace:
    async with places_on(stage) as places:
        return (await places.places())[0]


async def looked_back(places: ReadingPlaces, place: ReadingPlace) -> list[tuple[EntryId, bool]]:
    pages = [page async for page in places.back_from(place)]
    return [(one.entry_id, one.pending) for page in pages for one in page]


async def worked(
    stage: Stage,
    *stores: World,
    most: int = 100,
    go_on: bool = False,
    take_over: bool = False,
    told: Told | None = None,
) -> list[str]:
    """Work for a while as a worker does: check the place, read, record in every store, acknowledge."""
    thread = OneThread("writer")
    try:
        async with consuming(stage, "a", take_over=take_over) as source, places_on(stage) as places:
            recording = ThreadedRecording(thread, stores[0].recorder)
            await PlaceCheck(places, recording, (told or Told()).journal, go_on=go_on).run()
            deliveries = await everything(source, most)
            for store in stores:
                store.recorder.handle_batch([one.message for one in deliveries])
            await source.acknowledge(deliveries)
    finally:
        thread.close()
    return names(deliveries)


async def everything(source: MessageSource, most: int = 100) -> list[Delivery]:
    taken: list[Delivery] = []
    while len(taken) < most and (page := await source.read(most - len(taken), 0)):
        taken += page
    return taken


def added(stage: Stage, names: Sequence[str]) -> list[EntryId]:
    return [EntryId(*id_in_numbers(stage.add(TRADE_INTENTS, name))) for name in names]


def names(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.message.fields.values.get("name", "") for delivery in deliveries]


def received(world: World) -> list[str]:
    return [e.event.entry_id for e in world.ledger.log() if isinstance(e.event, MessageReceived)]
