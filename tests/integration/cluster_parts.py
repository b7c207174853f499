"""Parts of work for the tests of clusters: workers import them, and some end the process that works on them."""

import os
import signal
from pathlib import Path


def tenfold(part: int, task: int) -> tuple[int, int]:
    """Return the part times the task, and who has computed it."""
    return part * task, os.getpid()


def tenfold_after_a_death(part: int, task: tuple[int, Path, frozenset[int]]) -> int:
    """Compute as `tenfold`; of some parts the first to work on them dies as by kill -9."""
    factor, marks, deadly = task
    if part in deadly:
        _die_once(marks / str(part))
    return part * factor


def always_fatal(part: int, task: int) -> int:
    """End whoever works on it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return part * task


def refused(part: int, task: int) -> int:
    """Fail as a function may fail."""
    raise ValueError(f"no part {part * task}")


def _die_once(mark: Path) -> None:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
