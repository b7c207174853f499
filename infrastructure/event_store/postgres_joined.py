"""The recorder over a PostgreSQL connection that a host has open. It needs the driver alone, no pool."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, LiteralString

import psycopg
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from psycopg import Cursor
from psycopg.errors import SerializationFailure, UndefinedTable
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow, tuple_row

from exitbrain.application.ports.exit_ledger import Place, StoreUnavailable
from exitbrain.infrastructure.event_store.postgres_address import Address
from exitbrain.infrastructure.event_store.postgres_errors import is_a_broken_rule, sentence
from exitbrain.infrastructure.event_store.postgres_log import PostgresLog
from exitbrain.infrastructure.event_store.postgres_table import EventTable, has_table

_ONE_SNAPSHOT = ("repeatable read", "serializable")


class PostgresJoinedRecorder(PostgresLog):
    """Record events over a PostgreSQL connection of somebody else, which stays as it is and open.

    A table that is missing is made with the first save, and in its transaction.
    """

    def __init__(self, connection: psycopg.Connection[Any], schema: str) -> None:
        self._connection = connection
        self._table = EventTable(schema)
        self._has_table = False

    def open(self, address: Address) -> None:
        """Look whether the table is there; raises StoreUnavailable where it is another's or may be read in part only."""
        with self._cursor() as cursor, self._around_a_read():
            self._has_table = has_table(cursor, address)
            if not self._has_table:
                return
            filtered = cursor.execute(self._table.sql("SELECT row_security_active('{table}'::regclass)"))
            if filtered.fetchone() == (True,):
                raise StoreUnavailable(f"{address.name} cannot be read: row-level security would hide events")

    @property
    def in_transaction(self) -> bool:
        _check_usable(self._connection)
        return self._connection.info.transaction_status is TransactionStatus.INTRANS

    def begin(self) -> bool:
        """Begin a transaction where none is open, and return whether that was so."""
        if self.in_transaction:
            return False
        with self._cursor() as cursor:
            # Without autocommit the driver begins one before any statement.
            cursor.execute("BEGIN" if self._connection.autocommit else "SELECT 1")
        return True

    def rollback(self) -> None:
        with suppress(psycopg.Error):  # it fails where the connection is lost, and then the server rolls back
            self._connection.rollback()

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = ()
    ) -> Sequence[int]:
        joins = self.in_transaction
        with self._cursor() as cursor, self._connection.transaction():
            if not joins:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            elif absent:
                _check_isolation(cursor)
            with _lock_timeout_kept(cursor):
                self._table.take_turn(cursor, exists=self._has_table)
                positions = self._table.insert(cursor, stored_events, absent)
        self._has_table |= not joins  # the host may roll back a table that was made in its transaction
        return positions

    def select(self, query: LiteralString, *values: Any) -> list[Any]:
        with self._cursor() as cursor:
            try:
                with self._around_a_read():
                    return cursor.execute(self._table.sql(query), values, binary=True).fetchall()
            except UndefinedTable:
                if self._has_table:
                    raise
                return []

    def close(self) -> None:
        """Leave the connection open: it is the host's."""

    def _around_a_read(self) -> AbstractContextManager[object]:
        """Return what leaves no transaction behind where none is open, and the one that is open usable."""
        if self._connection.autocommit and not self.in_transaction:
            return nullcontext()
        return self._connection.transaction()

    @contextmanager
    def _cursor(self) -> Iterator[Cursor[TupleRow]]:
        """Yield a cursor that gives tuples, whatever kind of cursor the host has its connection make."""
        _check_usable(self._connection)
        with _in_our_errors(), psycopg.Cursor(self._connection, row_factory=tuple_row) as cursor:
            yield cursor


def recorder_over(connection: psycopg.Connection[Any], schema: str) -> tuple[PostgresJoinedRecorder, str]:
    """Return a recorder over a connection and the name of its store.

    Raises StoreUnavailable, or OperationalError of `eventsourcing.persistence`.
    """
    _check_usable(connection)
    info = connection.info
    address = Address({"host": info.host, "port": info.port, "dbname": info.dbname}, schema)
    recorder = PostgresJoinedRecorder(connection, schema)
    recorder.open(address)
    return recorder, address.name


def _check_usable(connection: psycopg.Connection[Any]) -> None:
    """Raise OperationalError, without a word to the server, where a statement would fail or be misread."""
    if connection.closed:
        reason = "the connection is closed"
    elif connection.info.transaction_status is TransactionStatus.INERROR:
        reason = "the transaction of the connection has failed: roll it back first"
    elif connection.info.transaction_status is TransactionStatus.ACTIVE:
        reason = "the connection is in the middle of another statement"
    elif connection.pgconn.pipeline_status != PipelineStatus.OFF:
        reason = "the connection is in pipeline mode, which knows no COPY"
    elif (encoding := connection.info.parameter_status("client_encoding")) != "UTF8":
        reason = f"the client_encoding of the connection is {encoding}; allowed: UTF8"
    else:
        return
    raise OperationalError(reason)


def _check_isolation(cursor: Cursor[TupleRow]) -> None:
    found = cursor.execute("SHOW transaction_isolation").fetchone()
    if found and found[0] in _ONE_SNAPSHOT:
        raise OperationalError(
            f"the open transaction is {found[0]}, so it cannot see whether a stream has moved on since it began; "
            "allowed: read committed"
        )


@contextmanager
def _lock_timeout_kept(cursor: Cursor[TupleRow]) -> Iterator[None]:
    """Put back how long the transaction waits for locks; what fails is put back by its savepoint."""
    before = cursor.execute("SELECT current_setting('lock_timeout')").fetchone()
    yield
    cursor.execute("SELECT set_config('lock_timeout', %s, true)", before)


@contextmanager
def _in_our_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as e:
        moved_on = isinstance(e, psycopg.IntegrityError) and not is_a_broken_rule(e)
        if moved_on or isinstance(e, SerializationFailure):
            raise IntegrityError(sentence(e)) from e
        raise OperationalError(sentence(e)) from e
