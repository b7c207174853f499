"""A worker is judged by its loops and by whether its event loop ticks."""

import time

import pytest

from exitbrain import __version__
from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.supervisor import LoopState, Supervisor
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.infrastructure.observability.health import ERROR_MAX, Health, Heartbeat, Watchdog
from tests.unit.observation.live_path import Told


class Worker:
    """A worker whose loops and heartbeat are as the test says."""

    def __init__(self, *, read_silent_s: float = 0.0, error: str = "", ended: bool = False) -> None:
        self.told = Told()
        self.supervisor = Supervisor(self.told.journal, transient=())
        self.heartbeat = Heartbeat(self.told.journal)
        self.unpublished = Unpublished()
        self.lease = LeaseWatch(self.told.journal)
        self.health = Health(self.supervisor, self.heartbeat, self.unpublished, self.lease, "shadow")
        self.watchdog = Watchdog(self.supervisor, self.heartbeat, self.unpublished, self.told.journal)
        now = time.monotonic()
        self.read = LoopState("read", now - read_silent_s, steps=5, failures=3, error=error, ended=ended)
        self.commit = LoopState("commit", now, steps=5)
        self.supervisor.states |= {"read": self.read, "commit": self.commit}

    def hold_breath(self, seconds: float) -> None:
        """Make it look as if the event loop had not ticked for so long."""
        self.heartbeat._last = time.monotonic() - seconds


def test_a_worker_whose_loops_all_progress_is_live_and_ready() -> None:
    health = Worker().health

    assert (health.why_not_live, health.why_not_ready) == ("", "")
    assert health.report().status == "ok"


def test_a_loop_without_success_for_three_seconds_makes_it_unready_and_leaves_it_live() -> None:
    assert Worker(read_silent_s=2.5).health.why_not_ready == ""

    health = Worker(read_silent_s=3.1, error="SourceUnavailable: connection refused").health

    assert health.why_not_live == ""
    assert health.why_not_ready == (
        "read has made no progress for 3.1 s: SourceUnavailable: connection refused"
    )


def test_a_loop_that_ended_means_the_process_can_not_go_on() -> None:
    health = Worker(ended=True, error="cancelled").health

    assert health.why_not_live == health.why_not_ready == "read ended: cancelled"


def test_an_event_loop_that_does_not_tick_is_not_live() -> None:
    worker = Worker()
    worker.hold_breath(2.5)
    assert worker.health.why_not_live == ""

    worker.hold_breath(3.2)

    assert worker.health.why_not_live == "the event loop has not ticked for 3.2 s"
    assert worker.health.why_not_ready == worker.health.why_not_live


def test_a_loop_that_never_succeeded_is_starting() -> None:
    worker = Worker()
    worker.commit.steps = 0

    assert worker.health.why_not_live == ""
    assert worker.health.why_not_ready == "starting: commit"


def test_a_worker_without_loops_is_starting() -> None:
    worker = Worker()
    worker.supervisor.states.clear()

    assert worker.health.why_not_ready == "starting: no loop runs yet"


def test_a_worker_that_is_stopping_is_live_and_not_ready() -> None:
    worker = Worker()
    worker.supervisor.stop()

    assert (worker.health.why_not_live, worker.health.why_not_ready) == ("", "stopping")


def test_the_report_tells_of_every_loop() -> None:
    report = Worker(read_silent_s=4.0, error="x" * 10_000).health.report()

    assert (report.status, report.live, report.ready) == ("unavailable", True, False)
    assert (report.mode, report.version) == ("shadow", __version__)
    read, commit = report.loops["read"], report.loops["commit"]
    assert (read.stalled, read.failures, read.steps) == (True, 3, 5)
    assert read.silent_s == pytest.approx(4.0, abs=0.5)
    assert len(read.error) == ERROR_MAX + len("...")
    assert (commit.stalled, commit.error) == (False, "")


def test_the_watchdog_tells_of_a_stall_once_and_of_its_end() -> None:
    worker = Worker(read_silent_s=3.1, error="refused")
    for _ in range(3):
        worker.watchdog.look()
    worker.read.last_success = time.monotonic()
    worker.watchdog.look()

    assert [(line["event"], line["loop"]) for line in worker.told.lines] == [
        ("loop_stalled", "read"),
        ("loop_moves_again", "read"),
    ]


def test_the_watchdog_tells_of_a_blocked_event_loop_and_not_of_each_loop_in_it() -> None:
    worker = Worker(read_silent_s=3.1)
    worker.hold_breath(3.1)
    for _ in range(3):
        worker.watchdog.look()

    (line,) = worker.told.lines
    assert line["event"] == "event_loop_blocked"
    assert "test_the_watchdog_tells_of_a_blocked_event_loop" in line["where"]


def test_the_watchdog_is_quiet_while_the_worker_stops() -> None:
    worker = Worker(read_silent_s=3.1)
    worker.hold_breath(3.1)
    worker.supervisor.stop()
    worker.watchdog.look()

    assert worker.told.lines == []
