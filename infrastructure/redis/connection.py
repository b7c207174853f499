"""Connections to Redis: every wait is bounded, no command is sent twice, and passing errors are told apart.

A command whose reply was lost may have been done. Only who asked can know whether it may be asked again, so the
client never does so by itself.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis import exceptions
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import PublisherUnavailable

COMMAND_TIMEOUT_S = 2.5
"""How long one command may take; a connection that is open on our side only is noticed after so long."""

BLOCK_MAX_S = 1.0
"""How long a read may wait on the server."""

BLOCK_MARGIN_S = 3.0
"""How much longer the socket must wait than the server, or the client takes a quiet stream for a dead one."""

_PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.InvalidResponse,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.NoScriptError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
    OSError,
)
_FOR_GOOD = (exceptions.AuthenticationError, exceptions.AuthorizationError)
# Codes without a class of their own, or told inside the error of a script.
_PASSING_CODES = {
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOGROUP",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
}
_CODE = re.compile(r"(?:^|: -?)([A-Z]+)(?= )")


def connect(url: str) -> Redis:
    """Return a client for a URL (redis, rediss, unix), bytes in and out. Raises ValueError for any other."""
    address: dict[str, Any] = {**parse_url(url)}
    preferred: dict[str, Any] = {
        "socket_connect_timeout": COMMAND_TIMEOUT_S,
        "socket_timeout": BLOCK_MAX_S + BLOCK_MARGIN_S,
    }
    if "path" not in address:
        preferred["socket_keepalive"] = True
    relied_on = {
        "decode_responses": False,
        "health_check_interval": 0,
        "protocol": 2,  # one shape of every reply, from 6.2 to the newest
        "retry": Retry(NoBackoff(), 0),
    }
    return Redis.from_pool(ConnectionPool(**{**preferred, **address, **relied_on}))


def connect_for_blocking(url: str) -> Redis:
    """Return a client whose reads may wait on the server for up to `BLOCK_MAX_S`.

    Raises ValueError when its socket would give up sooner: such a client reconnects and asks again without a word.
    """
    client = connect(url)
    allowed = BLOCK_MAX_S + BLOCK_MARGIN_S
    given = client.connection_pool.connection_kwargs.get("socket_timeout")
    if given is None or given < allowed:
        raise ValueError(f"socket_timeout of the Redis URL is {given}; allowed: at least {allowed} seconds")
    return client


@asynccontextmanager
async def answering(
    unavailable: type[SourceUnavailable] | type[PublisherUnavailable], timeout_s: float
) -> AsyncIterator[None]:
    """Bound the time of a question to the server, and raise `unavailable` for whatever can pass."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except (exceptions.RedisError, OSError) as error:
        if not can_pass(error):
            raise
        why = str(error) or f"no answer within {timeout_s} s"
        raise unavailable(f"Redis is not available: {why}") from error


def can_pass(error: exceptions.RedisError | OSError) -> bool:
    """Return whether asking later may succeed; wrong credentials and wrong types of keys stay wrong."""
    # A client that is turned away while it connects wraps the reason in a ConnectionError.
    if isinstance(error, _FOR_GOOD) or isinstance(error.__cause__, _FOR_GOOD):
        return False
    return isinstance(error, _PASSING) or code_of(error) in _PASSING_CODES


def code_of(error: exceptions.RedisError | OSError) -> str:
    """Return the code of an error that the server answered with, also from within a script; empty when none."""
    codes = _CODE.findall(str(error))
    return str(codes[-1]) if codes else ""
