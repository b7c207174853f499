"""The recorder on PostgreSQL: one writer at a time, binary COPY, and no doubt about a lost commit."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from eventsourcing.domain import EventSourcingError
from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from psycopg import Connection, Cursor
from psycopg.errors import UndefinedTable
from psycopg.rows import TupleRow, tuple_row
from psycopg.sql import SQL, Identifier

from exitbrain.application.ports.exit_ledger import NoStore, Place, StoreUnavailable
from exitbrain.domain.identity import STORE_ID
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.postgres_address import CONNECT_TIMEOUT_S, Address, address_of
from exitbrain.infrastructure.event_store.postgres_connections import Datastore, prepare
from exitbrain.infrastructure.event_store.postgres_errors import sentence
from exitbrain.infrastructure.event_store.postgres_log import PostgresLog
from exitbrain.infrastructure.event_store.postgres_table import LOCK_TIMEOUT_S, TABLE, EventTable, has_table
from exitbrain.infrastructure.event_store.startup import NEWEST_ENTRIES, Glimpse, check

DB_FUNCTIONS = "POSTGRES_ENABLE_DB_FUNCTIONS"


def open_database(
    url: str,
    *,
    create: bool,
    read_only: bool = False,
    environ: Mapping[str, str],
    lock_timeout_s: int = LOCK_TIMEOUT_S,
    connect_timeout_s: int = CONNECT_TIMEOUT_S,
) -> StoredLedger:
    """Open the ledger in a database; with `create` its table may be missing, and is made with the first save.

    With `read_only` nothing can be saved, nothing is made or locked, and the right to read the table is enough.
    `environ` is only searched for the one switch of the event sourcing library that would lose events.
    Raises StoreUnavailable, and of that kind NoStore and BadStoreUrl.
    """
    _refuse_db_functions(environ)
    address = address_of(url)
    glimpse = look_at_database(address)
    if glimpse is not None:
        check(glimpse, address.name)
    elif read_only or not create:
        raise NoStore(f"{address.name} holds no events")
    datastore = Datastore(
        address, read_only=read_only, lock_timeout_s=lock_timeout_s, connect_timeout_s=connect_timeout_s
    )
    return StoredLedger(PostgresLedgerRecorder(datastore, has_table=glimpse is not None), address.name)


def make_table(url: str) -> None:
    """Make the table of a store where there is none, for others to append to; saves nothing to it.

    Raises StoreUnavailable.
    """
    address = address_of(url)
    look_at_database(address)
    datastore = Datastore(
        address, read_only=False, lock_timeout_s=LOCK_TIMEOUT_S, connect_timeout_s=CONNECT_TIMEOUT_S
    )
    try:
        PostgresLedgerRecorder(datastore, has_table=False).create_table()
    except EventSourcingError as e:
        raise StoreUnavailable(f"the table of {address.name} cannot be made: {e}") from e
    finally:
        datastore.close()


def look_at_database(address: Address) -> Glimpse | None:
    """Look at a database without changing it; None where it holds no events. Raises StoreUnavailable."""
    try:
        with psycopg.connect(**address.conninfo, autocommit=True) as connection:
            prepare(connection, read_only=True)
            return _glimpse(connection, address) if has_table(connection.cursor(), address) else None
    except psycopg.Error as e:
        raise StoreUnavailable(f"{address.name} cannot be read: {sentence(e)}") from e


def _glimpse(connection: Connection[TupleRow], address: Address) -> Glimpse | None:
    table = Identifier(address.schema, TABLE)
    newest = connection.execute(
        SQL("SELECT topic, notification_id FROM {} ORDER BY notification_id DESC LIMIT %s").format(table),
        [NEWEST_ENTRIES],
    ).fetchall()
    opened = connection.execute(
        SQL("SELECT state FROM {} WHERE originator_id = %s AND originator_version = 1").format(table),
        [STORE_ID],
    ).fetchone()
    return Glimpse(opened[0] if opened else None, dict(newest)) if newest else None


class PostgresLedgerRecorder(PostgresLog):
    """Record events in PostgreSQL: the table of the library, with a lock and an insert of its own.

    The library sends a batch as one parameter through a pipeline, which never returns from some 400 KB on, and its
    table lock needs the right to change or delete events. Without `has_table` the table may be missing: reads find
    nothing, and the first insert makes it.
    """

    def __init__(self, datastore: Datastore, *, has_table: bool) -> None:
        self._datastore = datastore
        self._has_table = has_table
        self._table = EventTable(datastore.schema, lock_timeout_s=datastore.lock_timeout)

    def create_table(self) -> None:
        with self._transaction() as cursor:
            self._table.create(cursor)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = ()
    ) -> Sequence[int]:
        try:
            return self._insert(stored_events, absent)
        except (InterfaceError, OperationalError):
            # The connection was lost and the commit may have happened all the same: look, and only then repeat.
            self._datastore.pool.check()
            return self._insert(stored_events, absent, look_first=True)

    def select(self, query: LiteralString, *values: Any) -> list[Any]:
        statement = self._table.sql(query)
        try:
            return self._select_once(statement, values)
        except (InterfaceError, OperationalError):
            self._datastore.pool.check()
            return self._select_once(statement, values)

    def close(self) -> None:
        self._datastore.close()

    def _insert(
        self, stored_events: Sequence[StoredEvent], absent: Sequence[Place], *, look_first: bool = False
    ) -> Sequence[int]:
        with self._transaction() as cursor:
            self._table.take_turn(cursor, exists=self._has_table)
            if look_first and (positions := self._table.positions(cursor, stored_events)):
                return positions
            inserted = self._table.insert(cursor, stored_events, absent)
        self._has_table = True
        return inserted

    def _select_once(self, statement: bytes, values: Sequence[Any]) -> list[Any]:
        with (
            self._datastore.get_connection() as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            try:
                return cursor.execute(statement, values).fetchall()
            except UndefinedTable:
                if self._has_table:
                    raise
                return []

    @contextmanager
    def _transaction(self) -> Iterator[Cursor[TupleRow]]:
        with self._datastore.get_connection() as connection, connection.transaction():
            yield connection.cursor(row_factory=tuple_row)


def _refuse_db_functions(environ: Mapping[str, str]) -> None:
    """Refuse the library's switch under which positions become visible out of order and events are missed."""
    for key, value in environ.items():
        if key.endswith(DB_FUNCTIONS) and value.strip().lower() not in (
            "",
            "0",
            "n",
            "no",
            "f",
            "false",
            "off",
        ):
            raise StoreUnavailable(f"{key} is set to {value!r}: with it events are lost; unset it")
