"""Every known way in which a loop of the worker can stop by itself is provoked, and seen by health and in the log."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable
from functools import partial

import pytest

from exitbrain.application.live.supervisor import LoopState, Step, Supervisor
from tests.faults.live import Live
from tests.faults.waiting import decided, send, soon, until
from tests.own_time import LIVENESS_S
from tests.servers import RedisServer

pytestmark = pytest.mark.integration

LOOPS = ("read", "commit", "acknowledge", "publish", "reclaim", "reap", "health")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_that_is_cancelled_from_outside_ends_the_worker(
    server: RedisServer, lived: Callable[..., Live], loop: str
) -> None:
    live = lived(server.url)
    live.do(live.task(loop).cancel)

    soon(lambda: live.ask("/healthz/live") == (503, f"{loop} ended: cancelled\n"))
    soon(lambda: live.logged("loop_ended", loop=loop, error="cancelled"))
    soon(lambda: str(live.failed) == f"{loop} ended: cancelled")


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

    soon(lambda: live.ask("/healthz/live") == (503, "careless ended: cancelled\n"))


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

    soon(lambda: live.ask("/healthz/live") == (503, "publish ended: None\n"))
    soon(lambda: live.logged("loop_ended", loop="publish"))
    soon(lambda: str(live.failed) == "publish ended: None")


def test_a_writer_thread_that_hangs_is_reported_until_it_moves_again(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)
    live.recording.hang.set()
    send(server)

    soon(lambda: "commit has made no progress" in live.ask()[1])
    soon(lambda: live.logged("loop_stalled", loop="commit"))
    assert not live.logged("loop_stalled", loop="read"), "the other loops go on"
    live.recording.released.set()
    until(lambda: decided(server, 1))
    until(lambda: live.ask()[0] == 200)
    until(lambda: live.logged("loop_moves_again", loop="commit"))


def test_a_writer_thread_that_hangs_for_too_long_ends_the_worker(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url, supervisor=partial(Supervisor, hung_after_s=1.5))
    live.recording.hang.set()
    send(server)

    soon(lambda: live.failed is not None)
    assert str(live.failed).startswith("commit hangs: its step has not returned")


def test_the_end_of_the_thread_that_reads_the_log_ends_the_worker(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)
    live.tail_thread.close()

    soon(lambda: live.ask("/healthz/live")[1].startswith("publish ended: RuntimeError"))
    soon(lambda: live.logged("loop_ended", loop="publish"))
    soon(lambda: live.failed is not None)


def test_a_task_that_waits_for_what_nobody_holds_is_not_collected(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)

    async def wait_for_what_nobody_holds() -> None:
        await asyncio.get_running_loop().create_future()

    live.do(partial(live.supervisor.start, "forgotten", wait_for_what_nobody_holds))
    until(lambda: "forgotten" in live.supervisor.states)
    live.do(gc.collect)
    soon(lambda: "forgotten has made no progress" in live.ask()[1])
    gc.collect()
    assert not live.task("forgotten").done()
    soon(lambda: live.logged("loop_stalled", loop="forgotten"))


def test_a_blocked_event_loop_is_reported_and_the_worker_goes_on_where_it_was(
    server: RedisServer, lived: Callable[..., Live]
) -> None:
    live = lived(server.url)
    released = threading.Event()
    live.do(partial(released.wait, LIVENESS_S))
    send(server)

    soon(lambda: "the event loop has not ticked" in live.ask("/healthz/live")[1])
    soon(lambda: live.logged("event_loop_blocked"))
    released.set()
    until(lambda: decided(server, 1))
    until(lambda: live.ask()[0] == 200)
    assert live.failed is None
