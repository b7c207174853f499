"""Commands of ExitBrain as processes of their own, started without importing anything again."""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.own_time import LIVENESS_S

_ROOT = Path(__file__).parents[1]


@dataclass(slots=True)
class Forked:
    """A command that runs or has run; `arguments` are those of `exitbrain`."""

    arguments: list[str]
    pid: int = 0
    returncode: int | None = None
    """What it ended with, None while it runs; minus the signal that ended it."""
    _end: threading.Event = field(default_factory=threading.Event)

    def poll(self) -> int | None:
        """Return what it ended with, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return what it ended with, once it has ended. Raises subprocess.TimeoutExpired."""
        if not self._end.wait(timeout):
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.arguments, timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sent: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, sent)

    def kill(self) -> None:
        """End it whatever it does, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def end(self, code: int) -> None:
        """Take down what it ended with."""
        self.returncode = code
        self._end.set()


class Forks:
    """Starts commands and knows how they ended. They are forked by `tests.nursery`, which ends with this process."""

    def __init__(self) -> None:
        self._running: dict[int, Forked] = {}
        self._ordered: queue.SimpleQueue[Forked] = queue.SimpleQueue()
        self._started: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environment(),
        )
        threading.Thread(target=self._listen, name="nursery", daemon=True).start()

    def start(
        self,
        arguments: list[str],
        folder: Path,
        settings: Mapping[str, str],
        *,
        stdout: Path | str,
        stderr: Path | str,
    ) -> Forked:
        """Start `exitbrain` with these arguments in a folder; for one thread. What it says is added to files."""
        forked = Forked(arguments)
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(settings),
            "stdout": str(stdout),
            "stderr": str(stderr),
        }
        for said in (stdout, stderr):  # whoever looks for what it says finds a file
            Path(said).touch()
        self._ordered.put(forked)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        self._started.get(timeout=LIVENESS_S)
        return forked

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                word, pid, *code = line.split()
                if word == b"started":
                    forked = self._ordered.get()
                    forked.pid = int(pid)
                    self._running[forked.pid] = forked
                    self._started.put(forked.pid)
                else:
                    self._running.pop(int(pid)).end(int(code[0]))


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of this process with no setting of ExitBrain but these."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("EXITBRAIN_")}
    return {**outside, **settings}


@cache
def forks() -> Forks:
    """Return those of this test process, started when they are first asked for; they end with it."""
    return Forks()


def completed(
    arguments: list[str], folder: Path, settings: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `exitbrain` with these arguments in a folder to its end, with nothing else in its environment."""
    with tempfile.TemporaryDirectory() as said:
        out, err = Path(said, "stdout"), Path(said, "stderr")
        forked = forks().start(arguments, folder, settings, stdout=out, stderr=err)
        try:
            code = forked.wait(LIVENESS_S)
        finally:
            forked.kill()
        return subprocess.CompletedProcess(
            arguments, code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        )
