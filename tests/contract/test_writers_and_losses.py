"""What happens to a ledger beside other writers, and when the store fails in the middle of a save."""

import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from exitbrain.application.ports.exit_ledger import AlreadyReceived, Conflict, StoreUnavailable
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.event_store.postgres import open_database
from exitbrain.infrastructure.event_store.postgres_table import TURN
from exitbrain.infrastructure.event_store.sqlite import SQLiteLedgerRecorder
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.contract.test_exit_ledger import receipt
from tests.own_time import LIVENESS_S, wait_until

TURNS = (
    f"SELECT pg_advisory_xact_lock({TURN}, 'public'::regnamespace::oid::int4)",
    "LOCK TABLE public.stored_events IN EXCLUSIVE MODE",
)
"""How a writer takes its turn, and how one of an earlier version does."""


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def insert(connection: psycopg.Connection, number: int) -> None:
    """Insert an event the plain way."""
    event = MAPPER.to_stored_event(receipt(number))
    connection.execute(
        "INSERT INTO public.stored_events (originator_id, originator_version, topic, state) "
        "VALUES (%s, %s, %s, %s)",
        [event.originator_id, event.originator_version, event.topic, event.state],
    )


def waits_for_a_lock(database: str, sessions: int = 1) -> bool:
    with psycopg.connect(database) as connection:
        waiting = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock'"
        ).fetchone()
    return waiting == (sessions,)


@pytest.mark.parametrize("ending", ["commit", "rollback"])
@pytest.mark.parametrize("turn", TURNS)
def test_postgres_shows_nothing_after_a_gap_that_may_still_fill(
    database: str, thread: ThreadPoolExecutor, turn: str, ending: str
) -> None:
    with closing(open_ledger(database, create=True)) as ledger:
        ledger.save([receipt(1)])
        with psycopg.connect(database) as held:
            held.execute(turn.encode())
            insert(held, 2)  # has drawn its position, and may still commit
            saving = thread.submit(ledger.save, [receipt(3)])
            wait_until(lambda: waits_for_a_lock(database))
            assert ids(ledger) == [receipt(1).stream_id]
            assert not saving.done()
            getattr(held, ending)()
        saving.result(LIVENESS_S)
        expected = (1, 2, 3) if ending == "commit" else (1, 3)
        assert ids(ledger) == [receipt(number).stream_id for number in expected]


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_postgres_sees_what_was_committed_while_a_save_waited_for_its_turn(
    database: str, thread: ThreadPoolExecutor, turn: str, isolation: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = conninfo_to_dict(database)["dbname"]
        connection.execute(
            f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'".encode()
        )
    with closing(open_ledger(database, create=True)) as ledger:
        ledger.save([receipt(1)])
        with psycopg.connect(database) as held:
            held.execute(turn.encode())
            insert(held, 2)
            saving = thread.submit(ledger.save, [receipt(3)], absent=[(receipt(2).stream_id, 1)])
            wait_until(lambda: waits_for_a_lock(database))
            held.commit()
        with pytest.raises(Conflict):
            saving.result(LIVENESS_S)
        assert ids(ledger) == [receipt(1).stream_id, receipt(2).stream_id]


def test_two_postgres_writers_make_the_table_at_the_same_moment(database: str) -> None:
    with (
        ThreadPoolExecutor(2) as threads,
        closing(open_ledger(database, create=True)) as one,
        closing(open_ledger(database, create=True)) as other,
    ):
        with psycopg.connect(database) as held:
            held.execute(TURNS[0].encode())
            saves = [threads.submit(one.save, [receipt(1)]), threads.submit(other.save, [receipt(2)])]
            wait_until(lambda: waits_for_a_lock(database, sessions=2))
        assert sorted(save.result(LIVENESS_S) for save in saves) == [1, 2]
        assert set(ids(one)) == {receipt(1).stream_id, receipt(2).stream_id}


def test_sqlite_shows_nothing_of_a_transaction_that_is_held_open(
    tmp_path: Path, thread: ThreadPoolExecutor
) -> None:
    path = tmp_path / "ledger.db"
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as ledger:
        ledger.save([receipt(1)])
        event = MAPPER.to_stored_event(receipt(2))
        with closing(sqlite3.connect(path, isolation_level=None)) as held:
            held.execute("BEGIN IMMEDIATE")
            held.execute(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
                "VALUES (?, ?, ?, ?)",
                [receipt(2).stream_id.hex, event.originator_version, event.topic, event.state],
            )
            saving = thread.submit(ledger.save, [receipt(3)])
            assert ids(ledger) == [receipt(1).stream_id]
            assert not saving.done()
            held.execute("COMMIT")
        saving.result(LIVENESS_S)
        assert ids(ledger) == [receipt(number).stream_id for number in (1, 2, 3)]


def test_postgres_waits_for_another_writer_only_so_long(database: str) -> None:
    with closing(open_database(database, create=True, environ={}, lock_timeout_s=1)) as ledger:
        with psycopg.connect(database) as held:
            held.execute(TURNS[0].encode())
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                ledger.save([receipt(1)])
        assert ledger.is_empty()
        assert ledger.save([receipt(1)]) == 1


def test_sqlite_waits_for_another_writer_only_so_long(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    recorder = SQLiteLedgerRecorder(path, lock_timeout_s=1)
    recorder.create_table()
    with closing(StoredLedger(recorder, "ledger")) as ledger:
        with closing(sqlite3.connect(path, isolation_level=None)) as held:
            held.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="locked"):
                ledger.save([receipt(1)])
            assert ledger.is_empty()
        assert ledger.save([receipt(1)]) == 1


def test_postgres_goes_on_when_its_idle_connections_were_ended(database: str) -> None:
    with closing(open_ledger(database, create=True)) as ledger:
        ledger.save([receipt(1)])
        for number in (2, 3):
            end_other_connections(database)
            ledger.save([receipt(number)])
            end_other_connections(database)
            assert ids(ledger) == [receipt(n).stream_id for n in range(1, number + 1)]


def test_a_commit_whose_reply_was_lost_is_recognised_and_not_repeated(database: str, tmp_path: Path) -> None:
    with closing(Proxy(database, tmp_path)) as proxy, closing(open_ledger(proxy.url, create=True)) as ledger:
        ledger.save([receipt(1)])
        proxy.lose_the_next("reply to COMMIT")
        assert ledger.save([receipt(2), receipt(3)]) == 3
        assert proxy.lost
        assert ids(ledger) == [receipt(number).stream_id for number in (1, 2, 3)]


def test_a_commit_that_never_arrived_is_repeated_once(database: str, tmp_path: Path) -> None:
    with closing(Proxy(database, tmp_path)) as proxy, closing(open_ledger(proxy.url, create=True)) as ledger:
        ledger.save([receipt(1)])
        proxy.lose_the_next("COMMIT")
        last = ledger.save([receipt(2), receipt(3)])
        assert proxy.lost
        assert last == ledger.head()
        assert ids(ledger) == [receipt(number).stream_id for number in (1, 2, 3)]


def test_after_a_lost_reply_what_somebody_else_saved_is_not_taken_for_ours(
    database: str, tmp_path: Path
) -> None:
    with closing(Proxy(database, tmp_path)) as proxy, closing(open_ledger(proxy.url, create=True)) as ledger:
        with closing(open_ledger(database, create=True)) as other:
            other.save([receipt(2, by="another worker")])
        proxy.lose_the_next("BEGIN")
        with pytest.raises(AlreadyReceived):
            ledger.save([receipt(2, by="us")])
        assert proxy.lost
        assert [entry.event for entry in ledger.log()] == [receipt(2, by="another worker").event]


def test_a_server_that_is_gone_is_unavailable(database: str, tmp_path: Path) -> None:
    with (
        closing(Proxy(database, tmp_path)) as proxy,
        closing(open_database(proxy.url, create=True, environ={}, connect_timeout_s=1)) as ledger,
    ):
        ledger.save([receipt(1)])
        proxy.close()
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            ledger.head()
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            ledger.save([receipt(2)])


_SAVE_ON_A_FULL_DISK = """
import resource, sys
from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.contract.test_exit_ledger import receipt

ledger = open_ledger(sys.argv[1], create=True)
ledger.save([receipt(1)])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
try:
    ledger.save([receipt(number, blob="x" * 1000) for number in range(2, 1000)])
except StoreUnavailable as e:
    print(e)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert ledger.head() == 1, ledger.head()
ledger.save([receipt(2)])
assert ledger.head() == 2
ledger.close()
"""


def test_on_a_full_disk_sqlite_saves_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    run = subprocess.run(
        [sys.executable, "-c", _SAVE_ON_A_FULL_DISK, f"sqlite:///{path}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"store {path} cannot be written:")
    with closing(open_ledger(f"sqlite:///{path}", create=False)) as ledger:
        assert ids(ledger) == [receipt(1).stream_id, receipt(2).stream_id]


def test_positions_survive_a_vacuum(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as ledger:
        ledger.save([receipt(number) for number in range(1, 6)])
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DELETE FROM stored_events WHERE rowid IN (1, 3)")
            connection.commit()
            connection.execute("VACUUM")
            kinds = connection.execute("PRAGMA table_info(stored_events)").fetchall()
        assert [row[0] for row in ledger.rows()] == [2, 4, 5]
        assert [name for _, name, kind, _, _, key in kinds if kind == "INTEGER" and key] == ["rowid"]


def ids(ledger: StoredLedger) -> list[UUID]:
    return [entry.stream_id for entry in ledger.log()]


def end_other_connections(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class Proxy:
    """Stands between a client and PostgreSQL and can break a connection around one statement."""

    def __init__(self, database: str, folder: Path) -> None:
        self._server = conninfo_to_dict(database)
        self._breaking: tuple[bytes, bool] | None = None
        self.lost = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        options = {**self._server, "host": str(folder), "port": 5432}
        self.url = "postgresql:///?" + "&".join(f"{key}={value}" for key, value in options.items())
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_the_next(self, what: str) -> None:
        """Break the connection before a statement reaches the server, or before its reply reaches the client."""
        self._breaking = (what.removeprefix("reply to ").encode(), what.startswith("reply to "))

    def close(self) -> None:
        """Break all connections and accept no more."""
        for end in (self._listener, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                self._ends += (client, server)
                threading.Thread(target=self._to_server, args=(client, server), daemon=True).start()
                threading.Thread(target=self._to_client, args=(server, client), daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = str(self._server.get("host") or "127.0.0.1"), int(self._server.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                self._break_at(data, client, server, in_reply=False)
                server.sendall(data)
        self._end(client, server)

    def _to_client(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                self._break_at(data, client, server, in_reply=True)
                client.sendall(data)
        self._end(client, server)

    def _break_at(self, data: bytes, *ends: socket.socket, in_reply: bool) -> None:
        if self._breaking is None:
            return
        statement, is_reply = self._breaking
        if is_reply is in_reply and statement in data:
            self._breaking = None
            self.lost = True
            self._end(*ends)
            raise ConnectionResetError

    def _end(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
