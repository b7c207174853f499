"""The contract of Publisher, on every adapter."""

import asyncio
import json
import random
from uuid import UUID

import pytest

from exitbrain.application.ports.publisher import (
    Outgoing,
    PublishedPosition,
    Publisher,
    Stated,
    UnknownPosition,
)
from exitbrain.domain.store import StoreIdentity
from tests.contract.stages import STAGES, Stage, publishing, stage_of
from tests.event_loop import in_event_loop
from tests.names import ADAPTIVE_LEVELS, EVENTS
from tests.world import THIS_STORE, at

pytestmark = pytest.mark.integration

OTHER = StoreIdentity(UUID("07ebd000-0000-4000-8000-000000000002"), 1)
LATER = StoreIdentity(THIS_STORE, 2)


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    return stage_of(request.param)


@in_event_loop
async def test_a_stream_without_a_position_says_nothing(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        assert await publisher.published(EVENTS) is None


@in_event_loop
async def test_entries_and_position_move_together(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        assert await publisher.publish(EVENTS, entries(3, 5), after=None, upto=at(7)) == at(7)
        assert await publisher.published(EVENTS) == at(7)
        assert await publisher.publish(EVENTS, entries(8), after=at(7), upto=at(8)) == at(8)
        assert await publisher.published(EVENTS) == at(8)
    assert positions(stage) == [3, 5, 8]
    assert stage.entries(EVENTS)[0] == {"name": "é", "position": "3"}


@in_event_loop
async def test_the_position_moves_without_entries(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        assert await publisher.publish(EVENTS, [], after=None, upto=at(0)) == at(0)
        assert await publisher.publish(EVENTS, [], after=at(0), upto=at(9)) == at(9)
        assert await publisher.published(EVENTS) == at(9)
    assert positions(stage) == []


@pytest.mark.parametrize("after", [None, at(3), at(9), at(4, OTHER), at(4, LATER), UnknownPosition("4")])
@in_event_loop
async def test_nothing_is_added_when_somebody_else_has_moved_the_position(
    stage: Stage, after: Stated | None
) -> None:
    async with publishing(stage) as publisher:
        await publisher.publish(EVENTS, entries(4), after=None, upto=at(4))
        assert await publisher.publish(EVENTS, entries(10), after=after, upto=at(10)) == at(4)
        assert await publisher.published(EVENTS) == at(4)
    assert positions(stage) == [4]


@in_event_loop
async def test_nothing_is_added_when_the_position_was_lost(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        await publisher.publish(EVENTS, entries(4), after=None, upto=at(4))
        stage.flush()
        assert await publisher.publish(EVENTS, entries(5), after=at(4), upto=at(5)) is None
        assert await publisher.published(EVENTS) is None
    assert positions(stage) == []


@pytest.mark.parametrize(
    "text", ["812", "", f"{THIS_STORE}:1:07", f"{THIS_STORE}:0:7", f"{THIS_STORE}:1:7 ", "\udcff"]
)
@in_event_loop
async def test_what_is_no_position_is_told_as_it_is_and_can_be_replaced(stage: Stage, text: str) -> None:
    async with publishing(stage) as publisher:
        stage.say_published(EVENTS, text)
        assert await publisher.published(EVENTS) == UnknownPosition(text)
        stated = UnknownPosition(text)
        assert await publisher.publish(EVENTS, entries(1), after=at(7), upto=at(8)) == stated
        assert await publisher.publish(EVENTS, entries(8), after=stated, upto=at(8)) == at(8)
    assert positions(stage) == [8]


@pytest.mark.parametrize("before", [OTHER, LATER])
@in_event_loop
async def test_a_stream_is_taken_over_from_another_store_in_one_step(
    stage: Stage, before: StoreIdentity
) -> None:
    many = entries(*range(1, 400))
    async with publishing(stage) as publisher:
        await publisher.publish(EVENTS, [], after=None, upto=at(900, before))
        assert await publisher.publish(EVENTS, many, after=at(900, before), upto=at(500)) == at(500)
        assert await publisher.published(EVENTS) == at(500)
    assert positions(stage) == list(range(1, 400))


@pytest.mark.parametrize("after", [None, at(0)])
@in_event_loop
async def test_many_entries_are_published_in_order(stage: Stage, after: PublishedPosition | None) -> None:
    many = entries(*(position for position in range(1, 200) for _ in range(1 + position % 3)))
    async with publishing(stage) as publisher:
        if after is not None:
            await publisher.publish(EVENTS, [], after=None, upto=after)
        assert await publisher.publish(EVENTS, many, after=after, upto=at(250)) == at(250)
        assert await publisher.published(EVENTS) == at(250)
    assert positions(stage) == [one.log_position for one in many]


@in_event_loop
async def test_each_stream_has_its_own_position(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        await publisher.publish(EVENTS, entries(4), after=None, upto=at(4))
        assert await publisher.published(ADAPTIVE_LEVELS) is None
        await publisher.publish(ADAPTIVE_LEVELS, [], after=None, upto=at(2))
        assert await publisher.published(EVENTS) == at(4)
        assert await publisher.published(ADAPTIVE_LEVELS) == at(2)


@pytest.mark.parametrize("seed", range(3))
@in_event_loop
async def test_racing_publishers_publish_each_entry_once_and_in_order(stage: Stage, seed: int) -> None:
    last = 400

    async def publish_all(publisher: Publisher, order: random.Random) -> int:
        """Publish stretches of any length; return how often another one was faster."""
        stated: Stated | None = at(0)  # where all begin, so that only one of them is the first
        lost = 0
        while isinstance(stated, PublishedPosition) and stated.position < last:
            upto = min(last, stated.position + order.randint(1, 150))
            stretch = entries(*range(stated.position + 1, upto + 1))
            stated = await publisher.publish(EVENTS, stretch, after=stated, upto=at(upto))
            assert stated is not None
            lost += stated != at(upto)
            await asyncio.sleep(0)
        return lost

    async with publishing(stage) as one, publishing(stage) as other, publishing(stage) as third:
        await one.publish(EVENTS, [], after=None, upto=at(0))
        racers = [
            publish_all(racer, random.Random(f"{seed}{n}")) for n, racer in enumerate((one, other, third))
        ]
        assert sum(await asyncio.gather(*racers)) > 0
    assert positions(stage) == list(range(1, last + 1))


@in_event_loop
async def test_a_lost_position_is_restored_only_while_the_newest_entry_says_it(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        assert not await publisher.restore(EVENTS, at(4))
        stage.add(EVENTS, "one", payload=payload_of(at(4)))
        assert await publisher.newest(EVENTS) == at(4)
        stage.add(EVENTS, "two", payload=payload_of(at(7)))  # meanwhile
        assert not await publisher.restore(EVENTS, at(4))
        assert await publisher.published(EVENTS) is None
        assert await publisher.restore(EVENTS, at(7))
        assert await publisher.published(EVENTS) == at(7)

        stage.add(EVENTS, "three", payload=payload_of(at(9)))
        assert not await publisher.restore(EVENTS, at(9))  # it is there: nobody may move it
        assert await publisher.published(EVENTS) == at(7)
        stage.flush()
        assert not await publisher.restore(EVENTS, at(9))
        assert await publisher.published(EVENTS) is None


def payload_of(place: PublishedPosition) -> str:
    """Return a payload that names a place in the log."""
    store = place.store
    said = {"store_id": str(store.store_id), "epoch": store.epoch, "log_position": place.position}
    return json.dumps(said)


def entries(*log_positions: int) -> list[Outgoing]:
    return [
        Outgoing(EVENTS, {"name": "é", "position": str(position)}, position) for position in log_positions
    ]


def positions(stage: Stage) -> list[int]:
    """Return the log positions of what is in the stream."""
    return [int(fields["position"]) for fields in stage.entries(EVENTS)]
