"""Commands run inside the test process, in a folder and an environment of their own."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from exitbrain.infrastructure.cli.main import run


class Ended(NamedTuple):
    """A command that has ended: its exit code and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> Any:
        """Return the one JSON object on stdout."""
        return msgspec.json.decode(self.stdout)


Exitbrain = Callable[..., Ended]


@pytest.fixture
def exitbrain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Exitbrain:
    """Return a way to run commands in an empty folder, without any setting from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
        monkeypatch.delenv(name)

    def ended(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run(arguments)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return ended
