"""Connect to Redis: every wait is bounded, no command is sent twice, and temporary errors are told apart.

A command whose reply was lost may have run. Only the caller knows whether it is safe to repeat, so the client
never repeats it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis
import redis.connection
import redis.retry
from redis import exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import Connection as AsyncConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import PublisherUnavailable
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.infrastructure.redis.address import BadRedisUrl, address_of
from exitbrain.infrastructure.redis.errors import trouble_of

COMMAND_TIMEOUT_S = 2.5
"""Timeout of one command; a half-open connection is noticed after this time."""

PATIENCE = 4
"""The largest factor by which a timeout grows after timeouts; see `Patience`."""

BLOCK_MAX_S = 1.0
"""How long a read may wait on the server."""

BLOCK_MARGIN_S = 3.0
"""How much longer the socket must wait than the server, or a quiet stream looks like a dead one."""


def connect(url: str) -> Redis:
    """Return a client for a URL (redis, rediss, unix), bytes in and out. Raises BadRedisUrl for any other.

    Whoever asks bounds the time of it with `answering`; the socket waits longer than that.
    """
    longest_s = PATIENCE * COMMAND_TIMEOUT_S + BLOCK_MARGIN_S
    return Redis.from_pool(ConnectionPool(**_made_with(url, longest_s), retry=Retry(NoBackoff(), 0)))


def connect_synchronously(url: str) -> redis.Redis:
    """Return a client like `connect`, for commands that ask one thing after another. Raises BadRedisUrl."""
    options = _made_with(url, COMMAND_TIMEOUT_S) | {"retry": redis.retry.Retry(NoBackoff(), 0)}
    kind = options.pop("connection_class", AsyncConnection)
    same_kind = getattr(redis.connection, kind.__name__)
    return redis.Redis.from_pool(redis.ConnectionPool(connection_class=same_kind, **options))


def _made_with(url: str, socket_timeout_s: float) -> dict[str, Any]:
    address = address_of(url)
    preferred: dict[str, Any] = {
        "socket_connect_timeout": COMMAND_TIMEOUT_S,
        "socket_timeout": socket_timeout_s,
    }
    if "path" not in address:
        preferred["socket_keepalive"] = True
    relied_on = {
        "decode_responses": False,
        "health_check_interval": 0,
        "protocol": 2,  # one shape of every reply, from 6.2 to the newest
    }
    return {**preferred, **address, **relied_on}


def connect_for_blocking(url: str) -> Redis:
    """Return a client whose reads may wait on the server for up to `BLOCK_MAX_S`.

    Raises BadRedisUrl when its socket would give up sooner: such a client reconnects and asks again without a word.
    """
    client = connect(url)
    allowed = BLOCK_MAX_S + BLOCK_MARGIN_S
    given = client.connection_pool.connection_kwargs.get("socket_timeout")
    if given is None or given < allowed:
        raise BadRedisUrl(f"socket_timeout of the Redis URL is {given}; allowed: at least {allowed} seconds")
    return client


class Patience:
    """The timeout of an answer: it doubles after each timeout, until `content` resets it.

    One big entry can take a busy server very long. With a fixed timeout a retry would never get past it.
    """

    def __init__(self, timeout_s: float) -> None:
        self._usual_s = self._timeout_s = timeout_s

    @asynccontextmanager
    async def answering(self, *keys: str, beyond_s: float = 0.0) -> AsyncIterator[None]:
        """Do as the function of this name does; `beyond_s` is how long the server was told to wait."""
        try:
            async with answering(SourceUnavailable, self._timeout_s + beyond_s, *keys):
                yield
        except SourceUnavailable as error:
            if isinstance(error.__cause__, TimeoutError | exceptions.TimeoutError):
                self._timeout_s = min(2 * self._timeout_s, PATIENCE * self._usual_s)
            raise

    def content(self) -> None:
        """Reset the timeout."""
        self._timeout_s = self._usual_s


@asynccontextmanager
async def answering(
    unavailable: type[SourceUnavailable] | type[PublisherUnavailable], timeout_s: float, *keys: str
) -> AsyncIterator[None]:
    """Limit the time of a command about keys, and raise `unavailable` for temporary errors.

    Raises StreamsUnusable for lasting errors; any other error stays as it is.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except (exceptions.RedisError, OSError) as error:
        trouble = trouble_of(error, timeout_s=timeout_s, keys=keys)
        if trouble.passes is None:
            raise
        raise (unavailable if trouble.passes else StreamsUnusable)(trouble.why) from error
