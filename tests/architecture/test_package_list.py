"""Three root folders make one package: the list in pyproject.toml, the folders and the links must agree."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from shutil import copy2, copytree, ignore_patterns
from typing import Any

import pytest

from tests.architecture.source import LAYERS, ROOT

_DESCRIPTION: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_SETUPTOOLS: dict[str, Any] = _DESCRIPTION["tool"]["setuptools"]


def packages_below(root: Path) -> set[str]:
    """Return the name of every package on disk: each folder that holds a Python file."""
    found = {"exitbrain"}
    for layer in LAYERS:
        for file in (root / layer).rglob("*.py"):
            found.add(".".join(["exitbrain", *file.parent.relative_to(root).parts]))
    return found


def folders_without_init(root: Path) -> list[str]:
    """Return the folders that hold Python files but are no regular package."""
    folders = {file.parent for layer in LAYERS for file in (root / layer).rglob("*.py")}
    return sorted(
        str(folder.relative_to(root)) for folder in folders if not (folder / "__init__.py").is_file()
    )


def test_package_list_names_every_package_on_disk() -> None:
    assert sorted(_SETUPTOOLS["packages"]) == sorted(packages_below(ROOT))


def test_package_list_has_no_duplicates() -> None:
    assert len(set(_SETUPTOOLS["packages"])) == len(_SETUPTOOLS["packages"])


def test_every_package_folder_has_an_init() -> None:
    assert folders_without_init(ROOT) == []


def test_package_folders_map_one_import_name_to_the_three_root_folders() -> None:
    assert _SETUPTOOLS["package-dir"] == {
        "exitbrain": "src/exitbrain",
        "exitbrain.domain": "domain",
        "exitbrain.application": "application",
        "exitbrain.infrastructure": "infrastructure",
    }


@pytest.mark.parametrize("layer", LAYERS)
def test_link_to_the_layer_is_relative_and_right(layer: str) -> None:
    link = ROOT / "src" / "exitbrain" / layer

    assert link.is_symlink()
    assert str(link.readlink()) == f"../../{layer}"
    assert link.resolve() == ROOT / layer


def test_root_is_no_package() -> None:
    assert not (ROOT / "__init__.py").exists()


def test_a_package_missing_from_the_list_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "domain" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "domain" / "deep" / "deeper" / "module.py").touch()

    assert "exitbrain.domain.deep.deeper" in packages_below(tmp_path)
    assert folders_without_init(tmp_path) == ["domain/deep/deeper"]


def test_wheel_holds_every_module_the_schemas_and_the_type_marker(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy2(ROOT / name, sources)
    for folder in ("src", *LAYERS):
        copytree(
            ROOT / folder,
            sources / folder,
            symlinks=True,
            ignore=ignore_patterns("__pycache__", "*.egg-info"),
        )

    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-qq",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            ".",
        ],
        cwd=sources,
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("exitbrain-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if name.startswith("exitbrain/")}
    wanted = {f"exitbrain/{file.name}" for file in (ROOT / "src" / "exitbrain").glob("*.py")}
    for layer in LAYERS:
        wanted |= {f"exitbrain/{file.relative_to(ROOT).as_posix()}" for file in (ROOT / layer).rglob("*.py")}
    schemas = {
        file.relative_to(ROOT).as_posix() for file in (ROOT / "infrastructure").rglob("schemas/*.json")
    }
    assert schemas
    assert wanted | {f"exitbrain/{name}" for name in schemas} | {"exitbrain/py.typed"} <= shipped
