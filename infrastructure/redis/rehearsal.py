"""Rehearse what a worker does with Redis, without any visible change.

Redis checks rights before arguments, so a command with an invalid argument shows whether it is allowed and
does nothing. Scripts stop at once: they get an unused consumer name and nothing to do. They are loaded as a
worker loads them, which leaves no visible trace.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, answering, connect
from exitbrain.infrastructure.redis.dead_letters import LETTERS
from exitbrain.infrastructure.redis.errors import code_of, trouble_of
from exitbrain.infrastructure.redis.place_scripts import GO_BACK, LOOK_BACK, PLACE
from exitbrain.infrastructure.redis.publisher import LOOK, NEWEST, PUBLISH
from exitbrain.infrastructure.redis.scripts import (
    ACKNOWLEDGE,
    BACKLOG,
    LOOK_AT_LEASE,
    READ,
    REAP,
    RECLAIM,
    RELEASE,
    TAKE_OVER,
)
from exitbrain.infrastructure.wire.stream_names import Names, published_key

NEVER_MS = 2**53
"""So long nothing has been idle."""

NO_NUMBER = "none"
_NO_ENTRY = ("+", "+", "COUNT", 1)
"""A range without an entry: one may be of any size."""

_NOTHING = b"\x90"
"""An empty array, as entries come to the script that publishes."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A command or, with `script`, a script, and the keys that it is about."""

    keys: Sequence[str]
    arguments: Sequence[str | bytes | int]
    script: str = ""


async def rehearse(url: str, names: Names) -> str:
    """Try everything that a worker asks, and return the version of the server.

    Raises StreamsUnusable for the first thing that a worker could not do, SourceUnavailable, BadRedisUrl.
    """
    nobody = f"rehearsal-{uuid4()}"
    probes = (
        *_of_keys(names, nobody),
        *_of_incoming(names, nobody),
        *_of_outgoing(names),
        *_of_scripts(names, nobody),
    )
    async with connect(url) as client:
        async with answering(SourceUnavailable, COMMAND_TIMEOUT_S):
            version = str((await client.info("server"))["redis_version"])
        for probe in probes:
            await _go_through(client, probe)
    return version


async def _go_through(client: Redis, probe: Probe) -> None:
    try:
        async with answering(SourceUnavailable, COMMAND_TIMEOUT_S, *probe.keys):
            try:
                await _ask(client, probe)
            except RedisError as error:
                if code_of(error) != "NOGROUP":  # it is made with the first start of a worker
                    raise
    except RedisError as error:
        # Neither passing nor lasting: it is about the argument that cannot be, so the command is allowed.
        if trouble_of(error, timeout_s=COMMAND_TIMEOUT_S).passes is not None:
            raise


async def _ask(client: Redis, probe: Probe) -> None:
    if probe.script:
        await client.script_load(probe.script)
        await client.register_script(probe.script)(keys=list(probe.keys), args=list(probe.arguments))
    else:
        await client.execute_command(*probe.arguments)  # type: ignore[no-untyped-call]  # it takes any command


def _of_keys(names: Names, nobody: str) -> Iterator[Probe]:
    """All keys, then the lease, the wait for its streams, and the keys beside it and beside the groups that name the store."""
    lease = names.lease
    yield Probe([], ["TIME"])
    yield from (Probe([key], ["TYPE", key]) for key in names.types)
    yield Probe([lease], ["PTTL", lease])
    yield Probe([lease], ["PEXPIRE", lease, NO_NUMBER])
    yield Probe([lease], ["CLIENT", "REPLY", NO_NUMBER])
    for key in (lease, names.store_of_lease, *map(names.store_of_group, names.incoming)):
        yield Probe([key], ["GET", key])
        yield Probe([key], ["SET", key, nobody, "NX", "XX"])


def _of_incoming(names: Names, nobody: str) -> Iterator[Probe]:
    for stream in names.incoming:
        group = names.group_of(stream)
        asked: list[list[str | int]] = [
            ["XRANGE", stream, *_NO_ENTRY],
            ["XREVRANGE", stream, *_NO_ENTRY],
            ["XREAD", "COUNT", 1, "STREAMS", stream, "$"],
            ["XGROUP", "CREATE", stream, group, NO_NUMBER, "MKSTREAM"],
            ["XGROUP", "SETID", stream, group, NO_NUMBER],
            ["XGROUP", "DELCONSUMER", stream, group, nobody],
            ["XINFO", "GROUPS", stream],
            ["XINFO", "STREAM", stream, "FULL", "COUNT", NO_NUMBER],
            ["XINFO", "CONSUMERS", stream, group],
            ["XREADGROUP", "GROUP", group, nobody, "COUNT", NO_NUMBER, "STREAMS", stream, ">"],
            ["XPENDING", stream, group],
            ["XCLAIM", stream, group, nobody, NO_NUMBER, "0-0"],
            ["XACK", stream, group, "0-0"],
        ]
        yield from (Probe([stream], [*arguments]) for arguments in asked)


def _of_outgoing(names: Names) -> Iterator[Probe]:
    for stream in names.published:
        position = published_key(stream)
        yield Probe([stream], ["XRANGE", stream, *_NO_ENTRY])
        yield Probe([stream], ["XADD", stream, NO_NUMBER, "name", "value"])
        yield Probe([position], ["GET", position])
        yield Probe([position], ["SET", position, "", "NX", "XX"])


def _of_scripts(names: Names, nobody: str) -> Iterator[Probe]:
    lease, store = names.lease, names.store_of_lease
    groups = [part for stream in names.incoming for part in (names.group_of(stream), ">")]
    yield Probe([lease, store, *names.incoming], [nobody, 1, 1, nobody, 1, *groups], READ)
    yield Probe([lease], [nobody], RELEASE)
    yield Probe([lease, *names.incoming], [nobody, "", NEVER_MS, *groups[::2]], LOOK_AT_LEASE)
    for stream in names.incoming:
        group, keys = names.group_of(stream), [lease, stream, store, names.store_of_group(stream)]
        yield Probe(keys, [nobody, NO_NUMBER, group, "0-0", 1, nobody], TAKE_OVER)
        yield Probe(keys, [group, nobody, NEVER_MS, 1, nobody, 1], RECLAIM)
        yield Probe([stream], [group, 1, "0-0", ""], ACKNOWLEDGE)
        yield Probe([stream], [group], BACKLOG)
        yield Probe([stream], [group], PLACE)
        yield Probe([stream], [group, nobody, NEVER_MS], REAP)
        yield Probe([stream], [group, "0-0", "0-0", 1, "0-1", 1], LOOK_BACK)
        yield Probe([stream], [group, nobody, "0-0"], GO_BACK)
    for stream in names.published:
        yield Probe([stream], ["+", 1], LETTERS)
        yield Probe([stream, published_key(stream)], [], LOOK)
        yield Probe([stream], [], NEWEST)
        yield Probe([stream, published_key(stream)], [nobody, "", _NOTHING], PUBLISH)
