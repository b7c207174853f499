"""The clock that promises in seconds are measured by: it leaves out what threads waited for a core, and nothing else."""

import os
from pathlib import Path

import pytest

from tests.own_time import NS, OwnTime, Unmeasured, wait_until

OTHER = 4_000_000
"""No process has this id."""
AGES_NS = 3600 * NS


def waits(proc: Path, pid: int, thread: int, waited_ns: int) -> None:
    """Let a thread have waited for so long."""
    folder = proc / str(pid) / "task" / str(thread)
    folder.mkdir(parents=True, exist_ok=True)
    for file in (folder / "schedstat", proc / str(pid) / "schedstat"):
        file.write_text(f"1 {waited_ns} 1\n")


def test_what_any_thread_of_a_process_or_of_ours_waited_is_left_out(tmp_path: Path) -> None:
    waits(tmp_path, os.getpid(), 1, AGES_NS)
    waits(tmp_path, OTHER, 1, AGES_NS)
    clock = OwnTime(OTHER, proc=tmp_path)
    began = clock()
    wait_until(lambda: clock() > began)  # what was waited before it was made does not count
    waits(tmp_path, os.getpid(), 1, 2 * AGES_NS)
    assert clock() == 0.0


def test_a_new_thread_counts_and_one_that_has_ended_keeps_what_it_waited(tmp_path: Path) -> None:
    waits(tmp_path, os.getpid(), 1, 0)
    clock = OwnTime(OTHER, proc=tmp_path)
    waits(tmp_path, OTHER, 2, AGES_NS)
    assert clock() == 0.0
    (tmp_path / str(OTHER) / "task" / "2" / "schedstat").unlink()
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
