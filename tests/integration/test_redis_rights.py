"""The rights in docs/operations.md are what a worker needs: enough for all it does, and none of them for nothing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import Outgoing, PublishedPosition
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.domain.values import EntryId
from exitbrain.infrastructure.redis.places import RedisPlaces
from exitbrain.infrastructure.redis.publisher import RedisPublisher
from exitbrain.infrastructure.redis.rehearsal import rehearse
from exitbrain.infrastructure.redis.source import RedisSource, SourceSettings
from exitbrain.infrastructure.redis.trimming import trim_advice
from tests.architecture.source import ROOT
from tests.event_loop import in_event_loop
from tests.names import EVENTS, INCOMING, LEASE, NAMES, PUBLISHED, STORE, TRADE_INTENTS, group_of
from tests.servers import REDIS_KINDS, RedisServer
from tests.world import THIS

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
(SHOWN,) = re.findall(r"<!-- tested: acl -->\n```text\n(.*?)```", PAGE, re.DOTALL)
COMMAND = SHOWN.split()
ITEMS = [item for item in COMMAND if item.startswith(("~", "+"))]


@contextmanager
def given_rights(kind: str, without: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the URL of a user with the rights of the page, less one, and a client that may do everything."""
    server = RedisServer(kind)
    try:
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            client.execute_command(*[item for item in COMMAND if item != without])
            yield server.url.replace("unix://", "unix://exitbrain:PASSWORD@"), client
    finally:
        server.stop()


@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_a_worker_with_these_rights_reads_acknowledges_reclaims_reaps_and_publishes(kind: str) -> None:
    with given_rights(kind) as (url, client):
        await rehearse(url, NAMES)
        another = RedisSource(url, "another", STORE)
        await another.open()
        client.xadd(TRADE_INTENTS, {"payload": "1"})
        assert len(await another.read(1, 0)) == 1
        client.delete(LEASE)

        settings = SourceSettings(reclaim_idle_s=0, reap_idle_s=0)
        source, publisher = RedisSource(url, "worker", STORE, settings), RedisPublisher(url)
        await source.open()
        (delivery,) = await source.read(1, 0.01)
        assert await source.reclaim(1)
        await source.acknowledge([delivery])
        assert await source.read(1, 0.01) == []
        assert [backlog.pending for backlog in await source.backlog()] == [0, 0]
        assert await source.reap() == ["another"]
        for stream in PUBLISHED:
            assert await publisher.published(stream) is None
            upto = PublishedPosition(THIS, 1)
            await publisher.publish(stream, [Outgoing(stream, {"a": "b"}, 1)], after=None, upto=upto)
        assert client.xlen(EVENTS) == 1
        assert set(await trim_advice(url, NAMES)) == set(INCOMING)
        places = RedisPlaces(url, NAMES, STORE)
        for place in await places.places():
            assert [page async for page in places.back_from(place)]
            assert await places.go_back(place, EntryId(0, 0))
            await places.begin_at(place)
        for one in (source, publisher, another, places):
            await one.close()
        assert not client.exists(LEASE)


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_each_right_is_needed_and_its_absence_is_found_by_a_rehearsal(kind: str, item: str) -> None:
    with given_rights(kind, without=item) as (url, _):
        with pytest.raises(StreamsUnusable, match="NOPERM") as refused:
            await rehearse(url, NAMES)
        command = item[1:].split("|", maxsplit=1)[0]
        said = str(refused.value)
        assert command in said if item.startswith("+") else re.search(r"right to the key (\S+):", said), said


@pytest.mark.parametrize("kind", REDIS_KINDS)
@in_event_loop
async def test_a_rehearsal_changes_nothing(kind: str) -> None:
    with given_rights(kind) as (url, client):
        await rehearse(url, NAMES)
        assert client.keys("*") == []

        source = RedisSource(url, "worker", STORE)
        await source.open()
        client.xadd(TRADE_INTENTS, {"payload": "1"})
        await source.read(1, 0)
        client.pexpire(LEASE, 60_000)
        for stream in PUBLISHED:
            client.xgroup_create(stream, "reader", mkstream=True)
        before = seen(client)
        await rehearse(url, NAMES)
        assert seen(client) == before
        client.delete(LEASE)
        await rehearse(url, NAMES)
        assert not client.exists(LEASE)
        await source.close()


@in_event_loop
async def test_a_rehearsal_tells_what_may_pass_from_what_does_not() -> None:
    with given_rights("current") as (url, client):
        client.config_set("maxmemory", 1)
        with pytest.raises(SourceUnavailable, match="OOM"):
            await rehearse(url, NAMES)


def seen(client: Any) -> dict[str, Any]:
    """Return all that anybody can see of the streams, groups and keys, apart from the passing of time."""
    streams = {key: client.xinfo_stream(key, full=True) for key in (*INCOMING, *PUBLISHED)}
    for facts in streams.values():
        for group in facts["groups"]:
            for consumer in group["consumers"]:
                consumer.pop("active-time", None)
    consumers = [one["name"] for one in client.xinfo_consumers(TRADE_INTENTS, group_of(TRADE_INTENTS))]
    return {
        "keys": sorted(client.keys("*")),
        "streams": streams,
        "consumers": consumers,
        "turn": client.get(LEASE),
    }
