"""A worker ends when it is told to, also while a server that it waits for says nothing."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.processes.evidence import EVENTS, INTENTS, Group, group
from tests.faults.processes.proxy import Fault, Proxy, Switchboard
from tests.faults.processes.workers import Nursery, OwnExit, Worker
from tests.own_time import LIVENESS_S, OwnTime, wait_until
from tests.servers import RedisServer, start_postgres

pytestmark = pytest.mark.integration

STOP_WITHIN_S = 2.0
DONE = Group(pending=0, undelivered=0)
LONG: dict[Any, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "entry_price": "100",
    "quantity": "2",
    "leverage": "10",
}


@dataclass(slots=True)
class Stage:
    """A worker at work between two servers, each behind a proxy."""

    worker: Worker
    nursery: Nursery
    client: redis.Redis
    store: Proxy


@pytest.fixture(scope="module")
def postgres() -> Iterator[Path]:
    """Yield the folder of a PostgreSQL."""
    server, _ = start_postgres()
    yield server.folder
    server.stop()


@pytest.fixture
def stage(tmp_path: Path, postgres: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        board = Switchboard()
        stack.callback(board.close)
        server = RedisServer("current")
        stack.callback(server.stop)
        to_redis = Proxy(board, server.folder / "redis.sock")
        to_store = Proxy(board, postgres / ".s.PGSQL.5432")
        store = f"postgresql://postgres@127.0.0.1:{to_store.port}/postgres?sslmode=disable&gssencmode=disable"
        arguments = ["serve", "--redis", f"redis://127.0.0.1:{to_redis.port}/0", "--store", store]
        arguments += ["--consumer", "one", "--health", "127.0.0.1:0"]
        worker = Worker("one", arguments, tmp_path / "log", to_redis, to_store)
        nursery = Nursery({"EXITBRAIN_GIVE_UP_AFTER_S": "5"})
        stack.callback(nursery.close)
        client = stack.enter_context(redis.Redis.from_url(server.url, decode_responses=True))
        nursery.start(worker)
        yield Stage(worker, nursery, client, to_store)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_still_starting_ends_in_time_and_well(tmp_path: Path, how: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, (tmp_path / "log").open("wb") as log:
        store = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres"
        command = [sys.executable, "-m", "exitbrain.infrastructure.cli.main", "serve", "--store", store]
        process = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=log)
        silent.settimeout(LIVENESS_S)
        connection, _ = silent.accept()
        with connection:
            clock = OwnTime(process.pid)
            process.send_signal(how)
            seconds = wait_until(lambda: process.poll() is not None, clock=clock)
            assert process.returncode == 0
            assert seconds < STOP_WITHIN_S
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.parametrize("silent", ["redis", "store", "both"])
def test_a_worker_stops_in_time_while_a_server_says_nothing(stage: Stage, silent: str) -> None:
    client, log = stage.client, stage.worker.log
    client.xadd(INTENTS, LONG)
    wait_until(lambda: client.xlen(EVENTS) > 0 and group(client, INTENTS) == DONE, log.read_text)
    if silent != "redis":
        stage.store.fault = Fault.FREEZE
        client.xadd(INTENTS, LONG)
        wait_until(lambda: group(client, INTENTS) == Group(pending=1, undelivered=0), log.read_text)
    if silent != "store":
        stage.worker.redis.fault = Fault.FREEZE
    ((code, seconds),) = stage.nursery.stop([stage.worker], OwnTime(stage.worker.pid))
    assert code == 0
    assert seconds < STOP_WITHIN_S


def test_a_worker_that_can_not_go_on_ends_although_its_store_says_nothing(stage: Stage) -> None:
    client, log = stage.client, stage.worker.log
    client.xadd(INTENTS, LONG)
    wait_until(lambda: client.xlen(EVENTS) > 0 and group(client, INTENTS) == DONE, log.read_text)
    stage.store.fault = Fault.FREEZE
    client.xadd(INTENTS, LONG)
    wait_until(lambda: group(client, INTENTS) == Group(pending=1, undelivered=0), log.read_text)
    stage.worker.redis.fault = Fault.REFUSE
    stage.worker.redis.cut()
    stage.nursery.bury(stage.worker)
    assert stage.nursery.own_exits == [OwnExit("one", 3)]
