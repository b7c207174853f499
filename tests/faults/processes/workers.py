"""The workers under test: started, killed, started again, stopped, and how each of them ended."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.faults.processes.proxy import Proxy
from tests.forked import Forked, environment, forks
from tests.own_time import Clock, wait_until

ANSWER_TIMEOUT_S = 30
AT_WORK = 4
"""A worker whose connections have carried so many requests since its start has begun to work."""


@dataclass(slots=True)
class Worker:
    """One consumer name, and the process that bears it now; 0 when none does."""

    name: str
    arguments: list[str]
    log: Path
    redis: Proxy
    store: Proxy | None
    pid: int = 0
    requests_at_start: int = 0
    killed: bool = False

    @property
    def at_work(self) -> bool:
        """Return whether it runs and has asked Redis for something."""
        return self.pid != 0 and self.redis.requests - self.requests_at_start >= AT_WORK


@dataclass(frozen=True, slots=True)
class OwnExit:
    """A worker that ended although nobody killed it."""

    worker: str
    code: int


@dataclass(slots=True)
class Nursery:
    """Start workers and know how they ended. For one thread."""

    environment: dict[str, str]
    own_exits: list[OwnExit] = field(default_factory=list)
    _processes: dict[int, Forked] = field(default_factory=dict)

    def start(self, worker: Worker) -> None:
        """Start a process for a worker that has none."""
        worker.requests_at_start = worker.redis.requests
        worker.killed = False
        settings = environment(**self.environment)
        process = forks().start(
            worker.arguments, worker.log.parent, settings, stdout=worker.log, stderr=worker.log
        )
        self._processes[process.pid] = process
        worker.pid = process.pid

    def kill(self, worker: Worker) -> bool:
        """Kill the process with SIGKILL; return False when it had ended by itself."""
        pid = worker.pid
        if not self.alive(pid):
            return False
        worker.killed = True
        os.kill(pid, signal.SIGKILL)
        return True

    def alive(self, pid: int) -> bool:
        """Return whether a process is known to have been started and not to have ended."""
        return pid != 0 and self._processes[pid].poll() is None

    def bury(self, worker: Worker) -> None:
        """Wait until a killed process is gone, so that its name is free; note one that ended by itself."""
        code = self._processes[worker.pid].wait(ANSWER_TIMEOUT_S)
        if not worker.killed:
            self.own_exits.append(OwnExit(worker.name, code))
        worker.pid = 0

    def stop(self, workers: list[Worker], clock: Clock = monotonic) -> list[tuple[int, float]]:
        """End workers with SIGTERM; return for each its exit code and how many seconds by the clock it took."""
        pids = [worker.pid for worker in workers]
        wait_until(lambda: all(_is_ready_for(signal.SIGTERM, pid) or not self.alive(pid) for pid in pids))
        began = clock()
        for worker in workers:
            os.kill(worker.pid, signal.SIGTERM)
        ends: dict[str, tuple[int, float]] = {}

        def all_ended() -> bool:
            for worker in workers:
                code = self._processes[worker.pid].poll()
                if worker.name not in ends and code is not None:
                    ends[worker.name] = code, clock() - began
            return len(ends) == len(workers)

        wait_until(all_ended, lambda: f"only {list(ends)} have ended", clock=clock)
        for worker in workers:
            worker.pid = 0
        return [ends[worker.name] for worker in workers]

    def close(self) -> None:
        """Kill whatever still runs."""
        for process in self._processes.values():
            process.kill()
            process.wait(ANSWER_TIMEOUT_S)


def _is_ready_for(sent: int, pid: int) -> bool:
    """Return whether a process has a handler for a signal: one that is just being started dies of it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return False
    return bool(int(status.split("SigCgt:")[1].split()[0], 16) >> (sent - 1) & 1)
