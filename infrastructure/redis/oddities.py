"""Report, without changing anything, what other clients have changed beside the streams.

A worker detects each of these itself, logs it and repairs what it can.
"""

from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import PublishedPosition
from exitbrain.domain.store import StoreIdentity
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, answering, connect
from exitbrain.infrastructure.redis.publisher import RedisPublisher
from exitbrain.infrastructure.redis.source import LEASE_MAX_S
from exitbrain.infrastructure.wire.stream_entry import id_in_numbers
from exitbrain.infrastructure.wire.stream_names import Names

NO_EXPIRY = -1


async def of_lease_and_groups(url: str, names: Names) -> list[str]:
    """Return what is odd about the lease and the groups. Raises SourceUnavailable, StreamsUnusable."""
    async with answering(SourceUnavailable, COMMAND_TIMEOUT_S), connect(url) as client:
        groups = {stream: await _group(client, names, stream) for stream in names.incoming}
        return [
            *[said async for said in _of_lease(client, names)],
            *[said for stream, facts in groups.items() if (said := _of_group(stream, facts))],
        ]


async def of_positions(url: str, names: Names, store: StoreIdentity) -> list[str]:
    """Return what is odd about the published positions of a store. Raises PublisherUnavailable, StreamsUnusable."""
    publisher = RedisPublisher(url)
    try:
        found = []
        for stream in names.published:
            newest, said = await publisher.newest(stream), await publisher.published(stream)
            if newest is None or newest.store != store:
                continue
            if said is None:
                found.append(
                    f"{stream} has lost its published position; serve goes on after that of its newest entry,"
                    f" log position {newest.position}"
                )
            elif isinstance(said, PublishedPosition) and said.position < newest.position:
                found.append(
                    f"{stream} says log position {said.position} and holds an entry of {newest.position}; what is in"
                    f" between is published again"
                )
        return found
    finally:
        await publisher.close()


async def _of_lease(client: Redis, names: Names) -> AsyncIterator[str]:
    kind: Any = await client.type(names.lease)
    if kind not in {b"none", b"string"}:
        yield f"the lease {names.lease} is a {kind.decode()}; the next worker that takes the lease sets it anew"
        return
    said: Any = await client.get(names.lease)
    if said is None:
        return
    holder, left_ms = said.decode("utf-8", "backslashreplace"), await client.pttl(names.lease)
    if left_ms == NO_EXPIRY or left_ms > 1000 * LEASE_MAX_S:
        yield f"the lease {names.lease} has no end within {LEASE_MAX_S:.0f} s, held by {holder}; a worker that stands by ends it"
    if not any([await _knows(client, names, stream, said) for stream in names.incoming]):
        yield f"the lease {names.lease} is held by {holder}, which is no consumer of the groups"


async def _knows(client: Redis, names: Names, stream: str, consumer: bytes) -> bool:
    try:
        consumers: list[dict[str, Any]] = await client.xinfo_consumers(stream, names.group_of(stream))
    except ResponseError:  # there is no such group yet
        return False
    return consumer in {one["name"] for one in consumers}


async def _group(client: Redis, names: Names, stream: str) -> tuple[str, str] | None:
    """Return the id that a group says it has delivered, and the newest that its stream ever gave."""
    try:
        groups: list[dict[str, Any]] = await client.xinfo_groups(stream)
        facts: dict[str, Any] = await client.xinfo_stream(stream)
    except ResponseError:  # there is no such stream yet
        return None
    ours = names.group_of(stream).encode()
    for group in groups:
        if group["name"] == ours:
            return str(group["last-delivered-id"], "ascii"), str(facts["last-generated-id"], "ascii")
    return None


def _of_group(stream: str, facts: tuple[str, str] | None) -> str:
    if facts is None or id_in_numbers(facts[0]) <= id_in_numbers(facts[1]):
        return ""
    return f"the group of {stream} is set to {facts[0]}, and the stream ends at {facts[1]}; serve sets it back when it starts"
