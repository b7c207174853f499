"""The index in an SQLite file or in memory: catches up with the log, and answers what is asked."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.index import Progress
from exitbrain.application.ports.raw_log import RawLog
from exitbrain.domain.identity import STORE_ID
from exitbrain.domain.store import StoreOpened
from exitbrain.infrastructure.index.answers import Answers
from exitbrain.infrastructure.index.comparison import differing
from exitbrain.infrastructure.index.pages import IndexedPage
from exitbrain.infrastructure.index.place import IndexNotUsable, is_damage, open_file, open_memory, remove
from exitbrain.infrastructure.index.tables import COMPARED, CREATED, FORMAT, KEYS

PAGE = 20_000
"""Entries of the log in one transaction: few syncs, little lost when it is killed."""


_KEY_NAMES = ", ".join(f"'{statement.split()[5]}'" for statement in KEYS)
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'lifespans!_%' ESCAPE '!'"
"""Every table but those that belong to the R-tree, which go with it."""


class IndexedLedger(ExitLedger, RawLog, Protocol):
    """A ledger that can be indexed."""


class SQLiteIndex(Answers):
    """Index a ledger in a file, or in memory where no file is given or none can be written.

    `note` says in one sentence why a given file is not used, None if it is. Several processes may use one file:
    who finds it behind takes the write lock of SQLite for each page and goes on where the other stopped.
    """

    def __init__(self, ledger: IndexedLedger, path: Path | None, *, page: int = PAGE) -> None:
        self.path = path
        self.note: str | None = None
        self._ledger = ledger
        self._page = page
        self._store = _store_of(ledger)
        self._connection = self._opened()

    @property
    def upto(self) -> int:
        found: int = self._rows("SELECT upto FROM state")[0][0]
        return found

    def catch_up(self, progress: Progress | None = None, *, upto: int | None = None) -> int:
        count, thrown_away = 0, False
        while True:
            try:
                taken = self._take_page(upto)
            except sqlite3.Error as error:
                self._give_up(error, again=not thrown_away)
                thrown_away = True
                continue
            if taken == 0:
                return count
            count += taken
            if progress is not None:
                progress(self.upto)

    def differences(self) -> Iterator[str]:
        """Fold the log again as far as it was read, and yield a sentence for each row that differs."""
        with closing(SQLiteIndex(self._ledger, None)) as again:
            again.catch_up(upto=self.upto)
            for table, order in COMPARED.items():
                yield from differing(table, self._all_of(table, order), again._all_of(table, order))

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self.path is None:
            return open_memory()
        try:
            try:
                return open_file(self.path)
            except sqlite3.DatabaseError:
                remove(self.path)
                return open_file(self.path)
        except (IndexNotUsable, OSError, sqlite3.Error) as error:
            return self._in_memory(str(error), self.path)

    def _in_memory(self, why: str, path: Path | None) -> sqlite3.Connection:
        self.note = f"the index is made in memory, for this command alone: {why}"
        self.path = None
        return open_memory(path)

    def _give_up(self, error: sqlite3.Error, *, again: bool) -> None:
        """Throw a damaged index away and begin a new one, or go on in memory; raises the error where that failed."""
        if self.path is None:
            raise error
        self._connection.close()
        if not is_damage(error):
            self._connection = self._in_memory(f"{self.path} cannot be written: {error}", self.path)
        elif again:
            with suppress(OSError):
                remove(self.path)
            self._connection = self._opened()
        else:
            self._connection = self._in_memory(f"{self.path} is damaged again and again: {error}", None)

    def _take_page(self, upto: int | None) -> int:
        """Read the next page of the log in one transaction, and return how many entries it had."""
        if self._is_right() and self.upto in (upto, self._ledger.head()):
            self._make_keys()
            return 0
        with self._transaction():
            if not self._is_right():
                self._begin()
            page = IndexedPage(self._rows("SELECT coalesce(max(pos), 0) FROM receipts")[0][0])
            page.read(islice(self._ledger.rows(self.upto, upto=upto), self._page))
            self._write(page)
        if page.count == 0:
            self._make_keys()
        return page.count

    def _write(self, page: IndexedPage) -> None:
        page.write(self._connection)
        if page.last is not None:
            position, stream, version, _, state = page.last
            self._connection.execute(
                "UPDATE state SET store = ?, upto = ?, stream = ?, version = ?, hash = ?",
                (self._store, position, stream, version, _hash_of(state)),
            )

    def _begin(self) -> None:
        """Make the tables anew, within a transaction."""
        for (name,) in self._rows(_TABLES):
            self._connection.execute(f'DROP TABLE "{name}"')
        for statement in CREATED:
            self._connection.execute(statement)
        self._connection.execute("UPDATE state SET format = ?", (FORMAT,))

    def _make_keys(self) -> None:
        if self._rows(f"SELECT count(*) FROM sqlite_master WHERE name IN ({_KEY_NAMES})") == [(len(KEYS),)]:
            return
        with self._transaction():
            for statement in KEYS:
                self._connection.execute(statement)

    def _is_right(self) -> bool:
        """Return whether the tables are of this format and of this store, and its log still has what they are made of."""
        if not self._rows("SELECT 1 FROM sqlite_master WHERE name = 'state'"):
            return False
        found = self._rows("SELECT * FROM state")
        if len(found) != 1 or found[0][0] != FORMAT:
            return False
        _, store, upto, stream, version, hash_ = found[0]
        if upto == 0:
            return True
        row = next(self._ledger.rows(upto - 1, upto=upto), None)
        return row is not None and (store, stream, version, hash_) == (
            self._store,
            row[1],
            row[2],
            _hash_of(row[4]),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.execute("COMMIT")

    def _rows(self, statement: str, *values: object) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()

    def _answer(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._rows(statement, *values)
        except sqlite3.Error as error:
            self._give_up(error, again=True)
            self.catch_up()
            return self._rows(statement, *values)

    def _all_of(self, table: str, order: str) -> Iterator[tuple[Any, ...]]:
        yield from self._connection.execute(f"SELECT * FROM {table} ORDER BY {order}")


def _store_of(ledger: ExitLedger) -> bytes:
    for record in ledger.history(STORE_ID):
        if isinstance(record.event, StoreOpened):
            return record.event.store_id.bytes
    return b""


def _hash_of(state: bytes) -> bytes:
    return sha256(state).digest()
