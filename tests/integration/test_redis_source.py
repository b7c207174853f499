"""RedisSource under losses: of replies, of connections, of groups, of the newest data."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis

from exitbrain.application.ports.message_source import Delivery, SourceUnavailable
from exitbrain.domain.messages.receipt import Reason
from exitbrain.infrastructure.redis.source import CHUNK, RedisSource, SourceSettings
from exitbrain.infrastructure.redis.trimming import trim_advice
from tests.event_loop import in_event_loop
from tests.faults.processes.proxy import Fault
from tests.integration.redis_behind_proxy import behind_proxy
from tests.names import LEASE, NAMES, STORE, TRADE_CLOSES, TRADE_INTENTS, group_of
from tests.servers import REDIS_KINDS, RedisServer

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", REDIS_KINDS)]

DEFAULTS = SourceSettings()
RECLAIM_AT_ONCE = SourceSettings(reclaim_idle_s=0)


@in_event_loop
async def test_groups_have_the_names_that_others_rely_on(kind: str) -> None:
    server = RedisServer(kind)
    async with opened(server.url):
        groups = [client_of(server).xinfo_groups(stream) for stream in (TRADE_INTENTS, TRADE_CLOSES)]
    assert [[group["name"] for group in one] for one in groups] == [
        [b"quantum:group:exitbrain:trade.intent"],
        [b"quantum:group:exitbrain:trade.closed"],
    ]
    server.stop()


@in_event_loop
async def test_what_was_given_to_us_and_lost_on_the_way_comes_first(kind: str) -> None:
    server = RedisServer(kind)
    with behind_proxy(server) as (proxy, url):
        async with opened(url) as source:
            assert await source.read(10, 0) == []
            add(server, TRADE_INTENTS, "1", "2", "3")
            add(server, TRADE_CLOSES, "4")
            proxy.fault = Fault.SWALLOW
            with pytest.raises(SourceUnavailable):
                await source.read(2, 0)
            proxy.fault = Fault.NONE
            taken = await everything(source, limit=2)
    assert [(name, delivery.attempt) for name, delivery in zip(names(taken), taken, strict=True)] == [
        ("1", 2), ("2", 2), ("3", 1), ("4", 2),
    ]  # fmt: skip
    server.stop()


@in_event_loop
async def test_what_was_claimed_and_lost_on_the_way_comes_again(kind: str) -> None:
    server = RedisServer(kind)
    add(server, TRADE_INTENTS, "1", "2")
    async with opened(server.url, "dead") as dead:
        assert len(await dead.read(10, 0)) == 2
    with behind_proxy(server) as (proxy, url):
        async with opened(url, "b", RECLAIM_AT_ONCE) as source:
            assert names(await source.reclaim(1)) == ["1"]
            proxy.fault = Fault.SWALLOW
            with pytest.raises(SourceUnavailable):
                await source.reclaim(10)
            proxy.fault = Fault.NONE
            assert names(await everything(source)) == ["1", "2"]
    server.stop()


@in_event_loop
async def test_what_was_not_acknowledged_for_a_lost_connection_comes_again(kind: str) -> None:
    server = RedisServer(kind)
    with behind_proxy(server) as (proxy, url):
        async with opened(url) as source:
            add(server, TRADE_INTENTS, "1", "2")
            taken = await source.read(10, 0)
            proxy.cut()
            with pytest.raises(SourceUnavailable):
                await source.acknowledge(taken)
            assert names(await everything(source)) == ["1", "2"]
            await source.acknowledge(taken)
            assert [backlog.pending for backlog in await source.backlog()] == [0, 0]
    server.stop()


@in_event_loop
async def test_what_is_uncertain_comes_again_although_a_read_was_under_way(kind: str) -> None:
    server = RedisServer(kind)
    add(server, TRADE_INTENTS, *"1234")
    async with opened(server.url) as before:
        assert len(await before.read(10, 0)) == 4
    async with opened(server.url) as source:
        taken = await source.read(2, 0)
        os.kill(server.pid, signal.SIGSTOP)
        reading = asyncio.create_task(source.read(2, 0))
        acknowledging = asyncio.create_task(source.acknowledge(taken[:1]))
        await asyncio.wait([reading, acknowledging], timeout=0.1)  # both have asked
        acknowledging.cancel()
        await asyncio.gather(acknowledging, return_exceptions=True)
        os.kill(server.pid, signal.SIGCONT)
        assert names(await reading) == ["3", "4"]
        assert names(await everything(source))[-3:] == ["2", "3", "4"]
    server.stop()


@in_event_loop
async def test_what_is_held_back_is_not_lost_with_the_server_s_memory(kind: str) -> None:
    server = RedisServer(kind)
    add(server, TRADE_INTENTS, "1", "2", "3")
    add(server, TRADE_CLOSES, "4", "5")
    async with opened(server.url) as source:
        assert names(await source.read(2, 0)) == ["1", "2"]
        client_of(server).flushall()
        assert set(names(await everything(source))) == {"4", "5"}
        assert source.groups_recreated > 0
    server.stop()


@in_event_loop
async def test_a_group_that_is_lost_while_the_other_one_gives_disturbs_no_order(kind: str) -> None:
    server = RedisServer(kind)
    async with opened(server.url) as source:
        assert await source.read(10, 0) == []
        add(server, TRADE_INTENTS, *"123456")
        client_of(server).xgroup_destroy(TRADE_CLOSES, group_of(TRADE_CLOSES))
        assert names(await everything(source, limit=2)) == list("123456")
        assert source.groups_recreated == 1
    server.stop()


@in_event_loop
async def test_reading_goes_on_when_everything_is_lost_during_a_wait(kind: str) -> None:
    server = RedisServer(kind)
    client = client_of(server)
    async with opened(server.url) as source:
        reading = asyncio.create_task(source.read(10, 0.9))
        while not client.info("clients")["blocked_clients"]:
            await asyncio.sleep(0.01)
        client.flushall()
        add(server, TRADE_INTENTS, "1")
        assert names(await reading) == ["1"]
    server.stop()


@in_event_loop
async def test_reading_goes_on_after_the_server_was_killed_and_started(kind: str) -> None:
    server = RedisServer(kind, append_only=True)
    add(server, TRADE_INTENTS, "1")
    async with opened(server.url) as source:
        assert names(await source.read(10, 0)) == ["1"]
        server.kill()
        with pytest.raises(SourceUnavailable):
            await source.read(10, 0)
        server.start()
        add(server, TRADE_INTENTS, "2")
        assert names(await everything(source)) == ["1", "2"]
        assert source.groups_recreated == 0
    server.stop()


@in_event_loop
async def test_a_server_that_lost_its_newest_delivers_what_it_still_has_and_what_is_new(kind: str) -> None:
    server = RedisServer(kind, append_only=True)
    async with opened(server.url) as source:
        add(server, TRADE_INTENTS, "1", "2")
        older = server.copy_data()
        add(server, TRADE_INTENTS, "3")
        await source.acknowledge(await everything(source))
        server.go_back_to(older)
        add(server, TRADE_INTENTS, "4")
        with pytest.raises(SourceUnavailable):  # the connection was that of the server before
            await source.read(10, 0)
        assert names(await everything(source)) == ["1", "2", "4"]
    server.stop()


@in_event_loop
async def test_what_is_pending_with_others_is_taken_over_in_chunks_and_what_was_trimmed_stays(
    kind: str,
) -> None:
    server = RedisServer(kind)
    ids = add(server, TRADE_INTENTS, *map(str, range(2 * CHUNK + 30)))
    client, group = client_of(server), group_of(TRADE_INTENTS)
    client.xgroup_create(TRADE_INTENTS, group, "0")
    for number in range(2):  # consumers of a version that shared the entries
        client.xreadgroup(group, f"old-{number}", {TRADE_INTENTS: ">"}, count=CHUNK - 100 * number)
    client.xtrim(TRADE_INTENTS, minid=ids[5], approximate=False)
    async with opened(server.url) as source:
        taken = await everything(source, limit=256)
        assert [one.entry_id for one in taken] == ids[5:]
        pending = 2 * CHUNK - 100 - 5
        assert [one.attempt for one in taken] == [2] * pending + [1] * (len(taken) - pending)
        assert [backlog.pending for backlog in await source.backlog()] == [len(ids), 0]
        old: Any = client.xpending_range(TRADE_INTENTS, group, "-", "+", 10, "old-0")
        assert [one["message_id"].decode() for one in old] == ids[:5]
    server.stop()


@in_event_loop
async def test_what_others_were_given_without_the_lease_comes_at_once_and_in_its_place(kind: str) -> None:
    server = RedisServer(kind)
    client, group = client_of(server), group_of(TRADE_INTENTS)
    async with opened(server.url) as source:
        assert await source.read(10, 0) == []
        add(server, TRADE_INTENTS, "1", "2")
        client.xreadgroup(group, "older version", {TRADE_INTENTS: ">"}, count=1)
        assert names(await everything(source)) == ["1", "2"]
        assert [repair.name for repair in source.repairs()] == ["group_moved"]
        await source.open()
        assert names(await everything(source)) == ["1", "2"]
        assert source.repairs() == []
    server.stop()


@in_event_loop
async def test_who_stands_by_is_not_given_what_it_still_held_when_it_lost_the_lease(kind: str) -> None:
    server = RedisServer(kind)
    add(server, TRADE_INTENTS, "1", "2")
    add(server, TRADE_CLOSES, "3", "4")
    async with opened(server.url) as slow, opened(server.url, "b") as b:
        assert names(await slow.read(1, 0)) == ["1"]
        client_of(server).delete(LEASE)
        assert names(await everything(b)) == ["1", "2", "3", "4"]
        assert await slow.read(10, 0) == []
        await b.close()
        assert names(await everything(slow)) == ["1", "2", "3", "4"]
    server.stop()


@in_event_loop
async def test_a_lease_lasts_as_long_as_the_settings_say_and_is_prolonged_by_each_read(kind: str) -> None:
    server = RedisServer(kind)
    client = client_of(server)
    async with opened(server.url, settings=SourceSettings(lease_s=50)) as source:
        for _ in range(2):
            await source.read(10, 0)
            assert 40_000 < client.pttl(LEASE) <= 50_000
            client.pexpire(LEASE, 7_000)
    assert client.get(LEASE) is None
    server.stop()


@in_event_loop
async def test_a_lease_that_can_not_be_given_back_does_not_hold_up_the_end(kind: str) -> None:
    server = RedisServer(kind)
    with behind_proxy(server) as (proxy, url):
        async with opened(url) as source:
            assert await source.read(10, 0) == []
            proxy.fault = Fault.SWALLOW
        assert client_of(server).get(LEASE) in {b"a", None}
    server.stop()


@in_event_loop
async def test_a_new_group_begins_where_the_settings_say(kind: str) -> None:
    server = RedisServer(kind)
    add(server, TRADE_INTENTS, "before")
    async with opened(server.url, settings=SourceSettings(group_start="$")) as source:
        add(server, TRADE_INTENTS, "after")
        assert names(await everything(source)) == ["after"]
    server.stop()


@in_event_loop
async def test_whatever_an_entry_holds_it_is_delivered_and_can_be_acknowledged(kind: str) -> None:
    server = RedisServer(kind)
    client: Any = client_of(server)
    client.xadd(TRADE_INTENTS, {b"\xff": b"\xfe\xfd"})
    client.xadd(TRADE_INTENTS, {"name": "x" * 1000})
    client.execute_command("XADD", TRADE_INTENTS, "*", "name", "first", "name", "\0last\0")
    client.xadd(TRADE_INTENTS, {"name": "far"}, id=f"{2**64 - 2}-7")
    async with opened(server.url, settings=SourceSettings(max_message_bytes=500)) as source:
        binary, large, twice, far = await everything(source)
        assert binary.message.fields.encoded == {"\\xff": "base64"}
        assert large.message.broken
        assert large.message.broken.reason is Reason.TOO_LARGE
        assert twice.message.fields.values == {"name": "\0last\0"}
        assert far.message.broken is None
        assert far.entry_id == str(far.message.stream_id) == f"{2**64 - 2}-7"
        await source.acknowledge([binary, large, twice, far])
        assert [backlog.pending for backlog in await source.backlog()] == [0, 0]
    server.stop()


@in_event_loop
async def test_trimming_as_advised_cuts_nothing_that_any_group_needs(kind: str) -> None:
    server = RedisServer(kind)
    client = client_of(server)
    assert await trim_advice(server.url, NAMES) == {TRADE_INTENTS: "0-0", TRADE_CLOSES: "0-0"}
    ids = add(server, TRADE_INTENTS, *"123456789")
    client.xgroup_create(TRADE_INTENTS, "slow", "0")
    client.xreadgroup("slow", "other", {TRADE_INTENTS: ">"}, count=4)
    client.xack(TRADE_INTENTS, "slow", *ids[:4])
    assert (await trim_advice(server.url, NAMES))[TRADE_INTENTS] == "0-0"  # our own group is not there yet
    async with opened(server.url) as source:
        taken = await everything(source)
        assert (await trim_advice(server.url, NAMES))[TRADE_INTENTS] == ids[0]  # all of ours is pending
        await source.acknowledge(taken[:2])
        assert (await trim_advice(server.url, NAMES))[TRADE_INTENTS] == ids[2]  # the third is pending with us
        await source.acknowledge(taken)
        advice = await trim_advice(server.url, NAMES)
        assert advice == {TRADE_INTENTS: ids[3], TRADE_CLOSES: "0-0"}  # the other group has read four
    client.xtrim(TRADE_INTENTS, minid=advice[TRADE_INTENTS], approximate=False)
    left: Any = client.xreadgroup("slow", "other", {TRADE_INTENTS: ">"})
    assert [fields[b"name"].decode() for _, fields in left[0][1]] == list("56789")
    server.stop()


@in_event_loop
async def test_advice_on_trimming_compares_ids_as_numbers(kind: str) -> None:
    server = RedisServer(kind)
    client = client_of(server)
    for entry_id in ("9-0", "10-0"):
        client.xadd(TRADE_CLOSES, {"name": entry_id}, id=entry_id)
    client.xgroup_create(TRADE_CLOSES, "slow", "9-0")
    async with opened(server.url) as source:
        await source.acknowledge(await everything(source))
        assert (await trim_advice(server.url, NAMES))[TRADE_CLOSES] == "9-0"
    server.stop()


@asynccontextmanager
async def opened(
    url: str, consumer: str = "a", settings: SourceSettings = DEFAULTS
) -> AsyncIterator[RedisSource]:
    source = RedisSource(url, consumer, STORE, settings)
    try:
        await source.open()
        yield source
    finally:
        await source.close()


async def everything(source: RedisSource, limit: int = 10) -> list[Delivery]:
    """Read until there is nothing left."""
    taken: list[Delivery] = []
    while page := await source.read(limit, 0):
        taken += page
    return taken


def client_of(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, protocol=2)


def add(server: RedisServer, stream: str, *entries: str) -> list[str]:
    """Add entries of these names and return their ids."""
    with client_of(server) as client:
        return [client.xadd(stream, {"name": name}).decode() for name in entries]


def names(deliveries: list[Delivery]) -> list[str]:
    return [delivery.message.fields.values["name"] for delivery in deliveries]
