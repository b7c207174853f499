"""A ledger over a host's open connection: it records beside the host's tables, in its transactions."""

import sqlite3
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from eventsourcing.domain import EventSourcingError
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from exitbrain.application.ports.exit_ledger import Place, StoreUnavailable
from exitbrain.domain.errors import InvalidValue, WrongState
from exitbrain.domain.events import Record
from exitbrain.infrastructure.event_store import forks
from exitbrain.infrastructure.event_store.ledger import LedgerRecorder, StoredLedger
from exitbrain.infrastructure.event_store.sqlite import insert_rows
from exitbrain.infrastructure.event_store.sqlite_log import SQLiteLog, sentence_of
from exitbrain.infrastructure.event_store.sqlite_schema import TABLE, check_schema

if TYPE_CHECKING:
    import psycopg  # an extra

_OF_ITS_OWN = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_WITHIN = ("SAVEPOINT exitbrain", "RELEASE exitbrain", ("ROLLBACK TO exitbrain", "RELEASE exitbrain"))


class JoinedRecorder(LedgerRecorder, Protocol):
    """What a ledger asks of a recorder over a connection of the host."""

    @property
    def in_transaction(self) -> bool:
        """Return whether a transaction is open on the connection."""

    def begin(self) -> bool:
        """Begin a transaction where none is open, and return whether that was so."""

    def rollback(self) -> None:
        """Roll back a transaction that `begin` began."""


class JoinedLedger(StoredLedger):
    """Our own ledger over a connection of the host, made by `ledger_over`.

    `save` within an open transaction becomes a part of it, which the host commits or rolls back; else it is a transaction
    of its own. One that fails leaves nothing of itself, and the host's transaction as it was.
    """

    def __init__(self, recorder: JoinedRecorder, name: str, file: Path | None = None) -> None:
        super().__init__(recorder, name, file=file)
        self._joined = recorder
        self._file = file

    def append(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> int:
        """Save within a transaction that the host ends: the one that is open, else one that begins here.

        `with connection:` alone begins none, so this is how the record comes first in it. Raises what `save` raises.
        """
        try:
            began = self._joined.begin()
        except EventSourcingError as e:
            raise StoreUnavailable(f"{self.name} cannot be written: {e}") from e
        try:
            return self.save(records, absent=absent)
        except BaseException:
            if began:
                self._joined.rollback()
            raise

    def apart(self) -> StoredLedger:
        """Return a ledger on the same record for one who remembers what it saved: its saves join no transaction."""
        return _Apart(self._joined, self.name, self._file)


class _Apart(StoredLedger):
    def __init__(self, recorder: JoinedRecorder, name: str, file: Path | None = None) -> None:
        super().__init__(recorder, name, file=file)
        self._joined = recorder

    def save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> int:
        if self._joined.in_transaction:
            raise WrongState(
                f"a transaction is open on the connection of {self.name}, and whoever remembers what it saved cannot know"
                " of a rollback: commit first, or save what `decide` returns with `append`"
            )
        return super().save(records, absent=absent)


class SQLiteJoinedRecorder(SQLiteLog):
    """Record events over an SQLite connection of somebody else, which stays as it is and open."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def in_transaction(self) -> bool:
        with _in_our_errors():
            return self._connection.in_transaction

    def begin(self) -> bool:
        """Begin a transaction where none is open, and return whether that was so."""
        if self.in_transaction:
            return False
        with self._cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
        return True

    def rollback(self) -> None:
        with _in_our_errors():
            self._connection.rollback()

    def make_table(self) -> None:
        with self._transaction() as cursor:
            cursor.execute(TABLE)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = ()
    ) -> Sequence[int]:
        with self._transaction() as cursor:
            return insert_rows(cursor, stored_events, absent)

    def select(self, statement: str, *values: object) -> list[Any]:
        with self._cursor() as cursor:
            return cursor.execute(statement, values).fetchall()

    def max_notification_id(self) -> int | None:
        newest: int | None = self.select("SELECT MAX(rowid) FROM stored_events")[0][0]
        return newest

    def close(self) -> None:
        """Leave the connection open: it is the host's."""

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        begin, end, undo = _WITHIN if self.in_transaction else _OF_ITS_OWN
        with self._cursor() as cursor:
            cursor.execute(begin)
            try:
                yield cursor
                cursor.execute(end)
            except BaseException:
                if self.in_transaction:  # a full disk ends it by itself
                    for statement in undo:
                        cursor.execute(statement)
                raise

    @contextmanager
    def _cursor(self) -> Iterator[sqlite3.Cursor]:
        """Yield a cursor that gives plain rows and texts, whatever the host has its connection give."""
        connection = self._connection
        texts = connection.text_factory
        try:
            with _in_our_errors(), closing(connection.cursor()) as cursor:
                cursor.row_factory = None
                connection.text_factory = str
                yield cursor
        finally:
            connection.text_factory = texts


@contextmanager
def _in_our_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as e:
        raise IntegrityError(str(e)) from e
    except sqlite3.Error as e:
        raise OperationalError(sentence_of(e)) from e


def ledger_over(
    connection: "sqlite3.Connection | psycopg.Connection[Any]", *, schema: str | None = None
) -> JoinedLedger:
    """Return our own ledger over a connection that you keep: the table `stored_events` beside your tables.

    The connection is one of `sqlite3` or of psycopg 3; in PostgreSQL `schema` says where the table lies, else in `public`.
    The table is made where it is missing. Saves join the transaction that is open on the connection; no setting of it is
    changed, and it is never closed. Give it to `ExitBrain`, which checks it like a store of its own. Raises TypeError
    for anything but a connection, InvalidValue for a schema that cannot be, and StoreUnavailable where it cannot be
    used or the table is another's.
    """
    # Whoever has such a connection has imported the driver; nobody else needs it.
    driver = sys.modules.get("psycopg")
    try:
        if isinstance(connection, sqlite3.Connection):
            if schema is not None:
                raise InvalidValue("schema", schema, "none, for an SQLite connection")
            return _over_sqlite(connection)
        if driver is not None and isinstance(connection, driver.Connection):
            return _over_postgres(connection, schema)
    except EventSourcingError as e:
        raise StoreUnavailable(f"the connection cannot keep the record: {e}") from e
    raise TypeError(
        f"connection is {connection!r} ({type(connection).__name__}); "
        "wanted: an open sqlite3.Connection or psycopg.Connection"
    )


def _over_sqlite(connection: sqlite3.Connection) -> JoinedLedger:
    recorder = SQLiteJoinedRecorder(connection)
    (file,) = recorder.select("SELECT file FROM pragma_database_list WHERE name = 'main'")[0]
    name = f"the record in {file or 'a database in memory'}"
    path = Path(file) if file else None
    if path is not None:
        forks.refuse_in_child(path, name)
    if not check_schema(recorder.select, name, of_host=True):
        recorder.make_table()
    return JoinedLedger(recorder, name, path)


def _over_postgres(connection: "psycopg.Connection[Any]", schema: str | None) -> JoinedLedger:
    from exitbrain.infrastructure.event_store import postgres_address, postgres_joined  # noqa: PLC0415 - an extra

    schema = postgres_address.PUBLIC if schema is None else schema
    if not postgres_address.can_be_schema(schema):
        raise InvalidValue("schema", schema, postgres_address.SCHEMA_ALLOWED)
    return JoinedLedger(*postgres_joined.recorder_over(connection, schema))
