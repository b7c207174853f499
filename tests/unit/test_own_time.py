"""The clock that promises in seconds are measured by: it leaves out what threads waited for a core, and nothing else."""

import os
from pathlib import Path
from threading import get_native_id

import pytest

from tests.own_time import NS, OwnTime, Unmeasured, wait_until

OTHER = 4_000_000
"""No process has this id."""
AGES_NS = 3600 * NS


def waits(proc: Path, pid: int, thread: int, waited_ns: int) -> None:
    """Let a thread have waited for so long."""
    folder = proc / str(pid) / "task" / str(thread)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "schedstat").write_text(f"1 {waited_ns} 1\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Return a folder where this thread and one of another process have waited for long already."""
    waits(tmp_path, os.getpid(), get_native_id(), AGES_NS)
    waits(tmp_path, OTHER, 1, AGES_NS)
    return tmp_path


def test_what_a_thread_waits_is_left_out_from_when_the_clock_was_made(proc: Path) -> None:
    clock = OwnTime(OTHER, proc=proc)
    began = clock()
    wait_until(lambda: clock() > began)
    waits(proc, OTHER, 1, 2 * AGES_NS)
    assert clock() == 0.0


def test_of_what_the_observer_waits_only_what_came_since_its_last_look_is_left_out(proc: Path) -> None:
    clock = OwnTime(proc=proc)
    wait_until(lambda: clock() > 0)
    waits(proc, os.getpid(), get_native_id(), 2 * AGES_NS)
    assert clock() == 0.0
    assert clock() > 0


def test_a_new_thread_counts_and_one_that_has_ended_keeps_what_it_waited(proc: Path) -> None:
    clock = OwnTime(OTHER, proc=proc)
    waits(proc, OTHER, 2, AGES_NS)
    assert clock() == 0.0
    (proc / str(OTHER) / "task" / "2" / "schedstat").unlink()
    assert clock() == 0.0


def test_a_machine_that_does_not_count_says_so_and_its_clock_stands_still(tmp_path: Path) -> None:
    with pytest.warns(Unmeasured, match="seconds are not checked"):
        clock = OwnTime(proc=tmp_path)
    assert (clock(), clock()) == (0.0, 0.0)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this machine does not count")
def test_what_a_sleep_takes_counts() -> None:
    clock = OwnTime()
    wait_until(lambda: clock() > 0.05, clock=clock)
    assert clock() > 0.05
