"""Publishing from a store: only where the streams say so, and what an operator may say instead."""

import asyncio
from contextlib import suppress
from uuid import UUID

import pytest

from exitbrain.application.live import publishing
from exitbrain.application.live.publishing_place import PublishedElsewhere
from exitbrain.application.ports.publisher import Stated, UnknownPosition
from exitbrain.application.recording.opening import identity_of
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.domain.store import StoreIdentity
from tests.event_loop import in_event_loop
from tests.names import ADAPTIVE_LEVELS, EVENTS, PUBLISHED
from tests.streams_in_memory.streams import InMemoryStreams
from tests.unit.live.publishing_world import CutShort, MortalPublisher, PublishingProcess, copy_of, told
from tests.world import THIS, THIS_STORE, World, at

pytestmark = pytest.mark.usefixtures("look_at_every_step")

OTHER = StoreIdentity(UUID("07ebd000-0000-4000-8000-000000000002"), 1)
LATER = StoreIdentity(THIS_STORE, 2)
LONG = {"side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}
BEYOND = 1_000


@pytest.fixture
def world() -> World:
    """A world with three open plans."""
    return decided(World(), "AUSDT", "BUSDT", "CUSDT")


def decided(world: World, *symbols: str) -> World:
    for symbol in symbols:
        world.intent(symbol=symbol, entry_id=f"{1767268800000 + world.ledger.head()}-0", **LONG)
    return world


def decisions(world: World, after: int = 0) -> list[int]:
    """Return the log positions of the decisions."""
    return [e.position for e in world.ledger.log(after) if isinstance(e.event, LevelsComputed)]


def everywhere(streams: InMemoryStreams, stated: Stated) -> None:
    for stream in PUBLISHED:
        streams.published[stream] = stated


def contents(streams: InMemoryStreams) -> dict[str, int]:
    return {stream: len(streams.entries(stream)) for stream in PUBLISHED}


@in_event_loop
async def test_every_payload_says_store_epoch_and_position(world: World, streams: InMemoryStreams) -> None:
    await PublishingProcess(world, streams).publish()

    assert told(streams, ADAPTIVE_LEVELS) == [(str(THIS_STORE), 1, one) for one in decisions(world)]


@in_event_loop
async def test_every_stream_says_the_end_of_the_log_once_all_is_out(
    world: World, streams: InMemoryStreams
) -> None:
    process = PublishingProcess(world, streams)
    await process.publish()
    decided(world, "AUSDT", "DUSDT")
    await process.publish()

    assert [streams.published[stream] for stream in PUBLISHED] == [at(world.ledger.head())] * len(PUBLISHED)
    assert told(streams, ADAPTIVE_LEVELS)[-1][2] == decisions(world)[-1]


@pytest.mark.parametrize("stream", PUBLISHED)
@pytest.mark.parametrize(
    "stated",
    [at(3, OTHER), at(3, LATER), at(3, StoreIdentity(THIS_STORE, 7)), at(BEYOND), UnknownPosition("3")],
)
@in_event_loop
async def test_nothing_is_published_where_one_stream_is_published_from_elsewhere(
    world: World, streams: InMemoryStreams, stream: str, stated: Stated
) -> None:
    streams.published[stream] = stated

    with pytest.raises(PublishedElsewhere, match=rf"{stream} is published up to .*{THIS_STORE} in epoch 1"):
        await PublishingProcess(world, streams).publish()

    assert streams.published == {stream: stated}
    assert contents(streams) == dict.fromkeys(PUBLISHED, 0)


@in_event_loop
async def test_both_figures_are_told(world: World, streams: InMemoryStreams) -> None:
    everywhere(streams, at(BEYOND, LATER))

    with pytest.raises(PublishedElsewhere) as caught:
        await PublishingProcess(world, streams).publish()

    assert str(caught.value) == (
        f"{ADAPTIVE_LEVELS} is published up to log position 1000 of store {THIS_STORE} in epoch 2, while this is"
        f" store {THIS_STORE} in epoch 1 with a log that ends at position {world.ledger.head()}: another copy of this"
        " store has published there"
    )


@pytest.mark.parametrize("stated", [at(3, OTHER), at(BEYOND, LATER), UnknownPosition("")])
@pytest.mark.parametrize("looks", [True, False])
@in_event_loop
async def test_a_stream_that_is_taken_over_while_it_is_published_ends_that(
    world: World, streams: InMemoryStreams, stated: Stated, looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = PublishingProcess(world, streams)
    await process.publish()
    if not looks:  # then the publication itself meets it
        monkeypatch.setattr(publishing, "LOOK_EVERY_S", 1e9)
    before = contents(streams)
    everywhere(streams, stated)
    decided(world, "AUSDT")

    with pytest.raises(PublishedElsewhere):
        await process.publish()
    assert contents(streams) == before


@in_event_loop
async def test_who_stands_by_knows_for_how_long_something_is_not_published(
    world: World, streams: InMemoryStreams
) -> None:
    publishes, stands_by = PublishingProcess(world, streams), PublishingProcess(world, streams)
    await publishes.publish()
    await stands_by.publishing.stand_by()
    assert unpublished_s(stands_by) == 0.0

    decided(world, "AUSDT")
    await stands_by.publishing.stand_by()
    assert unpublished_s(stands_by) >= 100.0
    await publishes.publish()
    await stands_by.publishing.stand_by()
    assert unpublished_s(stands_by) == unpublished_s(publishes) == 0.0


@in_event_loop
async def test_who_stands_by_ends_when_the_streams_are_taken_over(
    world: World, streams: InMemoryStreams
) -> None:
    process = PublishingProcess(world, streams)
    await process.publish()
    everywhere(streams, at(3, LATER))

    with pytest.raises(PublishedElsewhere):
        await process.publishing.stand_by()


def unpublished_s(process: PublishingProcess) -> float:
    """Return what is told a hundred seconds from now."""
    return process.publishing.unpublished.seconds(asyncio.get_running_loop().time() + 100.0)


@in_event_loop
async def test_a_restored_store_begins_here_under_a_new_epoch_and_goes_on(
    world: World, streams: InMemoryStreams
) -> None:
    original = PublishingProcess(world, streams)
    backup = world.ledger.head()
    decided(world, "AUSDT", "DUSDT")
    await original.publish()
    restored = copy_of(world, backup)
    with pytest.raises(PublishedElsewhere, match="beyond this log, as after a restored backup"):
        await PublishingProcess(restored, streams).publish()
    streams.trim(ADAPTIVE_LEVELS, keep=0)

    process = PublishingProcess(restored, streams)
    await process.begin_here()
    open_then = decisions(restored)
    decided(restored, "BUSDT")
    await process.publish()

    assert told(streams, ADAPTIVE_LEVELS) == [
        (str(THIS_STORE), 2, position)
        for position in [*open_then, *decisions(restored, restored.ledger.head() - 3)]
    ]
    assert identity_of(restored.ledger) == LATER
    restored.check_every_replay_is_exact()
    decided(world, "EUSDT")
    with pytest.raises(PublishedElsewhere, match="another copy of this store has published there"):
        await original.publish()


@in_event_loop
async def test_the_new_epoch_is_above_every_one_that_the_streams_say(
    world: World, streams: InMemoryStreams
) -> None:
    everywhere(streams, at(3, OTHER))
    streams.published[EVENTS] = at(3, StoreIdentity(THIS_STORE, 5))

    await PublishingProcess(world, streams).begin_here()

    assert identity_of(world.ledger).epoch == 6


@pytest.mark.parametrize("others", [at(3, StoreIdentity(THIS_STORE, 3)), at(BEYOND, LATER)])
@in_event_loop
async def test_what_another_copy_began_is_not_taken_for_a_beginning_of_its_own(
    world: World, streams: InMemoryStreams, others: Stated
) -> None:
    everywhere(streams, at(3, OTHER))
    await PublishingProcess(world, streams).begin_here()  # in epoch 2
    streams.published[ADAPTIVE_LEVELS], streams.published[EVENTS] = others, at(3)

    await PublishingProcess(world, streams).begin_here()

    here = identity_of(world.ledger)
    assert here.epoch == (4 if others == at(3, StoreIdentity(THIS_STORE, 3)) else 3)
    assert {streams.published[stream] for stream in PUBLISHED} == {at(world.ledger.head(), here)}


@pytest.mark.parametrize("survives", range(len(PUBLISHED)))
@pytest.mark.parametrize("has_effect", [False, True])
@pytest.mark.parametrize("says_nothing", [False, True])
@pytest.mark.parametrize("before", [at(BEYOND), at(3, OTHER), at(3, LATER), UnknownPosition("3")])
@in_event_loop
async def test_a_beginning_that_was_cut_short_is_finished_and_nothing_comes_twice_in_an_epoch(
    world: World,
    streams: InMemoryStreams,
    before: Stated,
    says_nothing: bool,
    survives: int,
    has_effect: bool,
) -> None:
    everywhere(streams, before)
    if says_nothing:
        del streams.published[ADAPTIVE_LEVELS]
    publisher = MortalPublisher(streams, survives, has_effect=has_effect)
    with suppress(CutShort):
        await PublishingProcess(world, streams, publisher).begin_here()
    begun = sum(streams.published.get(stream) not in {None, before} for stream in PUBLISHED)
    assert begun == survives + has_effect
    epoch, found = identity_of(world.ledger).epoch, contents(streams)

    if begun < len(PUBLISHED):  # a restart as usual does not take half of it for the whole
        with pytest.raises(PublishedElsewhere):
            await PublishingProcess(world, streams).publish()
        assert contents(streams) == found
        await PublishingProcess(world, streams).begin_here()
    assert identity_of(world.ledger).epoch == (epoch if begun else epoch + 1)
    await PublishingProcess(world, streams).publish()

    said = told(streams, ADAPTIVE_LEVELS)
    assert said == [(str(THIS_STORE), identity_of(world.ledger).epoch, one) for one in decisions(world)]


@in_event_loop
async def test_the_log_is_published_again_whatever_the_streams_said(
    world: World, streams: InMemoryStreams
) -> None:
    everywhere(streams, at(BEYOND, OTHER))
    second = decisions(world)[1]

    process = PublishingProcess(world, streams)
    await process.publishing.go_back(second)
    await process.publish()

    assert [position for *_, position in told(streams, ADAPTIVE_LEVELS)] == decisions(world)[1:]
    assert streams.published[ADAPTIVE_LEVELS] == at(world.ledger.head())


@pytest.mark.parametrize("beyond", [2, 3, BEYOND])
@in_event_loop
async def test_what_lies_beyond_the_log_can_not_be_published_again(
    world: World, streams: InMemoryStreams, beyond: int
) -> None:
    head = world.ledger.head()
    everywhere(streams, at(3, OTHER))

    with pytest.raises(InvalidValue, match=rf"--republish-from is {head + beyond}; allowed: 1 to {head + 1}"):
        await PublishingProcess(world, streams).publishing.go_back(head + beyond)
    assert streams.published[EVENTS] == at(3, OTHER)


@pytest.mark.parametrize("survives", range(len(PUBLISHED)))
@in_event_loop
async def test_a_republication_that_was_cut_short_does_not_pass_for_done(
    world: World, streams: InMemoryStreams, survives: int
) -> None:
    everywhere(streams, at(BEYOND, OTHER))
    publisher = MortalPublisher(streams, survives, has_effect=False)
    with suppress(CutShort):
        await PublishingProcess(world, streams, publisher).publishing.go_back(1)

    with pytest.raises(PublishedElsewhere):
        await PublishingProcess(world, streams).publish()
    process = PublishingProcess(world, streams)
    await process.publishing.go_back(1)
    await process.publish()

    assert told(streams, ADAPTIVE_LEVELS) == [(str(THIS.store_id), 1, one) for one in decisions(world)]
