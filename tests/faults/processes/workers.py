"""The workers under test: started, killed, started again, stopped, and how each of them ended."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.faults.processes.proxy import Proxy
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
    """Start workers and know how they ended. For one thread; the endings are taken down by another."""

    environment: dict[str, str]
    own_exits: list[OwnExit] = field(default_factory=list)
    _bearer: dict[int, Worker] = field(default_factory=dict)
    _ended: dict[int, int] = field(default_factory=dict)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _started: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    _process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.processes.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env={name: value for name, value in os.environ.items() if not name.startswith("EXITBRAIN_")},
        )
        threading.Thread(target=self._listen, name="nursery", daemon=True).start()

    def start(self, worker: Worker) -> None:
        """Start a process for a worker that has none."""
        order = {"arguments": worker.arguments, "log": str(worker.log), "environment": self.environment}
        worker.requests_at_start = worker.redis.requests
        worker.killed = False
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        pid = self._started.get(timeout=ANSWER_TIMEOUT_S)
        self._bearer[pid] = worker
        worker.pid = pid

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
        return pid != 0 and pid not in self._ended

    def bury(self, worker: Worker) -> None:
        """Wait until a killed process is gone, so that its name is free; note one that ended by itself."""
        code = self._end_of(worker.pid, ANSWER_TIMEOUT_S)
        if not worker.killed:
            self.own_exits.append(OwnExit(worker.name, code))
        worker.pid = 0

    def stop(self, workers: list[Worker], clock: Clock = monotonic) -> list[tuple[int, float]]:
        """End workers with SIGTERM; return for each its exit code and how many seconds by the clock it took."""
        began = clock()
        for worker in workers:
            os.kill(worker.pid, signal.SIGTERM)
        ends: dict[str, tuple[int, float]] = {}

        def all_ended() -> bool:
            for worker in workers:
                if worker.name not in ends and worker.pid in self._ended:
                    ends[worker.name] = self._ended[worker.pid], clock() - began
            return len(ends) == len(workers)

        wait_until(all_ended, lambda: f"only {list(ends)} have ended", clock=clock)
        for worker in workers:
            worker.pid = 0
        return [ends[worker.name] for worker in workers]

    def close(self) -> None:
        """Kill whatever still runs."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(ANSWER_TIMEOUT_S)

    def _end_of(self, pid: int, timeout_s: float) -> int:
        with self._news:
            if not self._news.wait_for(lambda: pid in self._ended, timeout_s):
                raise TimeoutError(f"process {pid} has not ended within {timeout_s} s")
            return self._ended[pid]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                word, pid, *code = line.split()
                if word == b"started":
                    self._started.put(int(pid))
                    continue
                with self._news:
                    self._ended[int(pid)] = int(code[0])
                    self._news.notify_all()
