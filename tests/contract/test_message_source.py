"""The contract of MessageSource, on every adapter."""

import asyncio
import random
from datetime import timedelta

import pytest

from exitbrain.application.ports.message_source import Delivery, MessageSource, ReadElsewhere
from exitbrain.domain.messages.receipt import RawFields, Reason
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.redis import source as redis_source
from tests.contract.stages import LONG_S, STAGES, Stage, consuming, stage_of
from tests.event_loop import in_event_loop
from tests.names import STORE, TRADE_CLOSES, TRADE_INTENTS
from tests.own_time import LIVENESS_S

pytestmark = pytest.mark.integration

ANOTHER = "0b7f3f0e-0000-4000-8000-000000000002"


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> Stage:
    return stage_of(request.param)


@in_event_loop
async def test_an_entry_comes_as_a_live_message_with_its_fields(stage: Stage) -> None:
    entry_id = stage.add(TRADE_INTENTS, "first")
    async with consuming(stage, "a") as source:
        [delivery] = await source.read(10, 0)
    message = delivery.message
    assert (delivery.stream, delivery.entry_id, delivery.attempt) == (TRADE_INTENTS, entry_id, 1)
    assert (message.source, message.entry_id, str(message.stream_id)) == ("trade.intent", entry_id, entry_id)
    assert (message.fields.values, message.origin, message.broken) == ({"name": "first"}, Origin.LIVE, None)
    assert message.server == stage.server


@in_event_loop
async def test_of_an_entry_above_the_cap_the_first_part_comes_and_its_length_whatever_way_it_comes(
    stage: Stage,
) -> None:
    stage.add(TRADE_INTENTS, "x" * 70_000)
    stage.add(TRADE_INTENTS, "after it")
    async with consuming(stage, "a", reclaim_idle_s=0) as source:
        big, small = await source.read(10, 0)
        again = await source.reclaim(10)
    async with consuming(stage, "a") as source:
        read_again = await source.read(10, 0)
        await source.acknowledge([big, small])
        assert [backlog.pending for backlog in await source.backlog()] == [0, 0]
    assert [one.message for one in again] == [one.message for one in read_again]
    assert again[0].message == big.message
    assert big.message.broken
    assert (big.message.broken.reason, big.message.broken.value) == (Reason.TOO_LARGE, "70004 bytes")
    assert big.message.fields == RawFields({"name": "x" * 4092}, {}, 70_004)
    assert names([small]) == ["after it"]


@in_event_loop
async def test_whatever_way_an_entry_comes_it_says_which_server_gave_its_id(stage: Stage) -> None:
    stage.add(TRADE_INTENTS, "first")
    async with consuming(stage, "a") as source:
        assert [one.message.server for one in await source.read(10, 0)] == [stage.server]
    async with consuming(stage, "a", reclaim_idle_s=0) as source:
        assert [one.message.server for one in await source.read(10, 0)] == [stage.server]
        assert [one.message.server for one in await source.reclaim(10)] == [stage.server]
    stage.trim(TRADE_INTENTS, 0)
    async with consuming(stage, "a") as source:
        assert [one.message.server for one in await source.read(10, 0)] == [stage.server]


@in_event_loop
async def test_who_reads_for_another_store_is_given_nothing_and_takes_nothing_from_those_who_may(
    stage: Stage,
) -> None:
    for name in "123":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as ours:
        assert names(await ours.read(1, 0)) == ["1"]
        with pytest.raises(ReadElsewhere, match=rf"store {STORE}, and this is store {ANOTHER}.*GROUP"):
            async with consuming(stage, "a", store=ANOTHER):
                pass
        assert names(await everything(ours)) == ["2", "3"]
        stage.end_lease()
        stage.add(TRADE_CLOSES, "4")
        assert names(await everything(ours)) == ["4"]


@in_event_loop
async def test_a_store_that_takes_over_is_given_all_and_the_one_before_is_told_whatever_its_name(
    stage: Stage,
) -> None:
    for name in "12345":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a", reclaim_idle_s=0) as before:
        first, _ = await before.read(2, 0)
        await before.acknowledge([first])
        async with consuming(stage, "a", store=ANOTHER, take_over=True) as ours:
            assert await before.reclaim(10) == []
            with pytest.raises(ReadElsewhere):
                await before.read(10, 0)
            assert names(await everything(ours)) == ["2", "3", "4", "5"]
    with pytest.raises(ReadElsewhere):
        async with consuming(stage, "b"):
            pass
    async with consuming(stage, "a", store=ANOTHER) as again:
        assert names(await everything(again)) == ["2", "3", "4", "5"]


@in_event_loop
async def test_after_everything_was_lost_the_streams_belong_to_who_reads_first(stage: Stage) -> None:
    async with consuming(stage, "a") as ours:
        assert await ours.read(1, 0) == []
        stage.flush()
        stage.add(TRADE_INTENTS, "1")
        assert names(await everything(ours)) == ["1"]
        with pytest.raises(ReadElsewhere):
            async with consuming(stage, "b", store=ANOTHER):
                pass


@in_event_loop
async def test_the_clock_that_gives_ids_can_be_asked(stage: Stage) -> None:
    async with consuming(stage, "a") as source:
        before = stage.now
        asked = await source.server_time()
    assert before - timedelta(seconds=1) <= asked <= stage.now + timedelta(seconds=1)


@pytest.mark.parametrize("limit", [3, 7, 100])
@in_event_loop
async def test_an_id_of_the_future_holds_nothing_back_and_what_follows_it_stands_by_its_own_time(
    stage: Stage, limit: int
) -> None:
    """Closes wait in their hundreds; the entries of the other stream come between them, each behind the one before it."""
    first_ms = 1_600_000_000_000
    stage.add(TRADE_INTENTS, "opened", first_ms + 10)
    stage.add(TRADE_INTENTS, "far", 2**63 + 5, timestamp=str(first_ms + 20))
    for at_ms in (40, 30, 50):
        stage.add(TRADE_INTENTS, f"by its time {at_ms}", 2**63 + 5, timestamp=str(first_ms + at_ms))
    for at_ms in range(1, 61):
        stage.add(TRADE_CLOSES, f"closed {at_ms}", first_ms + at_ms)
    stage.add(TRADE_INTENTS, "without a time", 2**63 + 5)
    stage.add(TRADE_CLOSES, "closed now", first_ms + 61)
    async with consuming(stage, "a") as source:
        read = []
        while page := names(await source.read(limit, 0)):
            read += page
    others = [(name, read[number - 1]) for number, name in enumerate(read) if not name.startswith("closed")]
    assert others == [
        ("opened", "closed 9"),
        ("far", "closed 19"),
        ("by its time 40", "closed 39"),
        ("by its time 30", "by its time 40"),
        ("by its time 50", "closed 49"),
        ("without a time", "closed 60" if stage.server == "memory" else "closed now"),
    ]
    closes = [f"closed {at_ms}" for at_ms in range(1, 61)] + ["closed now"]
    assert [name for name in read if name.startswith("closed")] == closes


@pytest.mark.parametrize("seed", range(5))
@in_event_loop
async def test_two_streams_are_merged_in_the_order_of_ids_whatever_the_backlog(
    stage: Stage, seed: int
) -> None:
    order = random.Random(seed)
    expected = []
    for at_ms in range(1, 120):
        # Long stretches of one stream: what is read of the other runs far ahead.
        stream = TRADE_CLOSES if order.random() < (0.9 if at_ms // 30 % 2 else 0.1) else TRADE_INTENTS
        stage.add(stream, str(at_ms), at_ms)
        expected.append(str(at_ms))
    limit = order.choice([1, 3, 7])
    async with consuming(stage, "a") as source:
        pages = [await source.read(limit, 0) for _ in expected]
    assert [name for page in pages for name in names(page)] == expected
    assert max(map(len, pages)) == limit


@in_event_loop
async def test_within_a_millisecond_opens_come_before_closes(stage: Stage) -> None:
    stage.add(TRADE_CLOSES, "close", 1)
    stage.add(TRADE_INTENTS, "first", 1)
    stage.add(TRADE_INTENTS, "second", 1)
    async with consuming(stage, "a") as source:
        assert names(await source.read(10, 0)) == ["first", "second", "close"]
    async with consuming(stage, "b", reclaim_idle_s=0) as source:
        assert names(await source.reclaim(10)) == ["first", "second", "close"]


@in_event_loop
async def test_what_was_read_and_not_acknowledged_comes_first_to_the_same_consumer(stage: Stage) -> None:
    for name in "12345":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as source:
        assert names(await source.read(3, 0)) == ["1", "2", "3"]
    async with consuming(stage, "a") as source:
        again = await everything(source, limit=2)
    assert [(name, delivery.attempt) for name, delivery in zip(names(again), again, strict=True)] == [
        ("1", 2), ("2", 2), ("3", 2), ("4", 1), ("5", 1),
    ]  # fmt: skip


@in_event_loop
async def test_what_was_not_acknowledged_comes_again_to_a_source_that_is_opened_again(stage: Stage) -> None:
    for name in "123":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as source:
        taken = await everything(source)
        await source.acknowledge(taken[1:2])
        await source.open()
        assert names(await everything(source)) == ["1", "3"]


@in_event_loop
async def test_a_close_waits_for_its_open_also_after_a_crash(stage: Stage) -> None:
    for at_ms in range(1, 21):
        stage.add(TRADE_INTENTS, str(at_ms), at_ms)
    stage.add(TRADE_CLOSES, "21", 21)
    async with consuming(stage, "a") as source:
        assert names(await source.read(5, 0)) == ["1", "2", "3", "4", "5"]
    async with consuming(stage, "a") as source:
        assert names(await everything(source, limit=5)) == [str(at_ms) for at_ms in range(1, 22)]


@in_event_loop
async def test_an_acknowledged_entry_never_comes_again(stage: Stage) -> None:
    for name in "123":
        stage.add(TRADE_INTENTS, name)
    stage.add(TRADE_CLOSES, "4")
    async with consuming(stage, "a") as source:
        first, second, third, close = await everything(source)
        await source.acknowledge([first, third, close])
    async with consuming(stage, "a", reclaim_idle_s=0) as source:
        assert [delivery.entry_id for delivery in await everything(source)] == [second.entry_id]
        assert [delivery.entry_id for delivery in await source.reclaim(10)] == [second.entry_id]


@in_event_loop
async def test_consumers_share_a_lease_and_who_stands_by_is_given_nothing(stage: Stage) -> None:
    for name in "1234":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as a, consuming(stage, "b", reclaim_idle_s=0) as b:
        assert names(await a.read(2, 0)) == ["1", "2"]
        assert await b.read(10, 0) == []
        assert await b.read(10, 0.01) == []
        assert await b.reclaim(10) == []
        assert (a.holds_lease, b.holds_lease, b.consumer) == (True, False, "b")
        assert names(await everything(a)) == ["3", "4"]
        assert [backlog.pending for backlog in await b.backlog()] == [4, 0]


@in_event_loop
async def test_who_closes_gives_the_lease_back_and_who_stands_by_does_not(stage: Stage) -> None:
    stage.add(TRADE_INTENTS, "1")
    async with consuming(stage, "a") as a:
        assert names(await a.read(10, 0)) == ["1"]
        async with consuming(stage, "b") as b:
            assert await b.read(10, 0) == []
        async with consuming(stage, "c") as c:
            assert await c.read(10, 0) == []
    async with consuming(stage, "b") as b:
        assert names(await b.read(10, 0)) == ["1"]


@in_event_loop
async def test_who_takes_a_lease_first_gets_what_others_hold_in_order_and_then_what_is_new(
    stage: Stage,
) -> None:
    expected = [str(at_ms) for at_ms in range(1, 41)]
    for name in expected[:30]:
        stage.add(TRADE_CLOSES if int(name) % 3 == 0 else TRADE_INTENTS, name, int(name))
    async with consuming(stage, "a") as a, consuming(stage, "b") as b, consuming(stage, "c") as c:
        assert names(await a.read(10, 0)) == expected[:10]
        stage.end_lease()
        assert names(await b.read(7, 0)) == expected[:7]
        await b.acknowledge(await b.read(3, 0))
        for name in expected[30:]:
            stage.add(TRADE_CLOSES if int(name) % 3 == 0 else TRADE_INTENTS, name, int(name))
        stage.end_lease()
        assert names(await everything(c, limit=4)) == expected[:7] + expected[10:]
        assert await a.read(10, 0) == await b.read(10, 0) == []


@in_event_loop
async def test_what_is_taken_over_counts_as_delivered_once_more(stage: Stage) -> None:
    stage.add(TRADE_INTENTS, "1")
    async with consuming(stage, "a") as a, consuming(stage, "b") as b:
        assert [one.attempt for one in await a.read(10, 0)] == [1]
        stage.end_lease()
        assert [one.attempt for one in await b.read(10, 0)] == [2]


@in_event_loop
async def test_a_lease_that_ends_and_is_taken_again_by_the_same_one_brings_nothing_twice(
    stage: Stage,
) -> None:
    for name in "1234":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as a:
        assert names(await a.read(2, 0)) == ["1", "2"]
        stage.end_lease()
        assert names(await a.read(10, 0)) == ["3", "4"]


@in_event_loop
async def test_who_comes_back_under_its_own_name_goes_on_with_its_lease(stage: Stage) -> None:
    for name in "123":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as killed, consuming(stage, "b") as b:
        assert names(await killed.read(2, 0)) == ["1", "2"]
        async with consuming(stage, "a") as again:
            assert await b.read(10, 0) == []
            assert names(await everything(again)) == ["1", "2", "3"]
            assert await b.read(10, 0) == []


@in_event_loop
async def test_a_lease_ends_when_its_holder_does_not_read(stage: Stage) -> None:
    stage.add(TRADE_INTENTS, "1", 1)
    async with consuming(stage, "a", lease_s=0.03) as a, consuming(stage, "b") as b:
        assert names(await a.read(10, 0)) == ["1"]
        stage.add(TRADE_INTENTS, "2", 100)
        page: list[Delivery] = []
        while not page:
            page = await b.read(1, 0.9)
        assert names(page + await b.read(10, 0)) == ["1", "2"]
        assert await a.read(10, 0) == []
        assert not a.holds_lease


@in_event_loop
async def test_taking_over_goes_on_after_a_start_that_was_cut_short(stage: Stage) -> None:
    """Who was killed after it took the lease, and before it had claimed anything, finds the rest when it comes back."""
    for name in "123":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "dead") as dead:
        assert names(await dead.read(10, 0)) == ["1", "2", "3"]
        stage.end_lease()
        stage.give_lease("b")
        async with consuming(stage, "b") as b:
            assert names(await everything(b)) == ["1", "2", "3"]


@in_event_loop
async def test_what_a_dead_consumer_held_for_long_is_reclaimed_in_the_order_of_ids(stage: Stage) -> None:
    stage.add(TRADE_CLOSES, "1", 1)
    stage.add(TRADE_INTENTS, "2", 2)
    stage.add(TRADE_CLOSES, "3", 3)
    async with consuming(stage, "dead") as dead:
        assert len(await everything(dead)) == 3
    async with consuming(stage, "b", reclaim_idle_s=0) as b:
        taken = await b.reclaim(10)
    assert [(name, delivery.attempt) for name, delivery in zip(names(taken), taken, strict=True)] == [
        ("1", 2), ("2", 2), ("3", 2),
    ]  # fmt: skip


@in_event_loop
async def test_what_is_not_pending_for_long_stays_with_its_consumer(stage: Stage) -> None:
    stage.add(TRADE_INTENTS, "1")
    async with consuming(stage, "a") as a, consuming(stage, "b", reclaim_idle_s=3600) as b:
        assert names(await a.read(10, 0)) == ["1"]
        assert await b.reclaim(10) == []


@in_event_loop
async def test_reclaiming_goes_on_page_by_page(stage: Stage) -> None:
    for name in "12345":
        stage.add(TRADE_INTENTS, name)
    for name in "67":
        stage.add(TRADE_CLOSES, name)
    async with consuming(stage, "dead") as dead:
        assert len(await everything(dead)) == 7
    taken = []
    async with consuming(stage, "b", reclaim_idle_s=0) as b:
        for _ in range(4):
            page = await b.reclaim(2)
            await b.acknowledge(page)
            taken.append(names(page))
        assert await b.reclaim(2) == []
    assert taken == [["1", "2"], ["3", "4"], ["5", "6"], ["7"]]


@in_event_loop
async def test_an_entry_that_was_trimmed_while_pending_comes_as_such(stage: Stage) -> None:
    for name in "123":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as source:
        ids = [delivery.entry_id for delivery in await source.read(10, 0)]
    stage.trim(TRADE_INTENTS, 1)
    async with consuming(stage, "a") as source:
        deliveries = await everything(source)
    assert [delivery.entry_id for delivery in deliveries] == ids
    assert [trimmed(delivery) for delivery in deliveries] == [True, True, False]


@in_event_loop
async def test_a_trimmed_entry_of_a_dead_consumer_comes_until_it_is_acknowledged(stage: Stage) -> None:
    for name in "123":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "dead") as dead:
        ids = [delivery.entry_id for delivery in await dead.read(10, 0)]
    stage.trim(TRADE_INTENTS, 1)
    async with consuming(stage, "b", reclaim_idle_s=0) as b:
        first = await b.reclaim(10)
    async with consuming(stage, "b", reclaim_idle_s=0) as b:
        again = await b.reclaim(10)
        assert [delivery.entry_id for delivery in first] == [delivery.entry_id for delivery in again] == ids
        assert [trimmed(delivery) for delivery in again] == [True, True, False]
        await b.acknowledge(again)
        assert await b.reclaim(10) == []
        assert [backlog.pending for backlog in await b.backlog()] == [0, 0]


@in_event_loop
async def test_reading_goes_on_after_everything_was_lost(stage: Stage) -> None:
    stage.add(TRADE_INTENTS, "1")
    async with consuming(stage, "a", reclaim_idle_s=0, reap_idle_s=0) as source:
        before = await source.read(10, 0)
        stage.flush()
        await source.acknowledge(before)
        stage.add(TRADE_INTENTS, "2")
        stage.add(TRADE_CLOSES, "3")
        assert names(await everything(source)) == ["2", "3"]


@in_event_loop
async def test_who_acknowledges_an_entry_that_was_lost_does_not_acknowledge_another_that_got_its_id(
    stage: Stage,
) -> None:
    first = stage.add(TRADE_INTENTS, "1", at_ms=5)
    async with consuming(stage, "a") as slow:
        lost = await slow.read(10, 0)
        stage.flush()
        assert stage.add(TRADE_INTENTS, "2", at_ms=5) == first
        async with consuming(stage, "b") as other:
            assert names(await everything(other)) == ["2"]
        await slow.acknowledge(lost)
    async with consuming(stage, "b") as again:
        held = await again.read(10, 0)
        assert names(held) == ["2"]
        await again.acknowledge(held)
        assert [backlog.pending for backlog in await again.backlog()] == [0, 0]


@pytest.mark.parametrize("what", ["reclaim", "backlog", "reap", "acknowledge"])
@in_event_loop
async def test_every_question_is_answered_after_everything_was_lost(stage: Stage, what: str) -> None:
    stage.add(TRADE_INTENTS, "1")
    async with consuming(stage, "a", reclaim_idle_s=0, reap_idle_s=0) as source:
        held = await source.read(10, 0)
        stage.flush()
        match what:
            case "reclaim":
                assert await source.reclaim(10) == []
            case "backlog":
                assert [backlog.pending for backlog in await source.backlog()] == [0, 0]
            case "reap":
                assert await source.reap() == []
            case _:
                await source.acknowledge(held)


@in_event_loop
async def test_a_read_of_nothing_returns_when_its_wait_is_over(stage: Stage) -> None:
    async with consuming(stage, "a") as source:
        async with asyncio.timeout(LIVENESS_S):
            assert await source.read(10, 0) == []
            assert await source.read(10, 0.2) == []
            assert (
                await source.read(10, 0.0001) == []
            )  # a wait that rounds to no millisecond is not one for ever


@in_event_loop
async def test_a_waiting_read_returns_as_soon_as_something_comes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_source, "BLOCK_MAX_S", LONG_S)  # so that no wait ends by itself
    async with consuming(stage, "a") as source:
        for stream in (TRADE_INTENTS, TRADE_CLOSES):
            reading = asyncio.create_task(source.read(10, LONG_S))
            await asyncio.wait([reading], timeout=0.05)
            stage.add(stream, "late")
            async with asyncio.timeout(LIVENESS_S):
                assert names(await reading) == ["late"]


@in_event_loop
async def test_a_read_that_is_cancelled_while_it_waits_loses_nothing(stage: Stage) -> None:
    async with consuming(stage, "a") as source:
        for name in "123":
            reading = asyncio.create_task(source.read(10, 0.9))
            await asyncio.wait([reading], timeout=0.02)
            stage.add(TRADE_INTENTS, name)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        assert {"1", "2", "3"} >= set(names(await everything(source))) >= {"3"}
    async with consuming(stage, "a") as source:
        assert names(await everything(source)) == ["1", "2", "3"]


@in_event_loop
async def test_ghosts_are_removed_only_when_they_hold_nothing_and_never_ourselves(stage: Stage) -> None:
    async with consuming(stage, "us", reap_idle_s=0) as us:
        for name in ("gone", "us", "holding"):
            stage.add(TRADE_INTENTS, name)
            async with consuming(stage, name) as consumer:
                read = await consumer.read(10, 0)
                assert names(read) == [name]
                if name != "holding":
                    await consumer.acknowledge(read)
        assert await us.reap() == ["gone"]
        assert await us.reap() == []
    async with consuming(stage, "holding") as holding:
        held = await everything(holding)
        assert names(held) == ["holding"]
        await holding.acknowledge(held)
    async with consuming(stage, "us", reap_idle_s=0) as us:
        assert await us.reap() == ["holding"]


@in_event_loop
async def test_a_consumer_that_was_seen_lately_is_no_ghost(stage: Stage) -> None:
    stage.add(TRADE_INTENTS, "1")
    async with consuming(stage, "a") as a, consuming(stage, "us", reap_idle_s=3600) as us:
        await a.acknowledge(await a.read(10, 0))
        assert await us.reap() == []


@in_event_loop
async def test_the_backlog_says_what_is_pending_and_where_it_can_what_was_never_delivered(
    stage: Stage,
) -> None:
    for name in "12345":
        stage.add(TRADE_INTENTS, name)
    async with consuming(stage, "a") as source:
        await source.acknowledge((await source.read(3, 0))[:1])
        intents, closes = await source.backlog()
    assert (intents.stream, intents.pending, closes.stream, closes.pending) == (
        TRADE_INTENTS, 2, TRADE_CLOSES, 0,
    )  # fmt: skip
    assert (intents.lag, closes.lag) in {(2, 0), (None, None)}


async def everything(source: MessageSource, limit: int = 10) -> list[Delivery]:
    """Read until there is nothing left."""
    taken: list[Delivery] = []
    while page := await source.read(limit, 0):
        taken += page
    return taken


def names(deliveries: list[Delivery]) -> list[str]:
    return [delivery.message.fields.values["name"] for delivery in deliveries]


def trimmed(delivery: Delivery) -> bool:
    broken = delivery.message.broken
    return broken is not None and broken.reason is Reason.TRIMMED and not delivery.message.fields.values
