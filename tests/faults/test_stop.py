"""A worker ends when it is told to, also while a server that it waits for says nothing."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import redis

from tests.faults.processes.evidence import EVENTS, INTENTS
from tests.faults.processes.proxy import Fault, Proxy, Switchboard
from tests.faults.processes.workers import Nursery, Worker
from tests.servers import RedisServer, start_postgres

pytestmark = pytest.mark.integration

STOP_WITHIN_S = 2.0
PATIENCE_S = 30.0
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
        nursery = Nursery({"EXITBRAIN_LOG_FORM": "json"})
        stack.callback(nursery.close)
        client = stack.enter_context(redis.Redis.from_url(server.url))
        nursery.start(worker)
        yield Stage(worker, nursery, client, to_store)


def _until_published(stage: Stage, count: int) -> None:
    deadline = monotonic() + PATIENCE_S
    while stage.client.xlen(EVENTS) < count:
        assert monotonic() < deadline, stage.worker.log.read_text()
        sleep(0.02)


@pytest.mark.parametrize("silent", ["redis", "store", "both"])
def test_a_worker_stops_in_time_while_a_server_says_nothing(stage: Stage, silent: str) -> None:
    stage.client.xadd(INTENTS, LONG)
    _until_published(stage, 1)
    if silent in {"store", "both"}:
        stage.store.fault = Fault.FREEZE
    asked = stage.store.requests
    stage.client.xadd(INTENTS, LONG)
    if silent in {"redis", "both"}:
        stage.worker.redis.fault = Fault.FREEZE
    sleep(1.0)  # not a wait for something: the loops are to be in the middle of their waiting
    assert silent == "redis" or stage.store.requests == asked
    ((code, seconds),) = stage.nursery.stop([stage.worker])
    assert code == 0
    assert seconds < STOP_WITHIN_S
