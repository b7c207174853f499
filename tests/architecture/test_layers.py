"""Arrows point inward, and the two inner layers know the standard library, themselves and `msgspec.Struct` only."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import LAYERS, ROOT, imports, python_files

_ALLOWED = {
    "domain": ("exitbrain.domain",),
    "application": ("exitbrain.domain", "exitbrain.application"),
}
_STRUCT = "msgspec.Struct"  # by that name: import-linter sees packages, not what is taken from them


def foreign_imports(layer: str, source: str) -> list[str]:
    """Return the imports that are neither standard library, nor `msgspec.Struct`, nor an inner layer."""
    foreign = []
    for line, name in imports(source):
        ours = any(f"{name}.".startswith(f"{package}.") for package in _ALLOWED[layer])
        if not ours and name != _STRUCT and name.partition(".")[0] not in sys.stdlib_module_names:
            foreign.append(f"line {line}: {name}")
    return foreign


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts of the project on the package found from a folder."""
    return subprocess.run(
        [
            Path(sys.executable).parent / "lint-imports",
            "--no-logo",
            "--no-cache",
            "--config",
            ROOT / "pyproject.toml",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def miniature(tmp_path: Path) -> Path:
    """Return a folder that holds an `exitbrain` with the same rooms, three modules in them, and no broken contract."""
    package = tmp_path / "exitbrain"
    files = [file.relative_to(ROOT) for layer in LAYERS for file in python_files(layer)]
    rooms = [file for file in files if file.name == "__init__.py" or len(file.parts) == 2]
    modules = {"__init__.py": "", **{str(room): "" for room in rooms}} | {
        "domain/positions/position.py": "import decimal\nfrom msgspec import Struct",
        "application/recording/intake.py": "from exitbrain.domain.positions import position",
        "infrastructure/container.py": "import dependency_injector\nfrom exitbrain.application.recording import intake",
        "infrastructure/worker/serving.py": "import redis",
    }
    for name, source in modules.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(source, encoding="utf-8")
    return tmp_path


def test_import_contracts_are_kept() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


def test_import_contracts_pass_a_package_that_keeps_them(miniature: Path) -> None:
    result = lint_imports(miniature)

    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "source", "contract"),
    [
        ("domain/positions/position.py", "from exitbrain.application.recording import intake", "Arrows"),
        ("domain/positions/position.py", "import exitbrain.infrastructure.worker.serving", "Arrows"),
        ("application/recording/intake.py", "import exitbrain.infrastructure.worker.serving", "Arrows"),
        ("domain/positions/position.py", "import pydantic", "The domain"),
        ("domain/positions/position.py", "from eventsourcing.domain import Aggregate", "The domain"),
        ("application/recording/intake.py", "def late():\n    import redis.asyncio", "The application"),
        ("infrastructure/worker/serving.py", "from dependency_injector import containers", "Wiring"),
        ("domain/positions/position.py", "import exitbrain.domain.simulation", "Recording"),
        ("infrastructure/wire/late.py", "import exitbrain.infrastructure.redis", "Infrastructure"),
        ("infrastructure/presentation/late.py", "import exitbrain.infrastructure.wire", "Infrastructure"),
        ("infrastructure/unplaced/__init__.py", "", "Infrastructure"),
    ],
)
def test_import_contracts_notice_a_wrong_import(
    miniature: Path, module: str, source: str, contract: str
) -> None:
    wrong = miniature / "exitbrain" / module
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_text(source, encoding="utf-8")

    result = lint_imports(miniature)

    broken = [line for line in result.stdout.splitlines() if " BROKEN" in line]
    assert result.returncode == 1, result.stdout + result.stderr
    assert any(line.startswith(contract) for line in broken), result.stdout


@pytest.mark.parametrize("layer", _ALLOWED)
def test_inner_layers_import_the_standard_library_struct_and_inner_layers_only(layer: str) -> None:
    offences = {
        str(file.relative_to(ROOT)): found
        for file in python_files(layer)
        if (found := foreign_imports(layer, file.read_text(encoding="utf-8")))
    }

    assert offences == {}


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("domain", "import attrs"),
        ("domain", "import msgspec"),
        ("domain", "from msgspec import Meta, Struct"),
        ("domain", "from msgspec.json import Decoder"),
        ("application", "import msgspec.structs"),
        ("domain", "from domain import position"),
        ("domain", "from . import position"),
        ("domain", "from exitbrain import __version__"),
        ("domain", "from exitbrain.application import intake"),
        ("application", "import polars"),
        ("application", "from exitbrain.infrastructure import worker"),
        ("application", "from exitbrain.domains import position"),
    ],
)
def test_a_foreign_import_is_noticed(layer: str, source: str) -> None:
    assert foreign_imports(layer, source)


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_exist(layer: str) -> None:
    assert python_files(layer)
