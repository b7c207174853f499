"""Compiled code is kept between runs, and never longer than the source it was made of."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from exitbrain.infrastructure.lab import jit
from tests.architecture.source import ROOT

CALLER = """
from exitbrain.infrastructure.lab.callee import GIVEN, constant
from exitbrain.infrastructure.lab.jit import jit

@jit
def answer(given):
    return constant()
"""
CALLEE = """
from typing import NamedTuple
from exitbrain.infrastructure.lab.jit import inlined

class {name}(NamedTuple):
    price: float

GIVEN = {name}(1.0)

@inlined
def constant():
    return {number}
"""
RUN = (
    "from exitbrain.infrastructure.lab.caller import GIVEN, answer;"
    "print(answer(GIVEN), sum(answer.stats.cache_hits.values()))"
)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder that holds an `exitbrain` of the compiler and two functions, one calling the other."""
    lab = tmp_path / "exitbrain" / "infrastructure" / "lab"
    lab.mkdir(parents=True)
    for folder in (lab, lab.parent, lab.parent.parent):
        (folder / "__init__.py").touch()
    shutil.copy(ROOT / "infrastructure" / "lab" / "jit.py", lab)
    (lab.parent / "settings.py").write_text("SettingsError = RuntimeError", encoding="utf-8")
    (lab / "caller.py").write_text(CALLER, encoding="utf-8")
    (lab / "callee.py").write_text(CALLEE.format(number=1, name="Given"), encoding="utf-8")
    return lab


def run(package: Path) -> str:
    root = package.parents[2]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=root,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_machine_code_is_kept_until_anything_that_it_was_made_of_changes(package: Path) -> None:
    assert [run(package), run(package)] == ["1 0", "1 1"]

    (package / "callee.py").write_text(CALLEE.format(number=2, name="Given"), encoding="utf-8")

    assert run(package) == "2 0"


def test_a_class_in_a_kept_index_may_be_renamed(package: Path) -> None:
    assert [run(package), run(package)] == ["1 0", "1 1"]

    (package / "callee.py").write_text(CALLEE.format(number=2, name="Renamed"), encoding="utf-8")

    assert [run(package), run(package)] == ["2 0", "2 1"]


def test_code_of_an_earlier_source_is_not_run_where_the_new_could_not_be_kept(package: Path) -> None:
    run(package)
    earlier = {file: file.read_bytes() for file in (package / "__pycache__").glob("*.nbc")}
    (package / "callee.py").write_text(CALLEE.format(number=2, name="Given"), encoding="utf-8")
    run(package)
    (later,) = (package / "__pycache__").glob("*.nbc")

    later.unlink()
    for file, code in earlier.items():
        file.write_bytes(code)

    assert [run(package), run(package)] == ["2 0", "2 1"]


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps(numba.__version__)])
def test_a_kept_file_that_cannot_be_read_is_replaced(package: Path, kind: str, content: bytes) -> None:
    run(package)
    (file,) = (package / "__pycache__").glob(f"*.{kind}")
    file.write_bytes(content)

    assert [run(package), run(package)] == ["1 0", "1 1"]


def test_where_no_folder_can_be_written_functions_compile_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Nowhere:
        def enable_caching(self) -> None:
            raise RuntimeError("cannot cache function: no locator available")

    nowhere = Nowhere()

    assert jit._kept(nowhere) is nowhere


class Unkept:
    """A cache that fails to keep what it is given, in these words."""

    def __init__(self, words: str) -> None:
        self._words = words

    def save_overload(self, signature: object, overload: object) -> None:
        raise RuntimeError(self._words)


def test_code_that_numba_can_not_keep_runs_all_the_same() -> None:
    jit._save(Unkept("no compiled object yet for <Library 'kernel'>").save_overload, "signature", "code")
    with pytest.raises(RuntimeError, match="anything else"):
        jit._save(Unkept("anything else").save_overload, "signature", "code")
