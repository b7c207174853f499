"""The stores that every contract of the ledger is tested on."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exitbrain.infrastructure.event_store.joined import ledger_over
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.memory import InMemoryRecorder
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.servers import fresh_database

Opener = Callable[[], StoredLedger]
"""Open one more ledger on the same store."""


@pytest.fixture(params=["memory", "sqlite", "host", "postgresql", "postgresql host"])
def open_another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Yield the opener of a store that is empty at first."""
    match request.param:
        case "memory":
            recorder = InMemoryRecorder()
            yield lambda: StoredLedger(recorder, "memory")
        case "sqlite":
            yield from _closing(f"sqlite:///{tmp_path / 'ledger.db'}")
        case "host":
            yield from _over_connections(lambda: _sqlite_at(tmp_path / "host.db"))
        case "postgresql":
            with fresh_database() as url:
                yield from _closing(url)
        case "postgresql host":
            with fresh_database() as url:
                yield from _over_connections(lambda: psycopg.connect(url))


@pytest.fixture
def ledger(open_another: Opener) -> StoredLedger:
    """Return a ledger on an empty store."""
    return open_another()


@pytest.fixture
def database() -> Iterator[str]:
    """Yield the URL of an empty PostgreSQL database."""
    with fresh_database() as url:
        yield url


def _over_connections(
    connect: Callable[[], sqlite3.Connection | psycopg.Connection[Any]],
) -> Iterator[Opener]:
    opened: list[sqlite3.Connection | psycopg.Connection[Any]] = []

    def open_another() -> StoredLedger:
        opened.append(connect())
        return ledger_over(opened[-1])

    yield open_another
    for connection in opened:
        connection.close()


def _sqlite_at(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA synchronous = OFF")  # how durable its commits are is the host's affair
    return connection


def _closing(url: str) -> Iterator[Opener]:
    opened: list[StoredLedger] = []

    def open_another() -> StoredLedger:
        opened.append(open_ledger(url, create=True))
        return opened[-1]

    yield open_another
    for ledger in opened:
        ledger.close()
