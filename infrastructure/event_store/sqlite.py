"""The recorder on an SQLite file: durable at every commit, one statement for a batch."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote
from uuid import UUID

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from exitbrain.application.ports.exit_ledger import Place, StoreUnavailable
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.domain.identity import STORE_ID
from exitbrain.infrastructure.event_store.mapper import stream_hex
from exitbrain.infrastructure.event_store.startup import NEWEST_ENTRIES, Glimpse

LOCK_TIMEOUT_S = 5
RETRY_AFTER_S = 0.01
ROWS_PER_INSERT = 500
"""Below every limit of SQLite on variables; a full one is prepared once and used again."""

# The cache is in KiB, the checkpoint in pages of 4 KiB.
_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 16384;
"""
_ROWS = "SELECT rowid, originator_id, originator_version, topic, CAST(state AS BLOB) FROM stored_events "
# CROSS JOIN: for `IN (VALUES ...)` SQLite would read the whole table.
_TAKEN = (
    "WITH place(id, version) AS (VALUES {}) SELECT 1 FROM place CROSS JOIN stored_events "
    "ON originator_id = id AND originator_version = version LIMIT 1"
)
_INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES "


def look_at_file(path: Path, name: str) -> Glimpse | None:
    """Look at an existing file without changing it or leaving anything beside it; None while it is empty.

    Raises StoreUnavailable when it is not an SQLite file or holds something else.
    """
    # Without a write-ahead log nobody has the file open, and `immutable` keeps SQLite from making one.
    in_use = path.with_name(path.name + "-wal").exists()
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{'' if in_use else '&immutable=1'}"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT_S)) as connection:
            tables = {table for (table,) in connection.execute("SELECT name FROM sqlite_master")}
            if not tables:
                return None
            if "stored_events" not in tables:
                raise StoreUnavailable(f"{name} is the SQLite file of something else: it holds no events")
            opened = connection.execute(
                "SELECT CAST(state AS BLOB) FROM stored_events "
                "WHERE originator_id = ? AND originator_version = 1",
                [STORE_ID.hex],
            ).fetchone()
            newest = connection.execute(
                "SELECT topic, rowid FROM stored_events ORDER BY rowid DESC LIMIT ?", [NEWEST_ENTRIES]
            ).fetchall()
    except sqlite3.DatabaseError as e:
        raise StoreUnavailable(f"{name} can not be read: {e}") from e
    return Glimpse(opened[0] if opened else None, dict(newest)) if newest else None


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
            raise OperationalError(str(e)) from e


class SQLiteLedgerRecorder(SQLiteApplicationRecorder):
    """Record events in an SQLite file. Other processes may read and write it at the same time."""

    datastore: SQLiteDatastore

    def __init__(self, path: Path, *, lock_timeout_s: int = LOCK_TIMEOUT_S) -> None:
        # Absolute: further connections are opened whenever they are needed, wherever the process is then.
        super().__init__(_Datastore(str(path.absolute()), lock_timeout_s))

    def construct_create_table_statements(self) -> list[str]:
        # The library's table with its row ids declared, since VACUUM may renumber those that are not:
        # decisions and readers of the log remember them as positions.
        statement = (
            "CREATE TABLE IF NOT EXISTS stored_events ("
            "rowid INTEGER PRIMARY KEY, "
            "originator_id TEXT NOT NULL, "
            "originator_version INTEGER NOT NULL, "
            "topic TEXT NOT NULL, "
            "state BLOB NOT NULL, "
            "UNIQUE (originator_id, originator_version))"
        )
        return [statement]

    def durability(self) -> tuple[str, int]:
        """Return the journal mode and the level of `synchronous` in force (2 is FULL)."""
        journal = self._select("PRAGMA journal_mode")[0][0]
        synchronous = self._select("PRAGMA synchronous")[0][0]
        return journal, synchronous

    def select_stream(self, stream_id: UUID) -> list[RawRow]:
        return self._select(_ROWS + "WHERE originator_id = ? ORDER BY originator_version", stream_id.hex)

    def select_first(self, stream_ids: Sequence[UUID]) -> list[RawRow]:
        found: list[RawRow] = []
        for start in range(0, len(stream_ids), ROWS_PER_INSERT):
            some = [stream_id.hex for stream_id in stream_ids[start : start + ROWS_PER_INSERT]]
            marks = ",".join("?" * len(some))
            where = f"WHERE originator_version = 1 AND originator_id IN ({marks})"
            found += self._select(_ROWS + where, *some)
        return found

    def select_log(self, after: int, limit: int, upto: int | None, topics: Sequence[str]) -> list[RawRow]:
        where = "WHERE rowid > ?"
        values: list[object] = [after, *topics]
        if topics:
            where += f" AND topic IN ({','.join('?' * len(topics))})"
        if upto is not None:
            where += " AND rowid <= ?"
            values.append(upto)
        return self._select(_ROWS + where + " ORDER BY rowid LIMIT ?", *values, limit)

    def select_topics(self) -> list[str]:
        return [topic for (topic,) in self._select("SELECT DISTINCT topic FROM stored_events")]

    def close(self) -> None:
        self.datastore.close()

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = (), **_: Any
    ) -> Sequence[int]:
        for start in range(0, len(stored_events), ROWS_PER_INSERT):
            some = stored_events[start : start + ROWS_PER_INSERT]
            values: list[object] = []
            for event in some:
                values += (stream_hex(event), event.originator_version, event.topic, event.state)
            c.execute(_INSERT + ",".join(["(?,?,?,?)"] * len(some)), values)
        last = c.lastrowid or 0
        # Only now, since the insert took the lock: a read before it would see the store as it was.
        _check_absent(c, absent)
        return range(last - len(stored_events) + 1, last + 1)

    def _select(self, statement: str, *values: object) -> list[Any]:
        # One statement is one consistent read; it needs no transaction of its own.
        with self.datastore.get_connection(commit=False) as connection, connection.cursor() as cursor:
            cursor.row_factory = None
            return cursor.execute(statement, values).fetchall()


def _check_absent(c: SQLiteCursor, places: Sequence[Place]) -> None:
    for start in range(0, len(places), ROWS_PER_INSERT):
        some = places[start : start + ROWS_PER_INSERT]
        values = [value for stream_id, version in some for value in (stream_id.hex, version)]
        c.execute(_TAKEN.format(",".join(["(?,?)"] * len(some))), values)
        if c.fetchone() is not None:
            raise IntegrityError("a stream that was read has moved on")
