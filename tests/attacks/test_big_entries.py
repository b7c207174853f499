"""A producer adds entries that are far too big: little of them leaves the server, and what stands behind them is decided.

What leaves a server is counted by itself, so nothing here depends on how fast anything is.
"""

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.application.ports.dead_letters import UnreadableLetter
from exitbrain.application.ports.message_source import Delivery
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.values import EntryId, Origin
from exitbrain.infrastructure.redis.dead_letters import RedisDeadLetters
from exitbrain.infrastructure.redis.places import RedisPlaces
from exitbrain.infrastructure.redis.rehearsal import rehearse
from exitbrain.infrastructure.redis.source import RedisSource, SourceSettings
from exitbrain.infrastructure.wire.incoming import from_fields
from tests.attacks.attacked import MIB
from tests.attacks.big_entries import (
    HONEST,
    hold_as_another,
    is_acknowledged,
    is_decided,
    peak_bytes,
    serving,
    settled,
    until,
)
from tests.event_loop import in_event_loop
from tests.names import LEASE, NAMES, STORE, TRADE_INTENTS, dead_letters_of, group_of
from tests.servers import REDIS_KINDS, RedisServer, redis_url

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", REDIS_KINDS)]

CAP = 65_536
LITTLE = MIB // 2
"""More than a dozen first parts, and far less than any of the entries."""

WORKER_MAX = 110 * MIB
"""A worker that has nothing to do holds some 65 MiB."""


def one_huge(client: redis.Redis) -> None:
    client.xadd(TRADE_INTENTS, {"payload": b"x" * 32_000_000})


def a_dozen(client: redis.Redis) -> None:
    for number in range(12):
        client.xadd(TRADE_INTENTS, {"payload": b"%d" % number + b"x" * 1_000_000})


def many_fields(client: redis.Redis) -> None:
    client.xadd(TRADE_INTENTS, {b"name %d" % number: b"value" for number in range(100_000)})


def huge_name(client: redis.Redis) -> None:
    client.xadd(TRADE_INTENTS, {b"n" * 4_000_000: b"value"})


def odd_bytes(client: redis.Redis) -> None:
    client.xadd(TRADE_INTENTS, {b"\0\xff": b"\xc3(\0" * 200_000})


def nothing_but_names(client: Any) -> None:
    """Add names and values without a single byte, as a client library would not."""
    client.execute_command("XADD", TRADE_INTENTS, "*", *[b""] * 140_000)


ATTACKS = (a_dozen, many_fields, huge_name, odd_bytes, nothing_but_names)


def test_a_worker_decides_what_stands_behind_them_and_tells_of_each_once(kind: str, tmp_path: Path) -> None:
    server = RedisServer(kind)
    with closing(redis.Redis.from_url(server.url)) as client:
        one_huge(client)
        for attack in ATTACKS:
            attack(client)
        hold_as_another(client)
        one_huge(client)
        client.xadd(TRADE_INTENTS, HONEST)  # type: ignore[arg-type]  # its type is invariant
        with serving(tmp_path, server.url) as worker:
            until(lambda: is_decided(client) and is_acknowledged(client), tmp_path)
            refused = client.xlen(TRADE_INTENTS) - 1
            until(lambda: client.xlen(dead_letters_of("trade.intent")) >= refused, tmp_path)
            peak = peak_bytes(worker)
    found = settled(tmp_path, server.url)
    server.stop()
    assert found.decided
    assert (len(found.receipts), set(found.receipts.values())) == (refused + 1, {1})
    assert (len(found.letters), set(found.letters.values())) == (refused, {1})
    assert peak < WORKER_MAX


@pytest.mark.parametrize("attack", ATTACKS)
@in_event_loop
async def test_whatever_a_source_asks_little_leaves_the_server(
    kind: str, attack: Callable[[redis.Redis], None]
) -> None:
    with emptied(kind) as client:
        attack(client)
        settings = SourceSettings(reclaim_idle_s=0)
        with sent(client) as bytes_out:
            async with opened(RedisSource(redis_url(kind), "a", STORE, settings)) as source:
                first = await everything(source)
                again = await source.reclaim(256)
                await source.backlog()
            client.delete(LEASE)
            async with opened(RedisSource(redis_url(kind), "b", STORE, settings)) as source:
                taken_over = await everything(source)
                await source.acknowledge(taken_over)
                assert [backlog.pending for backlog in await source.backlog()] == [0, 0]
        assert bytes_out() < LITTLE
        assert len(first) == client.xlen(TRADE_INTENTS)
    assert [one.message for one in first][: len(again)] == [one.message for one in again] != []
    assert [one.message for one in first] == [one.message for one in taken_over]
    for one in first:
        assert one.message.broken
        assert one.message.broken.reason is Reason.TOO_LARGE
        assert one.message.fields.length
        assert one.message.fields.length > CAP


@in_event_loop
async def test_where_a_group_is_is_found_without_them(kind: str) -> None:
    with emptied(kind) as client:
        a_dozen(client)
        async with opened(RedisSource(redis_url(kind), "a", STORE)) as source:
            await source.acknowledge(await everything(source))
        with sent(client) as bytes_out:
            places = RedisPlaces(redis_url(kind), NAMES, STORE)
            (place, _) = await places.places()
            earlier = [one async for page in places.back_from(place) for one in page]
            assert await places.go_back(place, EntryId(0, 0))
            await rehearse(redis_url(kind), NAMES)
            await places.close()
        assert bytes_out() < LITTLE
        assert len(earlier) == client.xlen(TRADE_INTENTS)
    assert {one.message.broken and one.message.broken.reason for one in earlier} == {Reason.TOO_LARGE}


@in_event_loop
async def test_whoever_waits_is_told_that_there_is_news_and_not_sent_it(kind: str) -> None:
    with emptied(kind) as client:
        async with opened(RedisSource(redis_url(kind), "a", STORE)) as source:
            assert await source.read(10, 0) == []
            await source._wait(0.001)  # nothing comes
            huge_name(client)
            with sent(client) as bytes_out:
                await source._wait(1.0)
            assert bytes_out() < LITTLE
            assert len(await source.read(10, 0)) == 1


def test_dead_letters_that_others_wrote_are_listed_without_them(kind: str) -> None:
    with emptied(kind) as client:
        stream = dead_letters_of("trade.intent")
        for _ in range(3):
            client.xadd(stream, {"payload": b"x" * 2_000_000})
        with sent(client) as bytes_out, closing(RedisDeadLetters(redis_url(kind))) as letters:
            found = list(letters.letters("trade.intent"))
        assert bytes_out() < LITTLE
    assert [one.why for one in found if isinstance(one, UnreadableLetter)] == [
        "it has 2000007 bytes; one of ours has at most 1048576"
    ] * 3


@in_event_loop
async def test_the_scripts_measure_and_cut_as_everything_else_does(kind: str) -> None:
    chance, cap = random.Random(12), 300
    alphabet = [b"", b"\0", b"\xff", b"a", b"abcdefg", "é".encode(), "\N{ROCKET}".encode(), b"x" * 97]
    made: list[dict[bytes, bytes]] = []
    with emptied(kind) as client:
        for number in range(200):
            fields = {
                b"%d" % one + b"".join(chance.choices(alphabet, k=2)): b"".join(chance.choices(alphabet, k=4))
                for one in range(chance.randint(1, 6))
            }
            made.append(fields | {b"last %d" % number: b"".join(chance.choices(alphabet, k=3))})
            client.xadd(TRADE_INTENTS, made[-1])  # type: ignore[arg-type]  # its type is invariant
        settings = SourceSettings(max_message_bytes=cap)
        async with opened(RedisSource(redis_url(kind), "a", STORE, settings)) as source:
            read = await everything(source)
            await source.acknowledge(read)
            assert [backlog.pending for backlog in await source.backlog()] == [0, 0]
    for delivery, fields in zip(read, made, strict=True):
        expected = from_fields(
            TRADE_INTENTS, delivery.entry_id, fields, origin=Origin.LIVE, max_bytes=cap,
            server=delivery.message.server,
        )  # fmt: skip
        assert delivery.message == expected
    assert 20 < sum(one.message.broken is not None for one in read) < 180


@in_event_loop
async def test_another_big_entry_that_got_the_same_id_is_not_acknowledged(kind: str) -> None:
    with emptied(kind) as client:
        client.xadd(TRADE_INTENTS, {"payload": b"x" * 100_000}, id="5-1")
        async with opened(RedisSource(redis_url(kind), "a", STORE)) as source:
            (first,) = await source.read(10, 0)
            client.delete(TRADE_INTENTS)
            client.xadd(TRADE_INTENTS, {"payload": b"x" * 100_001}, id="5-1")
            client.xgroup_create(TRADE_INTENTS, group_of(TRADE_INTENTS), "0")
            (another,) = await source.read(10, 0)
            await source.acknowledge([first])
            assert [backlog.pending for backlog in await source.backlog()] == [1, 0]
            await source.acknowledge([another])
            assert [backlog.pending for backlog in await source.backlog()] == [0, 0]


@contextmanager
def emptied(kind: str) -> Iterator[redis.Redis]:
    """Yield a client of a server that holds nothing, and empty it again: what was added is big."""
    with closing(redis.Redis.from_url(redis_url(kind))) as client:
        client.flushdb()
        yield client
        client.flushdb()


@contextmanager
def sent(client: Any) -> Iterator[Callable[[], int]]:
    """Yield what tells how many bytes the server has sent since."""

    def now() -> int:
        return int(client.info("stats")["total_net_output_bytes"])

    before = now()
    yield lambda: now() - before


@asynccontextmanager
async def opened(source: RedisSource) -> AsyncIterator[RedisSource]:
    try:
        await source.open()
        yield source
    finally:
        await source.close()


async def everything(source: RedisSource) -> list[Delivery]:
    """Read until there is nothing left."""
    taken: list[Delivery] = []
    while page := await source.read(256, 0):
        taken += page
    return taken
