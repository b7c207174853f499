"""Parse Redis URLs. An ambiguous URL is refused, and its password is never shown."""

import os
import re
from typing import Any
from urllib.parse import unquote

from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.exceptions import RedisError

from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.urls import PERCENT_ENCODE, Parts, parts_of

ALLOWED = (
    "redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// with TLS, unix://USER:PASSWORD@/PATH?db=DATABASE"
)

_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_PORT_MAX = 65_535


class BadRedisUrl(ExitBrainError, ValueError):
    """A text is not a Redis URL, or an ambiguous one; the sentence says how to write it."""


def address_of(url: str) -> dict[str, Any]:
    """Return the options of a client for a URL. Raises BadRedisUrl."""
    scheme = url.partition("://")[0]
    if scheme not in {"redis", "rediss", "unix"}:
        raise BadRedisUrl(f"the Redis URL has another scheme; allowed: {ALLOWED}")
    parts = parts_of(url)
    if parts is None:
        raise BadRedisUrl(f"the Redis URL is malformed or ambiguous; allowed: {ALLOWED}; {PERCENT_ENCODE}")
    _check(parts)
    try:
        address: dict[str, Any] = {**parse_url(_without_credentials(parts))}
    except ValueError as error:
        raise BadRedisUrl(f"the Redis URL cannot be used: {error}; {PERCENT_ENCODE}") from None
    address |= _credentials(parts)
    _check_options(address, may_name_one="password" not in dict(parts.parameters))
    return address


def _without_credentials(parts: Parts) -> str:
    """Return the URL without credentials, in which no character is ambiguous."""
    options = [f"{name}={value}" for name, value in parts.parameters if name not in {"username", "password"}]
    return f"{parts.scheme}://{parts.place}{parts.path}?{'&'.join(options)}"


def _check(parts: Parts) -> None:
    if not all(value for _, value in parts.parameters):
        raise BadRedisUrl(f"an option of the Redis URL has no value; {PERCENT_ENCODE}")
    if parts.scheme == "unix":
        if parts.place or len(parts.path) < 2:
            raise BadRedisUrl(
                f"the Redis URL names no path of a socket; allowed: {ALLOWED}; {PERCENT_ENCODE}"
            )
        return
    port = parts.place.rpartition(":")[2] if re.search(r":\d+$", parts.place) else "6379"
    if "," in parts.place or not 0 < int(port) <= _PORT_MAX:
        raise BadRedisUrl(f"the Redis URL needs one host, and a port up to {_PORT_MAX}; {PERCENT_ENCODE}")
    if not re.fullmatch(r"(/\d*)?", parts.path):
        raise BadRedisUrl(
            f"the database of the Redis URL is not a number; allowed: {ALLOWED}; {PERCENT_ENCODE}"
        )


def _credentials(parts: Parts) -> dict[str, str]:
    """Return user and password, decoded once; the client's own reading makes a blank of a + in an option."""
    options = dict(parts.parameters)
    given = {
        "username": parts.user or options.get("username", ""),
        "password": parts.password or options.get("password", ""),
    }
    return {name: unquote(text) for name, text in given.items() if text}


def _check_options(address: dict[str, Any], *, may_name_one: bool) -> None:
    for name in _FILES:
        path = address.get(name)
        if path is not None and not os.access(path, os.R_OK):
            raise BadRedisUrl(f"{name} of the Redis URL is {path}, which cannot be read")
    options = {name: value for name, value in address.items() if name not in _OF_POOL}
    kind = address.get("connection_class", Connection)
    try:
        connection = kind(**options)
        if isinstance(connection, SSLConnection):
            connection.ssl_context.get()
    except TypeError as error:
        unknown = re.search(r"argument ('\w+')", str(error))
        named = f" {unknown[1]}" if unknown and may_name_one else ""  # else it may be the rest of a password
        raise BadRedisUrl(
            f"the Redis URL has an option{named} that no client knows; {PERCENT_ENCODE}"
        ) from None
    except (RedisError, OSError, ValueError) as error:
        raise BadRedisUrl(f"the options of the Redis URL cannot be used: {error}") from None


_OF_POOL = {"connection_class", "max_connections"}
