"""The contract of Publisher, on every adapter."""

import asyncio
import random

import pytest

from exitbrain.application.ports.publisher import Outgoing, Publisher
from tests.contract.stages import STAGES, Stage, publishing, stage_of
from tests.event_loop import in_event_loop
from tests.names import ADAPTIVE_LEVELS, EVENTS

pytestmark = pytest.mark.integration


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
        assert await publisher.publish(EVENTS, entries(3, 5), after=None, upto=7) == 7
        assert await publisher.published(EVENTS) == 7
        assert await publisher.publish(EVENTS, entries(8), after=7, upto=8) == 8
        assert await publisher.published(EVENTS) == 8
    assert positions(stage) == [3, 5, 8]
    assert stage.entries(EVENTS)[0] == {"name": "é", "position": "3"}


@in_event_loop
async def test_the_position_moves_without_entries(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        assert await publisher.publish(EVENTS, [], after=None, upto=0) == 0
        assert await publisher.publish(EVENTS, [], after=0, upto=9) == 9
        assert await publisher.published(EVENTS) == 9
    assert positions(stage) == []


@pytest.mark.parametrize("after", [None, 3, 9])
@in_event_loop
async def test_nothing_is_added_when_somebody_else_has_moved_the_position(
    stage: Stage, after: int | None
) -> None:
    async with publishing(stage) as publisher:
        await publisher.publish(EVENTS, entries(4), after=None, upto=4)
        assert await publisher.publish(EVENTS, entries(10), after=after, upto=10) == 4
        assert await publisher.published(EVENTS) == 4
    assert positions(stage) == [4]


@in_event_loop
async def test_nothing_is_added_when_the_position_was_lost(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        await publisher.publish(EVENTS, entries(4), after=None, upto=4)
        stage.flush()
        assert await publisher.publish(EVENTS, entries(5), after=4, upto=5) is None
        assert await publisher.published(EVENTS) is None
    assert positions(stage) == []


@pytest.mark.parametrize("after", [None, 0])
@in_event_loop
async def test_many_entries_are_published_in_order(stage: Stage, after: int | None) -> None:
    many = entries(*(position for position in range(1, 200) for _ in range(1 + position % 3)))
    async with publishing(stage) as publisher:
        if after is not None:
            await publisher.publish(EVENTS, [], after=None, upto=after)
        assert await publisher.publish(EVENTS, many, after=after, upto=250) == 250
        assert await publisher.published(EVENTS) == 250
    assert positions(stage) == [one.log_position for one in many]


@in_event_loop
async def test_each_stream_has_its_own_position(stage: Stage) -> None:
    async with publishing(stage) as publisher:
        await publisher.publish(EVENTS, entries(4), after=None, upto=4)
        assert await publisher.published(ADAPTIVE_LEVELS) is None
        await publisher.publish(ADAPTIVE_LEVELS, [], after=None, upto=2)
        assert await publisher.published(EVENTS) == 4
        assert await publisher.published(ADAPTIVE_LEVELS) == 2


@pytest.mark.parametrize("seed", range(3))
@in_event_loop
async def test_racing_publishers_publish_each_entry_once_and_in_order(stage: Stage, seed: int) -> None:
    last = 400

    async def publish_all(publisher: Publisher, order: random.Random) -> int:
        """Publish stretches of any length; return how often another one was faster."""
        position, lost = await publisher.published(EVENTS) or 0, 0
        while position < last:
            upto = min(last, position + order.randint(1, 150))
            stretch = entries(*range(position + 1, upto + 1))
            reached = await publisher.publish(EVENTS, stretch, after=position, upto=upto)
            assert reached is not None
            lost += reached != upto
            position = reached
            await asyncio.sleep(0)
        return lost

    async with publishing(stage) as one, publishing(stage) as other, publishing(stage) as third:
        await one.publish(EVENTS, [], after=None, upto=0)
        racers = [
            publish_all(racer, random.Random(f"{seed}{n}")) for n, racer in enumerate((one, other, third))
        ]
        assert sum(await asyncio.gather(*racers)) > 0
    assert positions(stage) == list(range(1, last + 1))


def entries(*log_positions: int) -> list[Outgoing]:
    return [
        Outgoing(EVENTS, {"name": "é", "position": str(position)}, position) for position in log_positions
    ]


def positions(stage: Stage) -> list[int]:
    """Return the log positions of what is in the stream."""
    return [int(fields["position"]) for fields in stage.entries(EVENTS)]
