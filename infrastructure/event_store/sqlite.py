"""The recorder on an SQLite file: durable at every commit, one statement for a batch."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from exitbrain.application.ports.exit_ledger import Place
from exitbrain.infrastructure.event_store.mapper import stream_hex
from exitbrain.infrastructure.event_store.sqlite_log import CACHE_KIB, ROWS_AT_ONCE, SQLiteLog, sentence_of
from exitbrain.infrastructure.event_store.sqlite_reading import LOCK_TIMEOUT_S
from exitbrain.infrastructure.event_store.sqlite_schema import TABLE, trust_nothing

RETRY_AFTER_S = 0.01

# The checkpoint is in pages of 4 KiB.
_PRAGMAS = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -{CACHE_KIB};
PRAGMA wal_autocheckpoint = 16384;
"""
# CROSS JOIN: for `IN (VALUES ...)` SQLite would read the whole table.
_TAKEN = (
    "WITH place(id, version) AS (VALUES {}) SELECT 1 FROM place CROSS JOIN stored_events "
    "ON originator_id = id AND originator_version = version LIMIT 1"
)
_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES "


class _Connection(SQLiteConnection):
    def commit(self) -> None:
        try:
            super().commit()
        except sqlite3.Error:
            # A failed commit may leave the transaction open, and the connection goes back to the pool.
            self.rollback()
            raise


class _Pool(SQLiteConnectionPool):
    """Connections that sync at every commit and write the log back seldom.

    The default cache and checkpoint interval halve the speed of appending once the primary key no longer fits.
    """

    def _create_connection(self) -> SQLiteConnection:
        connection = sqlite3.connect(
            self.db_name,
            isolation_level=None,
            check_same_thread=False,
            timeout=self.lock_timeout or LOCK_TIMEOUT_S,
            cached_statements=32,
        )
        connection.row_factory = sqlite3.Row
        try:
            _set_up(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return _Connection(connection, max_age=self.max_age)


def _set_up(connection: sqlite3.Connection) -> None:
    """Set the pragmas, waiting for another process that makes the same new file a write-ahead log.

    There SQLite answers "busy" at once, whatever the timeout.
    """
    deadline = monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            trust_nothing(connection)
            connection.executescript(_PRAGMAS)
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(RETRY_AFTER_S)
        else:
            return


class _Datastore(SQLiteDatastore):
    def __init__(self, path: str, lock_timeout_s: int) -> None:
        super().__init__(path)
        # One connection is kept: its page cache is what makes it fast, a second would double the memory.
        self.pool = _Pool(db_name=path, lock_timeout=lock_timeout_s, pool_size=1)

    @contextmanager
    def get_connection(self, *, commit: bool) -> Iterator[SQLiteConnection]:
        try:
            with super().get_connection(commit=commit) as connection:
                yield connection
        except sqlite3.IntegrityError as e:
            raise IntegrityError(str(e)) from e
        except sqlite3.Error as e:
            raise OperationalError(sentence_of(e)) from e


class SQLiteLedgerRecorder(SQLiteLog, SQLiteApplicationRecorder):
    """Record events in an SQLite file. Other processes may read and write it at the same time."""

    datastore: SQLiteDatastore

    def __init__(self, path: Path, *, lock_timeout_s: int = LOCK_TIMEOUT_S) -> None:
        # Absolute: further connections are opened whenever they are needed, wherever the process is then.
        super().__init__(_Datastore(str(path.absolute()), lock_timeout_s))

    def construct_create_table_statements(self) -> list[str]:
        return [TABLE]

    def durability(self) -> tuple[str, int]:
        """Return the journal mode and the level of `synchronous` in force (2 is FULL)."""
        journal = self.select("PRAGMA journal_mode")[0][0]
        synchronous = self.select("PRAGMA synchronous")[0][0]
        return journal, synchronous

    def select(self, statement: str, *values: object) -> list[Any]:
        # One statement is one consistent read; it needs no transaction of its own.
        with self.datastore.get_connection(commit=False) as connection, connection.cursor() as cursor:
            cursor.row_factory = None
            return cursor.execute(statement, values).fetchall()

    def close(self) -> None:
        self.datastore.close()

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = (), **_: Any
    ) -> Sequence[int]:
        return insert_rows(c, stored_events, absent)


def insert_rows(
    c: SQLiteCursor | sqlite3.Cursor, stored_events: Sequence[StoredEvent], absent: Sequence[Place]
) -> Sequence[int]:
    """Insert events within the transaction of the cursor and return their positions.

    Raises IntegrityError, that of sqlite3 or of `eventsourcing.persistence`.
    """
    for start in range(0, len(stored_events), ROWS_AT_ONCE):
        some = stored_events[start : start + ROWS_AT_ONCE]
        values: list[object] = []
        for event in some:
            values += (stream_hex(event), event.originator_version, event.topic, event.state)
        c.execute(_INSERT + ",".join(["(?,?,?,?)"] * len(some)), values)
    last = c.lastrowid or 0
    # Only now, since the insert took the lock: a read before it would see the store as it was.
    _check_absent(c, absent)
    return range(last - len(stored_events) + 1, last + 1)


def _check_absent(c: SQLiteCursor | sqlite3.Cursor, places: Sequence[Place]) -> None:
    for start in range(0, len(places), ROWS_AT_ONCE):
        some = places[start : start + ROWS_AT_ONCE]
        values = [value for stream_id, version in some for value in (stream_id.hex, version)]
        c.execute(_TAKEN.format(",".join(["(?,?)"] * len(some))), values)
        if c.fetchone() is not None:
            raise IntegrityError("a stream that was read has moved on")
