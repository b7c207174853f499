"""Run a command that is attacked, and measure what it took: processor time, peak memory, what it said."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.own_time import LIVENESS_S

MIB = 1024 * 1024

_LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True, slots=True)
class Attacked:
    """How a command ended. `processor_s` is user and system time, `peak_bytes` the most memory it held at once."""

    code: int
    out: str
    err: str
    processor_s: float
    peak_bytes: int


def attacked(
    *command: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    given: bytes = b"",
    address_space: int | None = None,
    file_size: int | None = None,
) -> Attacked:
    """Run a command to its end, with `given` on its standard input.

    `address_space` and `file_size` are limits in bytes, as `ulimit -v` and `ulimit -f` set them.
    """
    usage = cwd / ".usage.json"
    launched: list[str | Path] = [sys.executable, "-I", "-S", _LAUNCHER, usage]
    launched += [str(address_space or -1), str(file_size or -1), *command]
    done = subprocess.run(
        launched, cwd=cwd, env=env, input=given, capture_output=True, timeout=LIVENESS_S, check=False
    )
    took = json.loads(usage.read_text())
    usage.unlink()
    return Attacked(
        done.returncode,
        done.stdout.decode(errors="backslashreplace"),
        done.stderr.decode(errors="backslashreplace"),
        took["processor_s"],
        took["peak_bytes"],
    )


def exitbrain(*arguments: str | Path) -> list[str | Path]:
    """Return the command line of the product with these arguments."""
    return [Path(sys.executable).with_name("exitbrain"), *arguments]
