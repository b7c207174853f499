"""The queries of a ledger on an SQLite file, over any connection."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from exitbrain.application.ports.raw_log import RawRow
from exitbrain.infrastructure.event_store.sqlite_schema import VALUE_BYTES_MAX, too_long_at

ROWS_AT_ONCE = 500
"""Below every limit of SQLite on variables; a full statement is prepared once and used again."""

CACHE_KIB = 65_536
"""The default halves the speed once the primary key no longer fits."""

HOW_TO_COPY = 'see "Backup" on the page Operations of the documentation'

_ROWS = "SELECT rowid, originator_id, originator_version, topic, CAST(state AS BLOB) FROM stored_events "


class SQLiteLog(ABC):
    """The reading half of a recorder on an SQLite file."""

    @abstractmethod
    def select(self, statement: str, *values: object) -> list[Any]:
        """Return the rows of one statement, which is one consistent read.

        Raises OperationalError of `eventsourcing.persistence`.
        """

    def select_stream(self, stream_id: UUID) -> list[RawRow]:
        return self.select(_ROWS + "WHERE originator_id = ? ORDER BY originator_version", stream_id.hex)

    def select_first(self, stream_ids: Sequence[UUID]) -> list[RawRow]:
        found: list[RawRow] = []
        for start in range(0, len(stream_ids), ROWS_AT_ONCE):
            some = [stream_id.hex for stream_id in stream_ids[start : start + ROWS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            where = f"WHERE originator_version = 1 AND originator_id IN ({marks})"
            found += self.select(_ROWS + where, *some)
        return found

    def select_log(self, after: int, limit: int, upto: int | None, topics: Sequence[str]) -> list[RawRow]:
        where = "WHERE rowid > ?"
        values: list[object] = [after, *topics]
        if topics:
            where += f" AND topic IN ({','.join('?' * len(topics))})"
        if upto is not None:
            where += " AND rowid <= ?"
            values.append(upto)
        return self.select(_ROWS + where + " ORDER BY rowid LIMIT ?", *values, limit)

    def select_topics(self) -> list[str]:
        return [topic for (topic,) in self.select("SELECT DISTINCT topic FROM stored_events")]


def sentence_of(error: sqlite3.Error, connection: sqlite3.Connection | None = None) -> str:
    """Return what an error says, with what it most often comes from."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of the number says where it was noticed
    if code == sqlite3.SQLITE_TOOBIG:
        where = "" if connection is None else too_long_at(connection)
        return f"it holds a value of more than {VALUE_BYTES_MAX} bytes{where}, longer than any event"
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return f"{error}; a copy made by cp while the store was in use can be like that: {HOW_TO_COPY}"
    if code == sqlite3.SQLITE_CANTOPEN:
        return f"{error}: the file, its folder, or the -wal or -shm beside it gives no right to that"
    return str(error)
