"""Open a store by its URL."""

import os
from pathlib import Path

from eventsourcing.domain import EventSourcingError

from exitbrain.application.ports.exit_ledger import BadStoreUrl, NoStore, StoreUnavailable
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.sqlite import SQLiteLedgerRecorder, look_at_file
from exitbrain.infrastructure.event_store.startup import check
from exitbrain.infrastructure.paper.ledger import InMemoryLedger
from exitbrain.infrastructure.secrets import masked

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def open_ledger(url: str, *, create: bool) -> StoredLedger:
    """Open the ledger of a store URL; `create` makes the store where there is none, but saves nothing to it.

    Raises StoreUnavailable, with one sentence, when it can not be opened or must not be: not a store, not reachable,
    or written by a newer version; NoStore and BadStoreUrl are of that kind. A store that is refused stays as it was.
    """
    if url == "memory://":
        return InMemoryLedger()
    if url.startswith(_SQLITE) and len(url) > len(_SQLITE):
        return _open_sqlite(Path(url.removeprefix(_SQLITE)), create=create)
    if url.startswith(_POSTGRES):
        return _open_postgres(url, create=create)
    raise BadStoreUrl(
        f"store {masked(url).partition('://')[0]!r} is not known; "
        "allowed: sqlite:///PATH, postgresql://USER@HOST/DATABASE, memory://"
    )


def _open_sqlite(path: Path, *, create: bool) -> StoredLedger:
    name = f"store {path}"
    if path.is_dir():
        raise StoreUnavailable(f"{name} is a folder, not a file")
    if not path.parent.is_dir():
        raise StoreUnavailable(f"{name} can not be: there is no folder {path.parent.absolute()}")
    glimpse = look_at_file(path, name) if path.exists() else None
    if glimpse is None and not create:
        raise NoStore(f"{name} {'is empty' if path.exists() else 'does not exist'}")
    if glimpse is not None:
        check(glimpse, name)
    recorder = SQLiteLedgerRecorder(path)
    try:
        if glimpse is None:
            recorder.create_table()
        journal_mode, synchronous = recorder.durability()
    except EventSourcingError as e:
        recorder.close()
        raise StoreUnavailable(f"{name} can not be opened: {e}") from e
    if (journal_mode, synchronous) != ("wal", 2):
        recorder.close()
        raise StoreUnavailable(
            f"{name} would lose decisions when the power fails: its folder allows no write-ahead log "
            f"(journal_mode {journal_mode}, synchronous {synchronous})"
        )
    return StoredLedger(recorder, name)


def _open_postgres(url: str, *, create: bool) -> StoredLedger:
    try:
        from exitbrain.infrastructure.event_store.postgres import open_database  # noqa: PLC0415 - an extra
    except ImportError as e:
        raise StoreUnavailable(f"PostgreSQL needs the extra exitbrain[postgres]: {e}") from e
    return open_database(url, create=create, environ=os.environ)
