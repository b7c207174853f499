"""RedisPublisher under losses: of replies, of scripts, of the newest data."""

import asyncio
from typing import Any

import pytest
import redis

from exitbrain.application.ports.publisher import Outgoing, PublisherUnavailable
from exitbrain.infrastructure.redis.publisher import CHUNK_MAX, RedisPublisher
from tests.event_loop import in_event_loop
from tests.faults.processes.proxy import Fault
from tests.integration.redis_behind_proxy import behind_proxy
from tests.names import EVENTS
from tests.servers import REDIS_KINDS, RedisServer, as_cluster
from tests.world import at

pytestmark = [pytest.mark.integration, pytest.mark.parametrize("kind", REDIS_KINDS)]


@in_event_loop
async def test_entries_are_published_once_although_the_reply_was_lost(kind: str) -> None:
    server = RedisServer(kind)
    with behind_proxy(server) as (proxy, url):
        publisher = RedisPublisher(url)
        await publisher.publish(EVENTS, entries(1), after=None, upto=at(1))
        proxy.fault = Fault.SWALLOW
        with pytest.raises(PublisherUnavailable):
            await publisher.publish(EVENTS, entries(2, 3), after=at(1), upto=at(3))
        proxy.fault = Fault.NONE
        assert published(server) == ([1, 2, 3], 3)  # the server had done it
        assert await publisher.publish(EVENTS, entries(2, 3), after=at(1), upto=at(3)) == at(3)
        await publisher.close()
    assert published(server) == ([1, 2, 3], 3)
    server.stop()


@in_event_loop
async def test_a_stretch_that_was_cut_between_two_positions_goes_on_from_there(kind: str) -> None:
    server = RedisServer(kind)
    # Three entries at each position: the first chunk is longer than the rest, and ends between two positions.
    stretch = entries(*(position for position in range(2, 100) for _ in range(3)))
    with behind_proxy(server) as (proxy, url):
        publisher = RedisPublisher(url)
        await publisher.publish(EVENTS, entries(1), after=None, upto=at(1))
        proxy.fault = Fault.SWALLOW
        with pytest.raises(PublisherUnavailable):
            await publisher.publish(EVENTS, stretch, after=at(1), upto=at(120))
        proxy.fault = Fault.NONE
        positions, reached = published(server)
        assert CHUNK_MAX <= len(positions) - 1 <= CHUNK_MAX + 2
        assert positions[1:] == [one.log_position for one in stretch if one.log_position <= reached]
        assert await publisher.publish(EVENTS, stretch, after=at(1), upto=at(120)) == at(120)
        await publisher.close()
    assert published(server) == ([1, *(one.log_position for one in stretch)], 120)
    server.stop()


@in_event_loop
async def test_the_first_entries_of_a_stream_are_published_in_one_step(kind: str) -> None:
    server = RedisServer(kind)
    first = entries(*range(1, 4 * CHUNK_MAX))
    publisher = RedisPublisher(server.url)
    with redis.Redis.from_url(server.url) as client, client.monitor() as monitor:
        assert await publisher.publish(EVENTS, first, after=None, upto=at(500)) == at(500)
        client.echo("end")
        commands = []
        while "ECHO" not in (command := monitor.next_command()["command"].upper()):
            commands.append(command)
    assert (
        len([command for command in commands if "EVALSHA" in command]) <= 2
    )  # the script was not known at first
    assert published(server) == ([one.log_position for one in first], 500)
    await publisher.close()
    server.stop()


@in_event_loop
async def test_a_server_that_forgot_the_script_learns_it_again(kind: str) -> None:
    server = RedisServer(kind)
    publisher = RedisPublisher(server.url)
    await publisher.publish(EVENTS, entries(1), after=None, upto=at(1))
    with redis.Redis.from_url(server.url) as client:
        client.script_flush()
    assert await publisher.publish(EVENTS, entries(2), after=at(1), upto=at(2)) == at(2)
    await publisher.close()
    assert published(server) == ([1, 2], 2)
    server.stop()


@in_event_loop
async def test_entries_and_position_survive_a_killed_server_together(kind: str) -> None:
    server = RedisServer(kind, append_only=True)
    publisher = RedisPublisher(server.url)
    await publisher.publish(EVENTS, entries(1, 2), after=None, upto=at(2))
    server.kill()
    with pytest.raises(PublisherUnavailable):
        await publisher.publish(EVENTS, entries(3), after=at(2), upto=at(3))
    server.start()
    assert await publisher.publish(EVENTS, entries(3), after=at(2), upto=at(3)) == at(3)
    await publisher.close()
    assert published(server) == ([1, 2, 3], 3)
    server.stop()


@in_event_loop
async def test_what_a_server_lost_is_published_again_and_no_more(kind: str) -> None:
    server = RedisServer(kind, append_only=True)
    publisher = RedisPublisher(server.url)
    await publisher.publish(EVENTS, entries(1, 2), after=None, upto=at(2))
    older = server.copy_data()
    await publisher.publish(EVENTS, entries(3, 4), after=at(2), upto=at(4))
    server.go_back_to(older)
    with pytest.raises(PublisherUnavailable):  # the connection was that of the server before
        await publisher.publish(EVENTS, entries(5), after=at(4), upto=at(5))
    reached = await publisher.publish(EVENTS, entries(5), after=at(4), upto=at(5))
    assert reached == at(2)
    assert await publisher.publish(EVENTS, entries(3, 4, 5), after=reached, upto=at(5)) == at(5)
    await publisher.close()
    assert published(server) == ([1, 2, 3, 4, 5], 5)
    server.stop()


@in_event_loop
async def test_stream_and_position_share_the_slot_of_a_cluster(kind: str) -> None:
    server = RedisServer(kind, *as_cluster())
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            await asyncio.sleep(0.02)
    publisher = RedisPublisher(server.url)
    assert await publisher.publish(EVENTS, entries(1), after=None, upto=at(1)) == at(1)
    await publisher.close()
    server.stop()


def entries(*log_positions: int) -> list[Outgoing]:
    return [Outgoing(EVENTS, {"position": str(position)}, position) for position in log_positions]


def published(server: RedisServer) -> tuple[list[int], int]:
    """Return the log positions of what is in the stream, and the position that it says itself."""
    with redis.Redis.from_url(server.url, protocol=2) as client:
        positions = [int(fields[b"position"]) for _, fields in client.xrange(EVENTS)]
        said: Any = client.get(f"{{{EVENTS}}}:published") or b"::0"
        return positions, int(said.rpartition(b":")[2])
