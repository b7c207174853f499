"""Seconds of a process's own, for promises in seconds that are tested on a machine with other work to do.

A busy machine makes everything late. Linux counts, for each thread, how long it was ready to run and had no core; less
that, the same work takes as long beside eight busy processes as alone.
"""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from threading import get_native_id
from time import monotonic, sleep

LIVENESS_S = 60.0
"""How long a test waits for what should come in a second or two, before it says that it never comes."""
LOOK_EVERY_S = 0.01
NS = 1_000_000_000


Clock = Callable[[], float]


class Unmeasured(UserWarning):
    """A machine that does not say how long its threads waited for a core."""


class OwnTime:
    """A clock of wall time less what the threads of some processes waited for a core; without any, of this process.

    It starts at 0. Threads that waited at the same time count one by one, so under load it errs towards too little
    and hardly towards too much. The thread that made it only looks on: of its waiting counts what came since its last
    look, by which it sees the end late. A thread that has ended counts with what was seen of it last: look often while
    processes end. Where the machine does not count, it stands still and a warning says so.
    """

    def __init__(self, *pids: int, proc: Path = Path("/proc")) -> None:
        self._processes = [proc / str(pid) / "task" for pid in pids or (os.getpid(),)]
        self._observer = proc / str(os.getpid()) / "task" / str(get_native_id())
        self._measured = _waited_ns(self._observer) is not None
        if not self._measured:
            warnings.warn(f"no {self._observer}/schedstat: seconds are not checked", Unmeasured, stacklevel=2)
        self._waited_ns: dict[str, int] = {}
        self._look()
        self._before_ns = dict(self._waited_ns)
        self._looked_ns = _waited_ns(self._observer) or 0
        self._began = monotonic()

    def __call__(self) -> float:
        """Return the seconds since it was made."""
        now = monotonic()
        if not self._measured:
            return 0.0
        self._look()
        looked_ns = _waited_ns(self._observer) or 0
        waited_ns = looked_ns - self._looked_ns
        waited_ns += sum(
            waited - self._before_ns.get(thread, 0) for thread, waited in self._waited_ns.items()
        )
        self._looked_ns = looked_ns
        return max(0.0, now - self._began - waited_ns / NS)

    def _look(self) -> None:
        for process in self._processes:
            try:
                threads = list(process.iterdir())
            except OSError:  # it has ended
                continue
            for thread in threads:
                waited_ns = _waited_ns(thread)
                if thread != self._observer and waited_ns is not None:
                    self._waited_ns[thread.name] = waited_ns


def _waited_ns(thread: Path) -> int | None:
    """Return for how long a thread has waited for a core, None when it has ended or nobody counts."""
    try:
        _, waited_ns, _ = (thread / "schedstat").read_text().split()
    except (OSError, ValueError):
        return None
    return int(waited_ns)


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
    while True:
        done = reached()
        seconds = (
            clock() - began
        )  # also when it is not done: a clock that looks often sees threads before they end
        if done:
            return seconds
        assert monotonic() < deadline, f"not within {LIVENESS_S:.0f} s: {otherwise()}"
        sleep(LOOK_EVERY_S)
