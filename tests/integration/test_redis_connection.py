"""What is relied on about connections to Redis: bounded waits, no command sent twice, errors told apart."""

import asyncio
import os
import signal

import pytest
import redis

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import PublisherUnavailable
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.infrastructure.redis.connection import (
    BLOCK_MARGIN_S,
    BLOCK_MAX_S,
    answering,
    connect,
    connect_for_blocking,
)
from exitbrain.infrastructure.redis.publisher import RedisPublisher
from exitbrain.infrastructure.redis.source import RedisSource, SourceSettings
from tests.event_loop import in_event_loop
from tests.names import EVENTS, STORE, TRADE_INTENTS
from tests.own_time import LIVENESS_S
from tests.servers import REDIS_KINDS, RedisServer, redis_url
from tests.world import at

pytestmark = pytest.mark.integration

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize("given", ["0.5", "1", "3.9"])
def test_a_blocking_client_that_would_give_up_before_the_server_is_refused(given: str) -> None:
    with pytest.raises(
        ValueError, match=r"socket_timeout of the Redis URL is .*; allowed: at least 4.0 seconds"
    ):
        RedisSource(f"redis://127.0.0.1:6379/0?socket_timeout={given}", "a", STORE)


def test_a_blocking_client_waits_longer_than_the_server_and_not_for_ever() -> None:
    for url in (
        "redis://127.0.0.1:6379/0",
        "unix:///tmp/redis.sock",
        "redis://localhost/0?socket_timeout=30",
    ):
        timeout = connect_for_blocking(url).connection_pool.connection_kwargs["socket_timeout"]
        assert BLOCK_MAX_S + BLOCK_MARGIN_S <= timeout <= 30


def test_no_client_sends_a_command_twice_by_itself_whatever_the_url_says() -> None:
    client = connect("redis://127.0.0.1:6379/0?retry_on_timeout=yes&protocol=3&health_check_interval=1")
    settings = client.connection_pool.connection_kwargs
    assert settings["retry"].get_retries() == 0
    assert (settings["protocol"], settings["health_check_interval"], settings["decode_responses"]) == (
        2,
        0,
        False,
    )


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        RedisPublisher("http://127.0.0.1")


@in_event_loop
async def test_a_server_that_is_not_there_is_unavailable() -> None:
    source, publisher = RedisSource(NOWHERE, "a", STORE), RedisPublisher(NOWHERE)
    for question in (source.open(), source.read(1, 0), source.backlog(), source.reclaim(1), source.reap()):
        with pytest.raises(SourceUnavailable, match="Redis is not available: "):
            await question
    for asked in (publisher.published(EVENTS), publisher.publish(EVENTS, [], after=None, upto=at(1))):
        with pytest.raises(PublisherUnavailable, match="Redis is not available: "):
            await asked
    await source.close()
    await publisher.close()


@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_a_server_that_stops_answering_is_noticed_within_the_timeout(kind: str) -> None:
    server = RedisServer(kind)
    source = RedisSource(server.url, "a", STORE, SourceSettings(timeout_s=2.0))
    publisher = RedisPublisher(server.url, timeout_s=2.0)
    await source.open()
    assert await source.read(10, 0.01) == []
    await publisher.publish(EVENTS, [], after=None, upto=at(1))
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(SourceUnavailable, match=r"no answer within 2.0 s"):
        await source.read(10, 0.2)
    with pytest.raises(PublisherUnavailable, match=r"no answer within 2.0 s"):
        await publisher.publish(EVENTS, [], after=at(1), upto=at(2))
    os.kill(server.pid, signal.SIGCONT)
    assert await source.read(10, 0) == []
    await source.close()
    await publisher.close()
    server.stop()


@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_a_wait_on_the_server_that_is_never_answered_is_noticed(kind: str) -> None:
    server = RedisServer(kind)
    source = RedisSource(server.url, "a", STORE, SourceSettings(timeout_s=2.0))
    await source.open()
    reading = asyncio.create_task(source.read(10, 0.5))
    with redis.Redis.from_url(server.url) as client:
        while not client.info("clients")["blocked_clients"]:
            await asyncio.sleep(0.01)
    os.kill(server.pid, signal.SIGSTOP)
    with pytest.raises(SourceUnavailable):
        await asyncio.wait_for(reading, LIVENESS_S)
    os.kill(server.pid, signal.SIGCONT)
    await source.close()
    server.stop()


@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_wrong_credentials_do_not_pass_by_waiting(kind: str) -> None:
    server = RedisServer(kind, "--requirepass", "right")
    source = RedisSource(f"{server.url}?password=wrong", "a", STORE)
    with pytest.raises(StreamsUnusable, match="WRONGPASS invalid username-password pair"):
        await source.open()
    await source.close()
    server.stop()


@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_a_key_of_another_type_does_not_pass_by_waiting(kind: str) -> None:
    with redis.Redis.from_url(redis_url(kind)) as client:
        client.flushdb()
        client.set(TRADE_INTENTS, "text")
    source = RedisSource(redis_url(kind), "a", STORE)
    with pytest.raises(StreamsUnusable, match=f"the key {TRADE_INTENTS} is of another type: WRONGTYPE"):
        await source.open()
    await source.close()


@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_what_a_server_can_not_do_now_it_may_do_later(kind: str) -> None:
    server = RedisServer(kind)
    source = RedisSource(server.url, "a", STORE, SourceSettings(reap_idle_s=0, reclaim_idle_s=0))
    publisher = RedisPublisher(server.url)
    await source.open()
    await publisher.publish(EVENTS, [], after=None, upto=at(1))
    with redis.Redis.from_url(server.url) as client:
        client.xadd(TRADE_INTENTS, {"name": "1"})
        assert len(await source.read(10, 0)) == 1
        client.replicaof("127.0.0.1", 1)  # as after a fail-over: this one may not be written to any more
        for question in (source.read(1, 0), source.reclaim(1), source.open()):
            with pytest.raises(SourceUnavailable):
                await question
        with pytest.raises(PublisherUnavailable):
            await publisher.publish(EVENTS, [], after=at(1), upto=at(2))
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", 1)
        with pytest.raises(PublisherUnavailable):
            await publisher.publish(EVENTS, [], after=at(1), upto=at(2))
        client.config_set("maxmemory", 0)
    assert await publisher.publish(EVENTS, [], after=at(1), upto=at(2)) == at(2)
    await source.close()
    await publisher.close()
    server.stop()


@in_event_loop
async def test_a_cancellation_stays_a_cancellation() -> None:
    async def wait_for_ever() -> None:
        async with answering(SourceUnavailable, 60):
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait_for_ever())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
