"""Every row of the table in docs/cli.md: what a Redis that cannot be used makes of a command, and what is said."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis

from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.worker.serving import STOPPING
from tests.architecture.source import ROOT
from tests.faults.served import Served
from tests.faults.waiting import until
from tests.names import EVENTS, LEASE, TRADE_INTENTS
from tests.own_time import LIVENESS_S
from tests.peers import CERTIFICATE, silent, tls_before, web_server
from tests.servers import RedisServer, as_cluster

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
RIGHT = "r@ght/p:s?s#%"
QUOTED = "r%40ght%2Fp%3As%3Fs%23%25"

Place = AbstractContextManager[str]


@contextmanager
def fresh(*commands: str, flags: tuple[str, ...] = (), kind: str = "current") -> Iterator[RedisServer]:
    """Yield a server to which these commands were given, so that what it then refuses is what they ask for."""
    server = RedisServer(kind, *flags)
    try:
        with redis.Redis.from_url(server.url) as client:
            for command in commands:
                client.execute_command(*command.split(" "))
        yield server
    finally:
        server.stop()


@contextmanager
def asked_with(credentials: str, options: str, *commands: str) -> Iterator[str]:
    with fresh(*commands) as server:
        yield f"unix://{credentials}{server.folder}/redis.sock{options}"


@contextmanager
def loading() -> Iterator[str]:
    slowly = ("--key-load-delay", "300000", "--loading-process-events-interval-bytes", "1024")
    server = RedisServer("current", *slowly, append_only=True)
    try:
        with redis.Redis.from_url(server.url) as client:
            client.mset({str(number): os.urandom(2048) for number in range(100)})
            client.bgrewriteaof()
            until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
        server.kill()
        server.guarded.start()
        until(lambda: says_loading(server.url))
        yield server.url
    finally:
        server.stop()


def says_loading(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, retry=None) as client:
            client.ping()
    except redis.BusyLoadingError:
        return True
    except redis.RedisError:
        return False
    return False


@contextmanager
def over_tls(url: str) -> Iterator[str]:
    with fresh() as server, tls_before(server.folder / "redis.sock") as port:
        yield url.format(port=port, ca=CERTIFICATE)


@contextmanager
def without_tls() -> Iterator[str]:
    port = free_port()
    with fresh(f"CONFIG SET port {port}"):
        yield f"rediss://127.0.0.1:{port}/0"


@contextmanager
def at(peer: Callable[[], AbstractContextManager[int]]) -> Iterator[str]:
    with peer() as port:
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def nothing_at(url: str) -> Iterator[str]:
    yield url


@contextmanager
def cluster_without_slots() -> Iterator[str]:
    server = RedisServer("current", *as_cluster())
    try:
        yield server.url
    finally:
        server.stop()


def free_port() -> int:
    with web_server() as port:
        return port


USER = "ACL SETUSER worker on >secret allkeys allchannels +@all"
PASSWORD = f"CONFIG SET requirepass {RIGHT}"
REPLICA = "REPLICAOF 127.0.0.1 1"

# The row of the table, the server, and what of its own reason is said.
ROWS: list[tuple[str, Callable[[], Place], str]] = [
    ("wrong user or password", lambda: asked_with(":wrong@", "", PASSWORD), "invalid username-password pair"),
    ("wrong user or password", lambda: asked_with(f"joe:{QUOTED}@", "", PASSWORD), "WRONGPASS"),
    (
        "a password, and none is asked for",
        lambda: asked_with(":needless@", ""),
        "without any password configured",
    ),
    ("no password", lambda: asked_with("", "", PASSWORD), "NOAUTH Authentication required"),
    (
        "no right to a command",
        lambda: asked_with("worker:secret@", "", f"{USER} -xreadgroup -xrange"),
        "no permissions to run the '(xrange|xreadgroup)' command",
    ),
    (
        "no right to a key",
        lambda: asked_with("worker:secret@", "", "ACL SETUSER worker on >secret +@all ~quantum:turn:*"),
        r"denies the right to the key \S+: NOPERM",
    ),
    (
        "a key of another type",
        lambda: asked_with("", "", f"SET {TRADE_INTENTS} x", "SET quantum:dlq:trade.intent x"),
        "the key quantum:[a-z:]*trade.intent is of another type: WRONGTYPE",
    ),
    ("no such database", lambda: asked_with("", "?db=99"), "DB index is out of range"),
    ("a malformed URL", lambda: nothing_at("redis://:pa/ss@localhost:6379/0"), "%2F"),
    ("TLS asked of a server without", without_tls, "must begin with redis://"),
    ("no TLS asked of a server with it", lambda: over_tls("redis://127.0.0.1:{port}/0"), "rediss://"),
    (
        "a certificate that is not trusted",
        lambda: over_tls("rediss://localhost:{port}/0"),
        "self-signed certificate",
    ),
    (
        "a certificate of another host",
        lambda: over_tls("rediss://127.0.0.1:{port}/0?ssl_ca_certs={ca}"),
        "IP address mismatch|certificate is not valid for '127.0.0.1'",
    ),
    ("something that is no Redis", lambda: at(web_server), "does not speak the protocol of Redis"),
    ("refused connections", lambda: nothing_at("redis://127.0.0.1:1/0"), "connecting to 127.0.0.1:1"),
    ("no socket", lambda: nothing_at("unix:///tmp/exitbrain-nobody.sock"), "No such file"),
    ("no answer", lambda: at(silent), "no answer within|Timeout"),
    ("a name that is not found", lambda: nothing_at("redis://redis.invalid:6379/0"), "redis.invalid"),
    ("loading its data", loading, "LOADING"),
    ("a cluster that is down", cluster_without_slots, "CLUSTERDOWN"),
    (
        "a replica that has lost its master",
        lambda: asked_with("", "", REPLICA, "CONFIG SET replica-serve-stale-data no"),
        "MASTERDOWN",
    ),
]
# Reading goes on, so nothing is wrong for `dlq list`.
WRITING: list[tuple[str, Callable[[], Place], str]] = [
    ("a read-only replica", lambda: asked_with("", "", REPLICA), "READONLY"),
    ("no memory left", lambda: asked_with("", "", "CONFIG SET maxmemory 1"), "OOM"),
]


def documented() -> dict[str, int]:
    """Return the table of the page: the exit code of each row."""
    table = PAGE.partition("<!-- tested: redis -->")[2].partition("\n\n")[0]
    return {row: int(code) for row, code in re.findall(r"^\| ([^|]+?) \| (\d) \|", table, re.MULTILINE)}


def test_every_row_of_the_table_is_tried() -> None:
    assert set(documented()) == {row for row, _, _ in [*ROWS, *WRITING]}


@pytest.mark.parametrize(("row", "place", "reason"), [*ROWS, *WRITING])
def test_serve_and_doctor_end_with_the_code_of_the_table_and_say_why(
    row: str,
    place: Callable[[], Place],
    reason: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.setenv("EXITBRAIN_GIVE_UP_AFTER_S", "1")
    monkeypatch.setenv("EXITBRAIN_HEALTH", "127.0.0.1:0")
    with place() as url:
        with signals_kept():
            code = run(["serve", "--redis", url, "--store", "sqlite:///errors.db"])
        said = capfd.readouterr().err
        assert (code, bool(re.search(reason, said))) == (documented()[row], True), said
        assert said.splitlines()[-1].startswith("exitbrain: ")
        assert not re.search(rf"Traceback|secret|{re.escape(RIGHT)}|{QUOTED}", said)

        capfd.readouterr()
        code = run(["doctor", "--redis", url])
        said = capfd.readouterr().out
        assert (code, bool(re.search(reason, said))) == (documented()[row], True), said


@pytest.mark.parametrize(("row", "place", "reason"), ROWS)
def test_the_commands_about_dead_letters_do_so_too(
    row: str,
    place: Callable[[], Place],
    reason: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with place() as url:
        commands = [["list"], ["show", "1-0"], ["retry", "1-0"]]
        for command in commands if row == "wrong user or password" else commands[:1]:
            code = run(["dlq", *command, "--redis", url])
            said = capfd.readouterr().err
            assert (code, bool(re.search(reason, said))) == (documented()[row], True), said
            assert said.count("\n") == 1


@contextmanager
def signals_kept() -> Iterator[None]:
    """Give the signals back that a worker in this process takes."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("kind", "commands", "reason"),
    [
        (
            "current",
            ["ACL SETUSER worker resetpass >another", "CLIENT KILL USER worker"],
            "WRONGPASS invalid username-password pair",
        ),
        (
            "current",
            ["ACL SETUSER worker -xreadgroup -xadd"],
            "no permissions to run the 'xreadgroup' command",
        ),
        ("redis-6.2", ["ACL SETUSER worker -xreadgroup -xadd"], "denies a right"),
        ("current", ["ACL SETUSER worker resetkeys"], "NOPERM"),
        (
            "redis-6.2",
            [f"DEL {LEASE}:store", f"RPUSH {LEASE}:store x"],
            f"the key {LEASE}:store is of another type",
        ),
        (
            "current",
            [f"DEL {{{EVENTS}}}:published", f"RPUSH {{{EVENTS}}}:published x"],
            f"{{{EVENTS}}}:published",
        ),
    ],
)
def test_a_worker_that_loses_what_it_needs_ends_with_code_2_while_it_runs(
    kind: str, commands: list[str], reason: str, tmp_path: Path
) -> None:
    with fresh(USER, kind=kind) as server:
        url = server.url.replace("unix://", "unix://worker:secret@")
        worker = Served(tmp_path, url, f"sqlite:///{tmp_path}/store.db")
        try:
            until(worker.ready)
            with redis.Redis.from_url(server.url) as client:
                for command in commands:
                    client.execute_command(*command.split(" "))
            assert worker.process.wait(LIVENESS_S) == 2
            last = worker.log.read_text().splitlines()[-1]
            assert last.startswith("exitbrain: Redis cannot be used: ")
            assert reason in last
            assert "secret" not in worker.log.read_text()
        finally:
            worker.kill()


@pytest.mark.parametrize("options", ["?ssl_ca_certs={ca}", "?ssl_cert_reqs=none"])
def test_a_server_with_tls_serves_doctor_and_dead_letters(
    options: str, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with over_tls("rediss://localhost:{port}/0" + options.replace("{ca}", str(CERTIFICATE))) as url:
        assert run(["doctor", "--redis", url]) == 0, capfd.readouterr().out
        assert run(["dlq", "list", "--redis", url]) == 0, capfd.readouterr().err
