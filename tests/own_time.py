"""Seconds of a process's own, for promises in seconds that are tested on a machine with other work to do.

A busy machine makes everything late. Linux counts, for each thread, how long it was ready to run and had no core; less
that, the same work takes as long beside eight busy processes as alone.
"""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

LIVENESS_S = 60.0
"""How long a test waits for what should come in a second or two, before it says that it never comes."""
LOOK_EVERY_S = 0.01
NS = 1_000_000_000


Clock = Callable[[], float]


class Unmeasured(UserWarning):
    """A machine that does not say how long its threads waited for a core."""


class OwnTime:
    """A clock of wall time less what the threads of some processes, and of this one, waited for a core.

    It starts at 0. Threads that waited at the same time count one by one, so under load it errs towards too little
    and never towards too much. A thread that has ended counts with what was seen of it last: look often while
    processes end. Where the machine does not count, it stands still and a warning says so.
    """

    def __init__(self, *pids: int, proc: Path = Path("/proc")) -> None:
        self._processes = [proc / str(pid) / "task" for pid in {os.getpid(), *pids}]
        self._measured = (proc / str(os.getpid()) / "schedstat").exists()
        if not self._measured:
            warnings.warn(f"no {proc}/<pid>/schedstat: seconds are not checked", Unmeasured, stacklevel=2)
        self._waited_ns: dict[str, int] = {}
        self._look()
        self._before_ns = dict(self._waited_ns)
        self._began = monotonic()

    def __call__(self) -> float:
        """Return the seconds since it was made."""
        now = monotonic()
        if not self._measured:
            return 0.0
        self._look()
        waited_ns = sum(waited - self._before_ns.get(thread, 0) for thread, waited in self._waited_ns.items())
        return max(0.0, now - self._began - waited_ns / NS)

    def _look(self) -> None:
        for process in self._processes:
            try:
                threads = list(process.iterdir())
            except OSError:  # it has ended
                continue
            for thread in threads:
                try:
                    _, waited_ns, _ = (thread / "schedstat").read_text().split()
                except (OSError, ValueError):  # it has just ended
                    continue
                self._waited_ns[thread.name] = int(waited_ns)


def wall_time(*_pids: int) -> Clock:
    """Return the clock of a machine that does nothing else, whatever processes are watched."""
    return monotonic


def wait_until(
    reached: Callable[[], object],
    otherwise: Callable[[], str] = lambda: "it did not happen",
    *,
    clock: Clock = monotonic,
) -> float:
    """Wait until something is so, for as long as it may take on any machine; return the seconds by the clock."""
    began, deadline = clock(), monotonic() + LIVENESS_S
    while not reached():
        assert monotonic() < deadline, f"not within {LIVENESS_S:.0f} s: {otherwise()}"
        sleep(LOOK_EVERY_S)
        clock()  # so that it sees threads that are about to end
    return clock() - began
