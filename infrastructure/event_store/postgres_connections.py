"""PostgreSQL connections that behave the same whatever the environment, role or database sets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from eventsourcing.persistence import DatabaseError, PersistenceError
from eventsourcing.postgres import ConnectionPool, PostgresDatastore
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import PoolTimeout

from exitbrain.infrastructure.event_store.postgres_address import Address
from exitbrain.infrastructure.event_store.postgres_errors import is_a_broken_rule, sentence

IDLE_IN_TRANSACTION_S = 5
CONNECTIONS_MAX = 4

# A name means what the server's own catalogue says, a read is never filtered behind our back, and a statement sees what
# was committed before it.
_SESSION = f"""
SET search_path = pg_catalog;
SET row_security = off;
SET default_transaction_isolation = 'read committed';
SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_S}s'
"""
_READ_ONLY = "; SET default_transaction_read_only = on"
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)


def prepare(connection: Connection[Any], *, read_only: bool) -> None:
    """Make the session of a connection in autocommit mode ours."""
    if read_only:
        connection.execute((_SESSION + _READ_ONLY).encode())
    else:
        connection.execute(_SESSION.encode())
        connection.execute(_DURABLE)


class _Pool(ConnectionPool[Connection[DictRow]]):
    """A pool that remembers why it could not connect: whoever waits for a connection is told only how long."""

    refused: psycopg.Error | None = None

    def _connect(self, timeout: float | None = None) -> Connection[DictRow]:
        try:
            connection = super()._connect(timeout)
        except psycopg.Error as e:
            self.refused = e
            raise
        self.refused = None
        return connection


class Datastore(PostgresDatastore):
    """The connections of one ledger. Errors are those of `eventsourcing.persistence`, with the whole reason."""

    pool: _Pool

    def __init__(
        self, address: Address, *, read_only: bool, lock_timeout_s: int, connect_timeout_s: int
    ) -> None:
        super().__init__(
            dbname="",
            host="",
            port="",
            user="",
            password="",
            lock_timeout=lock_timeout_s,
            enable_db_functions=False,
        )
        self.schema = address.schema  # the library would strip it
        # The library knows five of a connection's options; the URL may have more, and liveness needs some.
        # A read is one statement: a transaction around it would be two more questions to the server.
        self.pool = _Pool(
            connection_class=Connection[DictRow],
            kwargs={**address.conninfo, "row_factory": dict_row, "autocommit": True},
            min_size=1,
            max_size=CONNECTIONS_MAX,
            open=False,
            configure=_preparing(read_only=read_only),
            timeout=connect_timeout_s,
        )
        self.pool.open()  # a pool that was never open could be opened after it was closed

    def register_type_adapters(self) -> None:
        """Do nothing: the library's composite type is neither made nor used."""

    @contextmanager
    def get_connection(self) -> Iterator[Connection[DictRow]]:
        try:
            with super().get_connection() as connection:
                yield connection
        except PersistenceError as e:
            reason = e.__cause__ or e
            if isinstance(reason, PoolTimeout) and self.pool.refused is not None:
                reason = self.pool.refused
            # Whoever sees an IntegrityError decides again; that helps where a stream has moved on, and only there.
            kind = DatabaseError if is_a_broken_rule(reason) else type(e)
            raise kind(sentence(reason)) from e


def _preparing(*, read_only: bool) -> Callable[[Connection[Any]], None]:
    def configure(connection: Connection[Any]) -> None:
        prepare(connection, read_only=read_only)

    return configure
