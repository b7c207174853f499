"""Where an index lies: a file of its own, made for its owner alone, or the memory of this process."""

import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.files.written import make_for_owner

LOCK_TIMEOUT_S = 30.0
CACHE_KIB = 65_536
_APPLICATION = 0x45784978
"""Marks a file as an index of ours: nothing else is ever thrown away."""

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class IndexNotUsable(ExitBrainError):
    """No index can be kept in a file; the text says why."""


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file is not what SQLite wrote."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in DAMAGED


def open_file(path: Path) -> sqlite3.Connection:
    """Open the index in a file, made when there is none. Raises IndexNotUsable, and sqlite3.Error for damage."""
    _make_or_check(path)
    connection = _connected(f"{path.absolute().as_uri()}?mode=rw")
    try:
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")  # fails where nothing may be written
        _mark(connection, path)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        connection.close()
        if is_damage(error):
            raise
        raise IndexNotUsable(f"{path} cannot be written: {error}") from error
    except IndexNotUsable:
        connection.close()
        raise
    return connection


def open_memory(path: Path | None = None) -> sqlite3.Connection:
    """Open an index in memory, with what the index in a file holds, if there is one that can be read."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    if path is not None and path.is_file():
        with suppress(sqlite3.Error), closing(_connected(f"{path.absolute().as_uri()}?mode=ro")) as found:
            if _application_of(found) == _APPLICATION:
                found.backup(memory)
                return memory
    return memory


def remove(path: Path) -> None:
    """Remove a damaged index with its journal, if it is one; raises IndexNotUsable if it cannot be known as one."""
    if not _is_database(path) or not _is_marked(path):
        raise _foreign(path)
    Path(f"{path}-journal").unlink(missing_ok=True)
    path.unlink()


def _connected(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_TIMEOUT_S)


def _make_or_check(path: Path) -> None:
    if not os.access(path.parent, os.W_OK):  # its journal lies there too
        raise IndexNotUsable(f"folder {path.parent.absolute()} cannot be written or does not exist")
    try:
        make_for_owner(path)
    except FileExistsError as error:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise IndexNotUsable(
                f"{path} is not a regular file: remove it, or name another file as INDEX"
            ) from error
        if _is_database(path) and not _is_marked(path):  # a store must not be opened for writing
            raise _foreign(path) from error
    except OSError as error:
        raise IndexNotUsable(f"{path} cannot be made: {error.strerror}") from error


def _mark(connection: sqlite3.Connection, path: Path) -> None:
    """Mark a new file as ours; raises IndexNotUsable for what is not."""
    if _application_of(connection) == _APPLICATION:
        return
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _foreign(path)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")


def _is_database(path: Path) -> bool:
    return _header_of(path).startswith(b"SQLite format 3\0")


def _is_marked(path: Path) -> bool:
    return _header_of(path)[68:72] == _APPLICATION.to_bytes(4)


def _header_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100)
    except OSError as error:
        raise IndexNotUsable(f"{path} cannot be read: {error.strerror}") from error


def _foreign(path: Path) -> IndexNotUsable:
    return IndexNotUsable(f"{path} is not an index of ExitBrain: remove it, or name another file as INDEX")


def _application_of(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA application_id").fetchone()[0]
    return found
