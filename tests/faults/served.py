"""A worker as a process, and what it says of itself."""

import json
import os
import signal
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from tests.forked import forks
from tests.own_time import LIVENESS_S, Clock, wait_until


class NotServing(Exception):
    """The worker did not begin to serve; the text is its log."""


class Served:
    """A worker that serves; `flags` are further ones, `environment` names settings. Raises NotServing."""

    def __init__(self, folder: Path, redis_url: str, store_url: str, *flags: str, **environment: str) -> None:
        self.log = folder / f"worker-{monotonic()}.log"
        command = ["serve", "--redis", redis_url, "--store", store_url]
        command += ["--consumer", "test", "--health", "127.0.0.1:0", *flags]
        settings = {**os.environ, "EXITBRAIN_LOG_FORM": "json", **environment}
        self.process = forks().start(command, folder, settings, stdout=os.devnull, stderr=self.log)
        deadline = monotonic() + LIVENESS_S
        while not (serving := self.logged("serving")):
            if monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise NotServing(f"exit code {self.process.wait()}: {self.log.read_text()}")
            sleep(0.02)
        self._address = urlsplit(serving[0]["health"]).netloc

    def ready(self) -> bool:
        """Return whether it answers that it does its work; not to answer is to report a fault too."""
        return self.readiness()[0] == 200

    def readiness(self) -> tuple[int, str]:
        """Return what it answers, 0 when it does not."""
        connection = HTTPConnection(self._address, timeout=2)
        try:
            connection.request("GET", "/healthz/ready")
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, HTTPException) as error:
            return 0, repr(error)
        finally:
            connection.close()

    def logged(self, event: str | None = None) -> list[dict[str, Any]]:
        """Return the facts of every line of the log, or of those with one event."""
        lines = self.log.read_text().splitlines(keepends=True)
        facts = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [one for one in facts if event in (None, one["event"])]

    @property
    def rss_mb(self) -> float:
        """Return the memory that is resident now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self, clock: Clock = monotonic) -> tuple[int, float]:
        """End it as a supervisor would; return its exit code and how many seconds by the clock that took."""
        self.process.send_signal(signal.SIGTERM)
        seconds = wait_until(lambda: self.process.poll() is not None, self.log.read_text, clock=clock)
        return self.process.wait(LIVENESS_S), seconds

    def kill(self) -> None:
        """End it whatever it does; a second time does nothing."""
        self.process.kill()
        self.process.wait(LIVENESS_S)
