"""Read the location of a PostgreSQL store from its URL."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote, unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo as Libpq

from exitbrain.application.ports.exit_ledger import BadStoreUrl
from exitbrain.infrastructure.urls import PERCENT_ENCODE, Parts, parts_of

CONNECT_TIMEOUT_S = 5
PUBLIC = "public"
SCHEMA = "schema"
SCHEMA_BYTES = 63
"""The server cuts longer names off."""

SCHEMA_ALLOWED = f"1 to {SCHEMA_BYTES} bytes of printable characters other than %"

Conninfo = Mapping[str, Any]

_ALLOWED = (
    "the store is not a PostgreSQL URL that can be read; allowed: "
    f"postgresql://USER:PASSWORD@HOST:PORT/DATABASE?schema=SCHEMA; {PERCENT_ENCODE}"
)

# Options for debugging are not for a store; `ssl=true` is another way to write sslmode=require.
_OF_LIBPQ = {option.keyword.decode(): option.dispchar for option in Libpq.get_defaults()}
_PARAMETERS = sorted({SCHEMA, "ssl", *(name for name, kind in _OF_LIBPQ.items() if kind != b"D")})
_SECRET = {name for name, kind in _OF_LIBPQ.items() if kind == b"*"}

# A connection that died without a word is noticed in some ten seconds, not in hours.
_LIVENESS: Conninfo = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}

# Whatever PGCLIENTENCODING, the URL or the server's defaults say: with another the driver returns bytes for text, or
# cannot send what we compare with.
_ENCODING: Conninfo = {"client_encoding": "UTF8"}


@dataclass(frozen=True, slots=True)
class Address:
    """How a database is reached, and the schema in it that holds the store."""

    conninfo: Conninfo
    schema: str

    @property
    def name(self) -> str:
        """Return where the store is, without who asks: a URL may hold a password in many places."""
        host, database = self.conninfo.get("host", ""), self.conninfo.get("dbname", "")
        port = f":{self.conninfo['port']}" if "port" in self.conninfo else ""
        schema = "" if self.schema == PUBLIC else f"?{SCHEMA}={quote(self.schema, safe='')}"
        return f"store postgresql://{host}{port}/{database}{schema}"


def address_of(url: str) -> Address:
    """Read a store URL; raises BadStoreUrl, which says what is wrong with it and shows no password."""
    # Neither the text of the library's error nor the parts it would take for a host may be shown: they may hold the
    # password.
    parts = parts_of(url)
    if parts is None:
        raise BadStoreUrl(_ALLOWED)
    _check_parameters(parts.parameters)
    schema = unquote(dict(parts.parameters).get(SCHEMA, PUBLIC))
    if not can_be_schema(schema):
        raise BadStoreUrl(f"schema {schema!r} in the store URL cannot be; allowed: {SCHEMA_ALLOWED}")
    try:
        conninfo = conninfo_to_dict(_without_schema(url, parts))
    except psycopg.Error:
        raise BadStoreUrl(_ALLOWED) from None
    return Address({**_LIVENESS, **conninfo, **_ENCODING}, schema)


def can_be_schema(name: str) -> bool:
    """Return whether a schema of that name can hold a store."""
    # The driver takes % in a statement for the place of a value.
    return bool(name) and "%" not in name and name.isprintable() and len(name.encode()) <= SCHEMA_BYTES


def _check_parameters(parameters: tuple[tuple[str, str], ...]) -> None:
    for place, (name, _) in enumerate(parameters):
        if name in _PARAMETERS:
            continue
        # A password with a raw & goes on as the next parameter, and one with a raw / and ? before an @ as the first.
        before = {earlier for earlier, _ in parameters[:place]}
        if before & _SECRET or any("@" in value for _, value in parameters):
            raise BadStoreUrl(
                f"unknown parameter in the store URL, perhaps part of a password; {PERCENT_ENCODE}"
            )
        close = get_close_matches(name, _PARAMETERS, n=1)
        meant = f"did you mean {close[0]}? allowed" if close else "allowed"
        raise BadStoreUrl(f"unknown parameter {name!r} in the store URL; {meant}: {', '.join(_PARAMETERS)}")


def _without_schema(url: str, parts: Parts) -> str:
    query = "&".join(f"{name}={value}" for name, value in parts.parameters)
    kept = "&".join(f"{name}={value}" for name, value in parts.parameters if name != SCHEMA)
    return url.removesuffix(query) + kept
