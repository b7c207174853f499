"""Read an SQLite store without changing a byte of it or leaving files beside it."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

from eventsourcing.persistence import OperationalError, StoredEvent

from exitbrain.application.ports.exit_ledger import Place, StoreUnavailable
from exitbrain.domain.identity import STORE_ID
from exitbrain.infrastructure.event_store.sqlite_files import Files, ReadMode, StorePaths, uri_of
from exitbrain.infrastructure.event_store.sqlite_log import CACHE_KIB, HOW_TO_COPY, SQLiteLog, sentence_of
from exitbrain.infrastructure.event_store.sqlite_schema import check_schema, trust_nothing
from exitbrain.infrastructure.event_store.startup import NEWEST_ENTRIES, Glimpse

LOCK_TIMEOUT_S = 5
ATTEMPTS_MAX = 100

_OPENED = "SELECT CAST(state AS BLOB) FROM stored_events WHERE originator_id = ? AND originator_version = 1"
_NEWEST = "SELECT topic, rowid FROM stored_events ORDER BY rowid DESC LIMIT ?"


class SQLiteReader(SQLiteLog):
    """Read events from an SQLite file that others may write, checkpoint, close and open meanwhile."""

    def __init__(self, path: Path) -> None:
        self._paths = StorePaths(path)
        self._turn = Lock()
        self._closed = False
        self._files: Files | None = None
        self._mode = ReadMode.ALONE
        self._connection: sqlite3.Connection | None = None
        self._copy: Path | None = None

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = ()
    ) -> NoReturn:
        raise OperationalError("it was opened to be read")

    def select(self, statement: str, *values: object) -> list[Any]:
        with self._turn:
            for _ in range(ATTEMPTS_MAX):
                try:
                    rows = self._connected().execute(statement, values).fetchall()
                except sqlite3.Error as error:
                    if self._is_current():
                        raise OperationalError(sentence_of(error, self._connection)) from error
                else:
                    # Files that are as they were before they were opened are what was read.
                    if self._is_current():
                        return rows
                # The log only grows, so the select means the same when it is repeated.
                self._disconnect()
        raise OperationalError("its files are replaced faster than they can be read")

    def select_under_log(self, statement: str, *values: object) -> list[Any]:
        """Return what the file itself holds where a log lies over it; nothing where there is none, or no sense in it."""
        if self._files is None or self._files.log is None:
            return []
        with suppress(sqlite3.Error), closing(_connect(self._paths.main, ReadMode.ALONE)) as connection:
            return connection.execute(statement, values).fetchall()
        return []

    def max_notification_id(self) -> int | None:
        newest: int | None = self.select("SELECT MAX(rowid) FROM stored_events")[0][0]
        return newest

    def close(self) -> None:
        with self._turn:
            self._closed = True
            self._disconnect()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._closed:
                raise OperationalError("it was closed")
            files, before = self._look(), self._files
            if before is not None and not before.main.same_file(files.main):
                raise OperationalError("another file was put in its place while it was read")
            self._files, self._mode = files, self._paths.read_mode(files)
            if self._mode is ReadMode.COPIED:
                self._copy = self._paths.copied()
            self._connection = _connect(self._copy or self._paths.main, self._mode)
        return self._connection

    def _is_current(self) -> bool:
        return self._files is not None and not self._files.outdated_by(self._look(), self._mode)

    def _look(self) -> Files:
        try:
            return self._paths.look()
        except OSError as e:
            raise OperationalError(str(e.strerror)) from e

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._copy is not None:
            shutil.rmtree(self._copy.parent, ignore_errors=True)
            self._copy = None


def _connect(path: Path, mode: ReadMode) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri_of(path, mode), uri=True, isolation_level=None, check_same_thread=False, timeout=LOCK_TIMEOUT_S
    )
    try:
        trust_nothing(connection)
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def look(reader: SQLiteReader, name: str) -> Glimpse | None:
    """Look at a file before anything else is done with it; None where it holds no events.

    Raises StoreUnavailable when it is not an SQLite file or holds something else.
    """
    try:
        tables = _tables(reader)
        if not tables:
            return None
        if not check_schema(reader.select, name):
            raise StoreUnavailable(f"{name} is the SQLite file of something else: it holds no events")
        opened = reader.select(_OPENED, STORE_ID.hex)
        under_log = reader.select_under_log(_OPENED, STORE_ID.hex)
        newest = reader.select(_NEWEST, NEWEST_ENTRIES)
    except OperationalError as e:
        raise StoreUnavailable(f"{name} cannot be read: {e}") from e
    if not newest:
        return None
    return Glimpse(_first(opened), dict(newest), under_log=_first(under_log))


def why_empty(reader: SQLiteReader, path: Path) -> str:
    """Return what a file lacks that holds no events."""
    if path.stat().st_size == 0 or _tables(reader):
        return "is empty"
    return (
        "holds no tables: if it was copied while the store was in use, everything is in the -wal that is missing beside"
        f" it; {HOW_TO_COPY}"
    )


def _tables(reader: SQLiteReader) -> set[str]:
    return {table for (table,) in reader.select("SELECT name FROM sqlite_master")}


def _first(rows: list[Any]) -> bytes | None:
    return rows[0][0] if rows else None
