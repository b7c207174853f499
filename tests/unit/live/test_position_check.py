"""A position that is not where we left it is told of, with what it passed over."""

import pytest

from exitbrain.application.live.publishing_place import PublishedElsewhere
from exitbrain.application.ports.publisher import PublishedPosition
from tests.event_loop import in_event_loop
from tests.names import ADAPTIVE_LEVELS, EVENTS
from tests.streams_in_memory.streams import InMemoryPublisher, InMemoryStreams
from tests.unit.live.publishing_world import PublishingProcess, copy_of, told
from tests.world import World, at

pytestmark = pytest.mark.usefixtures("look_at_every_step")

LONG = {"side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


def open_positions(world: World, *symbols: str) -> World:
    for symbol in symbols:
        world.intent(symbol=symbol, entry_id=f"{1767268800000 + world.ledger.head()}-0", **LONG)
    return world


def troubles(process: PublishingProcess) -> list[tuple[object, ...]]:
    facts = ("event", "stream", "was", "now", "entries", "goes_on_after")
    return [
        tuple(line[name] for name in facts if name in line)
        for line in process.told.lines
        if line["level"] != "info"
    ]


@in_event_loop
async def test_a_position_that_was_set_ahead_is_told_with_what_it_passed_over(
    streams: InMemoryStreams,
) -> None:
    process = PublishingProcess(open_positions(World(), "AUSDT"), streams)
    await process.publish()
    was = process.world.ledger.head()
    open_positions(process.world, "BUSDT", "CUSDT")
    now = process.world.ledger.head()
    streams.published[ADAPTIVE_LEVELS] = at(now)
    await process.publish()

    assert troubles(process) == [("entries_skipped", ADAPTIVE_LEVELS, was, now, 2)]


@in_event_loop
async def test_a_position_that_another_worker_moved_with_its_entries_is_none(
    streams: InMemoryStreams,
) -> None:
    process = PublishingProcess(open_positions(World(), "AUSDT"), streams)
    await process.publish()
    open_positions(process.world, "BUSDT", "CUSDT")
    await PublishingProcess(process.world, streams).publish()
    await process.publish()

    assert troubles(process) == []


@in_event_loop
async def test_a_position_that_was_set_back_is_told_also_by_who_starts(streams: InMemoryStreams) -> None:
    process = PublishingProcess(open_positions(World(), "AUSDT"), streams)
    await process.publish()
    was = process.world.ledger.head()
    newest = told(streams, EVENTS)[-1][2]
    streams.published[EVENTS] = at(1)
    another = PublishingProcess(process.world, streams)
    await another.publish()
    assert troubles(another) == [("position_set_back", EVENTS, newest, 1)]

    streams.published[EVENTS] = at(1)
    await process.publish()
    assert troubles(process) == [("position_set_back", EVENTS, was, 1)]


@in_event_loop
async def test_what_an_operator_sets_back_is_not_told(streams: InMemoryStreams) -> None:
    process = PublishingProcess(open_positions(World(), "AUSDT"), streams)
    await process.publish()
    again = PublishingProcess(process.world, streams)
    await again.publishing.go_back(1)
    await again.publish()

    assert troubles(again) == []


@in_event_loop
async def test_a_lost_position_of_a_stream_that_is_gone_too_begins_anew_and_is_told(
    streams: InMemoryStreams,
) -> None:
    process = PublishingProcess(open_positions(World(), "AUSDT"), streams)
    await process.publish()
    streams.trim(EVENTS, keep=0)
    del streams.published[EVENTS]
    await process.publish()

    assert troubles(process) == [("position_lost", EVENTS, process.world.ledger.head())]
    assert len(told(streams, EVENTS)) == 1


class EmptiedMeanwhile(InMemoryPublisher):
    """A publisher whose server forgets everything just after the newest entry was looked up to go on from it."""

    def __init__(self, streams: InMemoryStreams) -> None:
        super().__init__(streams)
        self._looks = 0

    async def newest(self, stream: str) -> PublishedPosition | None:
        found = await super().newest(stream)
        if found is not None:
            self._looks += 1
            if self._looks == 2:  # the first is to see whether the position fits
                self._streams.flush()
        return found


@in_event_loop
async def test_a_position_is_not_restored_from_an_entry_that_is_gone_by_then(
    streams: InMemoryStreams,
) -> None:
    world = open_positions(World(), "AUSDT", "BUSDT")
    await PublishingProcess(world, streams).publish()
    streams.published.clear()
    await PublishingProcess(world, streams, EmptiedMeanwhile(streams)).publish()

    assert len(told(streams, ADAPTIVE_LEVELS)) == len(told(streams, EVENTS)) == 2


@in_event_loop
async def test_a_stream_without_a_position_that_is_ahead_of_a_restored_store_is_left_alone(
    streams: InMemoryStreams,
) -> None:
    world = open_positions(World(), "AUSDT")
    backup = copy_of(world)
    await PublishingProcess(open_positions(world, "BUSDT"), streams).publish()
    streams.published.clear()

    with pytest.raises(PublishedElsewhere):
        await PublishingProcess(backup, streams).publish()
