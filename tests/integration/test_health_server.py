"""Health and metrics answer over real sockets, whatever state the worker is in, also while its event loop is blocked."""

import asyncio
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.supervisor import LoopFailed, Step, Supervisor
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.infrastructure.observability.health import Heartbeat
from exitbrain.infrastructure.observability.health_server import (
    CONNECTIONS_MAX,
    REQUEST_TIMEOUT_S,
    HealthServer,
)
from exitbrain.infrastructure.observability.journal import LiveJournal
from exitbrain.infrastructure.observability.metrics import Metrics
from tests.faults.waiting import soon, until
from tests.own_time import OwnTime, wait_until

pytestmark = pytest.mark.integration

DEADLINE_S = 60.0


class Unreachable(Exception):
    """What can pass."""


class Worker:
    """Loops under a real supervisor on an event loop of their own, with their health server."""

    def __init__(self, address: str = "127.0.0.1:0", token: str = "") -> None:
        self.log = io.StringIO()
        self.journal = LiveJournal(Metrics(mode="shadow"), form="json", stream=self.log)
        self.metrics = self.journal._metrics
        self.supervisor = Supervisor(self.journal, transient=(Unreachable,))
        self.heartbeat = Heartbeat(self.journal)
        self.unpublished = Unpublished()
        self.lease = LeaseWatch(self.journal)
        self.server = HealthServer(
            self.supervisor,
            self.heartbeat,
            self.unpublished,
            self.lease,
            self.metrics,
            self.journal,
            mode="shadow",
            address=address,
            token=token,
        )
        self.metrics.watch(
            self.supervisor.states,
            silent_s=lambda: self.heartbeat.silent_s,
            unpublished=self.unpublished,
            lease=self.lease,
        )
        self.failed: LoopFailed | None = None
        self.over = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def run(self, **steps: Step) -> None:
        """Start the loops and watch over them."""

        async def main() -> None:
            self.supervisor.start("health", self.heartbeat.beat)
            for name, step in steps.items():
                self.supervisor.start(name, step)
            try:
                await self.supervisor.watch()
            except LoopFailed as failed:
                self.failed = failed

        self._thread.start()
        self._running = asyncio.run_coroutine_threadsafe(main(), self._loop)

    def on_the_event_loop(self, work: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(work)

    def end(self) -> None:
        self.server.stop()
        if self._thread.is_alive():
            self.over.set()
            self.on_the_event_loop(self.supervisor.stop)
            self._running.result(DEADLINE_S)
            asyncio.run_coroutine_threadsafe(self.supervisor.join(0.5), self._loop).result(DEADLINE_S)
            self.on_the_event_loop(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        response = self.ask(path, method)
        return response.status, response.read().decode()

    def ask(self, path: str, method: str = "GET", **headers: str) -> HTTPResponse:
        connection = HTTPConnection(urlsplit(self.server.url).netloc, timeout=5)
        connection.request(method, path, headers=headers)
        return connection.getresponse()

    def status(self, path: str) -> int:
        return self.get(path)[0]

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [
            json.loads(line) for line in self.log.getvalue().splitlines(keepends=True) if line.endswith("\n")
        ]
        return [line for line in lines if line["event"] == event]

    def metric(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.get("/metrics")[1])
        found = {
            (s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples
        }
        return found[name, frozenset(labels.items())]


@contextmanager
def made(address: str = "127.0.0.1:0", token: str = "") -> Iterator[Worker]:
    worker = Worker(address, token)
    worker.server.start()
    try:
        yield worker
    finally:
        worker.end()


@pytest.fixture
def worker() -> Iterator[Worker]:
    with made() as made_worker:
        yield made_worker


async def work() -> None:
    await asyncio.sleep(0.02)


def test_a_working_worker_is_live_and_ready_and_says_how_it_is(worker: Worker) -> None:
    worker.run(read=work, commit=work)
    until(lambda: worker.status("/healthz/ready") == 200)

    assert worker.get("/healthz/live") == (200, "ok\n")
    status, body = worker.get("/healthz")
    report = json.loads(body)
    assert status == 200
    assert (report["status"], report["reason"], report["mode"]) == ("ok", "", "shadow")
    assert set(report["loops"]) == {"health", "read", "commit"}
    assert report["loops"]["read"]["steps"] > 0
    assert report["event_loop"]["silent_s"] < 3


def test_a_worker_whose_loops_do_not_run_yet_is_live_and_not_ready(worker: Worker) -> None:
    assert worker.get("/healthz/live") == (200, "ok\n")
    assert worker.get("/healthz/ready") == (503, "starting: no loop runs yet\n")
    assert worker.status("/healthz") == 503


def test_a_worker_that_stops_is_live_and_not_ready(worker: Worker) -> None:
    worker.run(read=work)
    until(lambda: worker.status("/healthz/ready") == 200)
    worker.on_the_event_loop(worker.supervisor.stop)
    until(lambda: worker.supervisor.stopping)

    assert worker.get("/healthz/live") == (200, "ok\n")
    assert worker.get("/healthz/ready") == (503, "stopping\n")


def test_a_blocked_event_loop_is_seen_and_logged_within_three_seconds_and_its_end_too(worker: Worker) -> None:
    wanted, blocked, released = threading.Event(), threading.Event(), threading.Event()

    async def block_once() -> None:
        if wanted.is_set() and not blocked.is_set():
            blocked.set()
            released.wait(DEADLINE_S)
        await work()

    worker.run(read=work, commit=block_once)
    until(lambda: worker.status("/healthz/ready") == 200)
    wanted.set()
    assert blocked.wait(DEADLINE_S)

    soon(lambda: worker.status("/healthz/live") == 503)
    assert "the event loop has not ticked" in worker.get("/healthz/live")[1]
    assert worker.status("/healthz/ready") == 503
    assert worker.metric("exitbrain_event_loop_silent_seconds") > 3
    soon(lambda: len(worker.logged("event_loop_blocked")) == 1)
    assert "block_once" in worker.logged("event_loop_blocked")[0]["where"]

    released.set()
    until(lambda: worker.status("/healthz/live") == 200)
    until(lambda: worker.status("/healthz/ready") == 200)
    until(lambda: len(worker.logged("event_loop_ticks_again")) == 1)
    assert worker.metric("exitbrain_event_loop_delay_seconds_sum") > 2


def test_a_loop_that_hangs_is_seen_and_logged_within_three_seconds(worker: Worker) -> None:
    worker.run(read=lambda: asyncio.Event().wait(), commit=work)

    soon(lambda: bool(worker.logged("loop_stalled")))
    assert worker.status("/healthz/ready") == 503
    assert worker.get("/healthz/ready")[1].startswith("read has made no progress for 3.")
    assert worker.status("/healthz/live") == 200
    assert worker.metric("exitbrain_loop_stalled", loop="read") == 1
    assert worker.metric("exitbrain_loop_stalled", loop="commit") == 0
    assert [line["loop"] for line in worker.logged("loop_stalled")] == ["read"]


def test_a_loop_that_fails_again_and_again_is_seen_with_its_error_until_it_recovers(worker: Worker) -> None:
    reachable = threading.Event()

    async def read() -> None:
        if not reachable.is_set():
            raise Unreachable("connection refused")
        await work()

    worker.run(read=read)
    soon(lambda: "made no progress" in worker.get("/healthz/ready")[1])
    assert "Unreachable: connection refused" in worker.get("/healthz/ready")[1]
    assert worker.metric("exitbrain_loop_failures_total", loop="read") > 1

    reachable.set()
    until(lambda: worker.status("/healthz/ready") == 200)
    until(lambda: bool(worker.logged("outage_over")))


def test_a_loop_that_ends_is_seen_at_once_and_means_the_process_can_not_go_on(worker: Worker) -> None:
    async def read() -> None:
        raise ZeroDivisionError("a fault of ours")

    worker.run(read=read, commit=work)

    soon(lambda: worker.status("/healthz/live") == 503)
    assert "read ended: ZeroDivisionError" in worker.get("/healthz/live")[1]
    assert worker.logged("loop_ended")[0]["level"] == "error"
    assert worker.failed is not None


def test_a_cancelled_loop_is_seen_at_once(worker: Worker) -> None:
    async def cancel_myself() -> None:
        raise asyncio.CancelledError

    worker.run(read=cancel_myself, commit=work)

    soon(lambda: worker.status("/healthz/live") == 503)
    assert worker.get("/healthz/live")[1] == "read ended: cancelled\n"
    assert worker.logged("loop_ended")[0]["error"] == "cancelled"


def test_the_metrics_are_text_that_a_scraper_reads(worker: Worker) -> None:
    worker.run(read=work)
    response = worker.ask("/metrics")

    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(response.read().decode())}
    assert {"exitbrain_loop_stalled", "exitbrain_messages", "process_resident_memory_bytes"} <= names
    newer = worker.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert newer.headers["Content-Type"].startswith("application/openmetrics-text")


def test_a_path_that_is_not_there_says_which_are(worker: Worker) -> None:
    assert worker.get("/") == (404, "there is /healthz /healthz/live /healthz/ready /metrics\n")
    assert worker.status("/healthz/live?verbose=1") == 200


def test_only_reading_is_answered(worker: Worker) -> None:
    with socket.create_connection(address_of(worker)) as connection:
        connection.sendall(b"HEAD /healthz/live HTTP/1.0\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.0 200")
    assert answer.endswith(b"\r\n\r\n")
    assert worker.get("/metrics", "POST")[0] == 501


def test_an_endless_request_line_is_refused(worker: Worker) -> None:
    assert worker.get("/" + "x" * 70_000)[0] == 414


def test_clients_that_say_nothing_do_not_keep_others_from_asking(worker: Worker) -> None:
    silent = [socket.create_connection(address_of(worker)) for _ in range(3 * CONNECTIONS_MAX)]
    try:
        assert worker.status("/healthz/live") == 200
        closed_s = wait_until(lambda: len(threads_of_requests()) <= CONNECTIONS_MAX, clock=OwnTime())
        assert closed_s < REQUEST_TIMEOUT_S / 2
        assert worker.logged("health_request_failed") == []
    finally:
        for one in silent:
            one.close()


def address_of(worker: Worker) -> tuple[str, int]:
    parts = urlsplit(worker.server.url)
    return str(parts.hostname), int(parts.port or 0)


def threads_of_requests() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "process_request" in thread.name]


def test_an_address_that_is_taken_is_named(worker: Worker) -> None:
    address = urlsplit(worker.server.url).netloc

    with pytest.raises(OSError, match=f"in use: 'health server at {address}'"):
        another_server(worker, address)


@pytest.mark.parametrize("address", ["9464", "localhost", "127.0.0.1:70000", "127.0.0.1:-1", ":9464", "h:٣"])
def test_what_is_no_address_is_said(worker: Worker, address: str) -> None:
    with pytest.raises(OSError, match="allowed: host:port"):
        another_server(worker, address)


def test_a_stopped_server_gives_its_port_back(worker: Worker) -> None:
    address = urlsplit(worker.server.url).netloc
    worker.server.stop()

    again = another_server(worker, address)
    assert urlsplit(again.url).netloc == address
    again.stop()


def another_server(worker: Worker, address: str) -> HealthServer:
    return HealthServer(
        worker.supervisor,
        worker.heartbeat,
        worker.unpublished,
        LeaseWatch(worker.journal),
        Metrics(mode="shadow"),
        worker.journal,
        mode="shadow",
        address=address,
    )
