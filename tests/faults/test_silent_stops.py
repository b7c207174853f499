"""Every known way in which a loop of the worker can stop is provoked, and seen: by health, in the log, by the exit code."""

import asyncio
import contextlib
import gc
import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.application.live.supervisor import LoopState, Step, Supervisor
from exitbrain.infrastructure.redis.streams import ADAPTIVE_LEVELS, TRADE_INTENTS
from tests.faults.live import Live
from tests.faults.processes.proxy import Fault, Proxy, Switchboard
from tests.faults.served import Served
from tests.servers import RedisServer, start_postgres

pytestmark = pytest.mark.integration

SEEN_WITHIN_S = 4.0
"""The promise is three seconds; the rest is for a test that shares its machine."""
PATIENCE_S = 30.0
LOOPS = ("read", "commit", "publish", "reclaim", "reap", "health")


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    server = RedisServer("current")
    yield server
    server.stop()


@pytest.fixture
def server(shared_redis: RedisServer) -> RedisServer:
    with redis.Redis.from_url(shared_redis.url) as client:
        client.flushall()
    return shared_redis


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Start workers in this process, ready for work."""
    started: list[Live] = []

    def live(redis_url: str, store: str | None = None, **options: Any) -> Live:
        started.append(Live(redis_url, store or f"sqlite:///{tmp_path / 'store.db'}", **options))
        until(lambda: started[-1].ask()[0] == 200, PATIENCE_S)
        return started[-1]

    yield live
    for one in started:
        one.end()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start workers as processes, ready for work."""
    started: list[Served] = []

    def serve(redis_url: str, **environment: str) -> Served:
        started.append(Served(tmp_path, redis_url, f"sqlite:///{tmp_path / 'store.db'}", **environment))
        until(started[-1].ready, PATIENCE_S)
        return started[-1]

    yield serve
    for one in started:
        one.kill()


def until(reached: Callable[[], object], seconds: float = SEEN_WITHIN_S) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)


def send(server: RedisServer) -> None:
    intent = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}
    with redis.Redis.from_url(server.url) as client:
        client.xadd(TRADE_INTENTS, {"payload": json.dumps(intent)})


def decided(server: RedisServer, count: int) -> bool:
    with redis.Redis.from_url(server.url) as client:
        return bool(client.xlen(ADAPTIVE_LEVELS) == count)


def test_a_read_whose_server_never_answers_fails_is_reported_and_tried_again(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    with closing(Switchboard()) as board:
        proxy = Proxy(board, server.folder / "redis.sock")
        live = lived(f"redis://127.0.0.1:{proxy.port}/0")
        proxy.fault = Fault.FREEZE
        until(lambda: live.logged("loop_failed", loop="read"))
        assert "Redis is not available" in live.logged("loop_failed", loop="read")[0]["error"]
        until(lambda: "read has made no progress" in live.ask()[1])
        until(lambda: live.logged("loop_stalled", loop="read"), 1)
        assert live.ask("/healthz/live")[0] == 200

        proxy.fault = Fault.NONE
        send(server)
        until(lambda: decided(server, 1), PATIENCE_S)
        until(lambda: live.ask()[0] == 200, PATIENCE_S)
        live.end()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_is_cancelled_from_outside_ends_the_worker(
    server: RedisServer, lived: Callable[..., Live], loop: str
) -> None:
    live = lived(server.url)
    live.do(live.task(loop).cancel)

    until(lambda: live.ask("/healthz/live") == (503, f"{loop} ended: cancelled\n"))
    until(lambda: live.logged("loop_ended", loop=loop, error="cancelled"), 1)
    until(lambda: str(live.failed) == f"{loop} ended: cancelled")


def test_a_cancellation_that_a_client_loses_still_ends_the_worker(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    async def lose_a_cancellation() -> None:
        with contextlib.suppress(asyncio.CancelledError):  # as asyncio.wait_for may do before Python 3.12
            await asyncio.sleep(0.1)

    live = lived(server.url)
    live.do(partial(live.supervisor.start, "careless", lose_a_cancellation))
    until(lambda: "careless" in live.supervisor.states)
    live.do(live.task("careless").cancel)

    until(lambda: live.ask("/healthz/live") == (503, "careless ended: cancelled\n"))


def test_a_loop_that_returns_ends_the_worker(server: RedisServer, lived: Callable[..., Live]) -> None:
    returning = asyncio.Event()

    class Returning(Supervisor):
        async def _run(self, state: LoopState, step: Step, every_s: float) -> None:
            if state.name != "publish":
                return await super()._run(state, step, every_s)
            while not returning.is_set():
                await step()
                state.steps += 1
            return None

    live = lived(server.url, supervisor=Returning)
    live.do(returning.set)

    until(lambda: live.ask("/healthz/live") == (503, "publish ended: None\n"))
    until(lambda: live.logged("loop_ended", loop="publish"), 1)
    until(lambda: str(live.failed) == "publish ended: None")


def test_a_writer_thread_that_hangs_is_reported_until_it_moves_again(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)
    live.recording.hang.set()
    send(server)

    until(lambda: "commit has made no progress" in live.ask()[1])
    until(lambda: live.logged("loop_stalled", loop="commit"), 1)
    assert not live.logged("loop_stalled", loop="read"), "the other loops go on"
    live.recording.released.set()
    until(lambda: decided(server, 1), PATIENCE_S)
    until(lambda: live.ask()[0] == 200)
    until(lambda: live.logged("loop_moves_again", loop="commit"), 1)


def test_a_writer_thread_that_hangs_for_too_long_ends_the_worker(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url, supervisor=partial(Supervisor, hung_after_s=1.5))
    live.recording.hang.set()
    send(server)

    until(lambda: live.failed is not None)
    assert str(live.failed).startswith("commit hangs: its step has not returned")


def test_the_end_of_the_thread_that_reads_the_log_ends_the_worker(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)
    live.tail_thread.close()

    until(lambda: live.ask("/healthz/live")[1].startswith("publish ended: RuntimeError"))
    until(lambda: live.logged("loop_ended", loop="publish"), 1)
    until(lambda: live.failed is not None)


def test_a_task_that_waits_for_what_nobody_holds_is_not_collected(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)

    async def wait_for_what_nobody_holds() -> None:
        await asyncio.get_running_loop().create_future()

    live.do(partial(live.supervisor.start, "forgotten", wait_for_what_nobody_holds))
    until(lambda: "forgotten" in live.supervisor.states)
    live.do(gc.collect)
    until(lambda: "forgotten has made no progress" in live.ask()[1])
    gc.collect()
    assert not live.task("forgotten").done()
    until(lambda: live.logged("loop_stalled", loop="forgotten"), 1)


def test_a_blocked_event_loop_is_reported_and_the_worker_goes_on_where_it_was(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)
    live.do(partial(time.sleep, 4.5))
    send(server)

    until(lambda: "the event loop has not ticked" in live.ask("/healthz/live")[1])
    until(lambda: live.logged("event_loop_blocked"), 1)
    until(lambda: decided(server, 1), PATIENCE_S)
    until(lambda: live.ask()[0] == 200)
    assert live.failed is None


def test_a_redis_that_is_killed_and_does_not_come_back_ends_the_worker_with_a_code(
    served: Callable[..., Served],
) -> None:
    server = RedisServer("current")
    worker = served(server.url, EXITBRAIN_GIVE_UP_AFTER_S="4")
    server.stop()

    until(lambda: worker.logged("loop_failed"))
    until(lambda: worker.readiness()[0] == 503)
    until(lambda: worker.logged("loop_stalled"), 1)
    assert worker.process.wait(PATIENCE_S) == 3
    assert "can not go on" in worker.log.read_text()


def test_a_store_that_can_not_grow_is_reported_and_loses_nothing(
    server: RedisServer, served: Callable[..., Served], tmp_path: Path
) -> None:
    worker = served(server.url)
    send(server)
    until(lambda: decided(server, 1), PATIENCE_S)
    # No file of the worker may grow beyond this, as on a full disk; its log is far smaller.
    full = (tmp_path / "store.db-wal").stat().st_size
    _, most = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (full, most))
    send(server)

    until(lambda: worker.logged("loop_failed"))
    until(lambda: "commit has made no progress" in worker.readiness()[1])
    until(lambda: worker.logged("loop_stalled"), 1)
    assert decided(server, 1)
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (most, most))
    until(lambda: decided(server, 2), PATIENCE_S)
    assert worker.stop()[0] == 0


def test_a_postgresql_that_is_stopped_is_reported_until_it_is_back(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    postgres, url = start_postgres()
    try:
        live = lived(server.url, url)
        postgres.end("QUIT")
        send(server)
        until(lambda: "has made no progress" in live.ask()[1])
        until(lambda: live.logged("loop_stalled"), 1)
        until(lambda: live.logged("loop_failed"), PATIENCE_S)
        postgres.start()
        until(lambda: decided(server, 1), PATIENCE_S)
        until(lambda: live.ask()[0] == 200, PATIENCE_S)
        live.end()
    finally:
        postgres.stop()
