"""Open a store by its URL."""

import os
from contextlib import closing
from pathlib import Path
from typing import Literal

from eventsourcing.domain import EventSourcingError

from exitbrain.application.ports.exit_ledger import BadStoreUrl, NoStore, StoreUnavailable
from exitbrain.infrastructure.event_store import forks
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.event_store.sqlite import SQLiteLedgerRecorder
from exitbrain.infrastructure.event_store.sqlite_files import ReadMode, StorePaths
from exitbrain.infrastructure.event_store.sqlite_reading import SQLiteReader, look, why_empty
from exitbrain.infrastructure.event_store.startup import check
from exitbrain.infrastructure.files.written import make_for_owner
from exitbrain.infrastructure.secrets import masked

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def open_ledger(url: str, *, create: bool) -> StoredLedger:
    """Open the ledger of a store URL; `create` makes the store where there is none, but saves nothing to it.

    Raises StoreUnavailable, with one sentence, when it cannot be opened or must not be: not a store, not reachable,
    or written by a newer version; NoStore and BadStoreUrl are of that kind. A store that is refused stays as it was.
    """
    match _place_of(url):
        case Path() as path:
            return _open_sqlite(path, create=create)
        case "memory":
            return InMemoryLedger()
        case "postgres":
            return _open_postgres(url, create=create, read_only=False)


def open_to_read(url: str) -> StoredLedger:
    """Open the ledger of a store URL and change nothing about the store: no byte of a file, no table.

    Others may write it meanwhile. A save raises StoreUnavailable. Raises what `open_ledger` raises, and NoStore where
    nothing was ever saved.
    """
    match _place_of(url):
        case Path() as path:
            return _open_sqlite_to_read(path)
        case "memory":
            raise NoStore(f"store {url} is a new one in each process: there is nothing to read in it")
        case "postgres":
            return _open_postgres(url, create=False, read_only=True)


def is_read_from_a_copy(url: str) -> bool:
    """Return whether a store lies there so that each opening to read copies it first."""
    place = _place_of(url)
    if not isinstance(place, Path):
        return False
    paths = StorePaths(place)
    return paths.read_mode(paths.look()) is ReadMode.COPIED


def _place_of(url: str) -> Path | Literal["memory", "postgres"]:
    if url == "memory://":
        return "memory"
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return Path(url.removeprefix(_SQLITE))
    if url.startswith(_POSTGRES):
        return "postgres"
    raise BadStoreUrl(
        f"store {masked(url).partition('://')[0]!r} is not known; "
        "allowed: sqlite:///PATH, postgresql://USER@HOST/DATABASE, memory://"
    )


def _open_sqlite_to_read(path: Path) -> StoredLedger:
    name = f"store {path}"
    if not _is_there(path, name):
        raise NoStore(f"{name} does not exist")
    reader = SQLiteReader(path)
    try:
        glimpse = look(reader, name)
        if glimpse is None:
            raise NoStore(f"{name} {why_empty(reader, path)}")
        check(glimpse, name)
    except BaseException:
        reader.close()
        raise
    return StoredLedger(reader, name, file=path)


def _open_sqlite(path: Path, *, create: bool) -> StoredLedger:
    name = f"store {path}"
    if not _is_there(path, name):
        if not create:
            raise NoStore(f"{name} does not exist")
        _make_file(path, name)
        return _open_to_write(path, name, new=True)
    with closing(SQLiteReader(path)) as reader:
        glimpse = look(reader, name)
        if glimpse is not None:
            check(glimpse, name)
        elif not create:
            raise NoStore(f"{name} {why_empty(reader, path)}")
    return _open_to_write(path, name, new=glimpse is None)


def _is_there(path: Path, name: str) -> bool:
    """Return whether there is a file; raises StoreUnavailable where none can be, or where it may not be opened."""
    if path.is_dir():
        raise StoreUnavailable(f"{name} is a folder, not a file")
    if not path.parent.is_dir():
        raise StoreUnavailable(f"{name} cannot be: there is no folder {path.parent.absolute()}")
    if not path.exists():
        return False
    forks.refuse_in_child(path, name)
    return True


def _make_file(path: Path, name: str) -> None:
    """Make the file for its owner alone before SQLite would for everybody; its log and index get the same mode."""
    try:
        make_for_owner(path)
    except FileExistsError as e:
        if path.is_symlink():
            raise StoreUnavailable(
                f"{name} is a link to {path.readlink()}, which is not there: name the file itself"
            ) from e
        # Another process made it meanwhile.
    except OSError as e:
        raise StoreUnavailable(f"{name} cannot be made: {e.strerror}") from e


def _open_to_write(path: Path, name: str, *, new: bool) -> StoredLedger:
    recorder = SQLiteLedgerRecorder(path)
    try:
        if new:
            recorder.create_table()
        journal_mode, synchronous = recorder.durability()
    except EventSourcingError as e:
        recorder.close()
        raise StoreUnavailable(f"{name} cannot be opened: {e}") from e
    if (journal_mode, synchronous) != ("wal", 2):
        recorder.close()
        raise StoreUnavailable(
            f"{name} would lose decisions when the power fails: its folder allows no write-ahead log "
            f"(journal_mode {journal_mode}, synchronous {synchronous})"
        )
    return StoredLedger(recorder, name, file=path)


def _open_postgres(url: str, *, create: bool, read_only: bool) -> StoredLedger:
    try:
        from exitbrain.infrastructure.event_store.postgres import open_database  # noqa: PLC0415 - an extra
    except ImportError as e:
        raise StoreUnavailable(f"PostgreSQL needs the extra exitbrain[postgres]: {e}") from e
    return open_database(url, create=create, read_only=read_only, environ=os.environ)
