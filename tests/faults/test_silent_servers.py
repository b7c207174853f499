"""A server or a disk that the worker needs says nothing more: seen by health, in the log, and by the exit code."""

import resource
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.live import Live
from tests.faults.processes.proxy import Fault, Proxy, Switchboard
from tests.faults.served import Served
from tests.faults.waiting import decided, send, soon, until
from tests.own_time import LIVENESS_S
from tests.servers import RedisServer, start_postgres

pytestmark = pytest.mark.integration


def test_a_read_whose_server_never_answers_fails_is_reported_and_tried_again(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    with closing(Switchboard()) as board:
        proxy = Proxy(board, server.folder / "redis.sock")
        live = lived(f"redis://127.0.0.1:{proxy.port}/0")
        proxy.fault = Fault.FREEZE
        soon(lambda: live.logged("outage_begun"))
        assert "Redis is not available" in live.logged("outage_begun")[0]["error"]
        soon(lambda: "read has made no progress" in live.ask()[1])
        until(lambda: any("read" in line["loops"] for line in live.logged("outage_lasts")))
        assert live.ask("/healthz/live")[0] == 200

        proxy.fault = Fault.NONE
        send(server)
        until(lambda: decided(server, 1))
        until(lambda: live.ask()[0] == 200)
        until(lambda: live.logged("outage_over"))
        # What another loop had asked meanwhile may be given up after this one is answered again.
        assert [line["loop"] for line in live.logged("outage_begun")].count("read") == 1
        live.end()


def test_a_redis_that_is_killed_and_does_not_come_back_ends_the_worker_with_a_code(
    served: Callable[..., Served],
) -> None:
    server = RedisServer("current")
    worker = served(server.url, EXITBRAIN_GIVE_UP_AFTER_S="4")
    server.stop()

    soon(lambda: worker.logged("outage_begun"), worker.process.pid)
    soon(lambda: worker.readiness()[0] == 503, worker.process.pid)
    assert worker.process.wait(LIVENESS_S) == 3
    assert "cannot go on" in worker.log.read_text()


def test_a_store_that_can_not_grow_is_reported_and_loses_nothing(
    server: RedisServer, served: Callable[..., Served], tmp_path: Path
) -> None:
    worker = served(server.url)
    send(server)
    until(lambda: decided(server, 1))
    # No file of the worker may grow beyond this, as on a full disk; its log is far smaller.
    full = (tmp_path / "store.db-wal").stat().st_size
    _, most = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (full, most))
    send(server)

    soon(lambda: worker.logged("outage_begun"), worker.process.pid)
    soon(lambda: "commit has made no progress" in worker.readiness()[1], worker.process.pid)
    assert decided(server, 1)
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (most, most))
    until(lambda: decided(server, 2))
    assert worker.stop()[0] == 0


def test_a_postgresql_that_is_stopped_is_reported_until_it_is_back(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    postgres, url = start_postgres()
    try:
        live = lived(server.url, url)
        postgres.end("QUIT")
        send(server)
        soon(lambda: "has made no progress" in live.ask()[1])
        soon(lambda: live.logged("loop_stalled"))
        until(lambda: live.logged("outage_begun"))
        postgres.start()
        until(lambda: decided(server, 1))
        until(lambda: live.ask()[0] == 200)
        live.end()
    finally:
        postgres.stop()
