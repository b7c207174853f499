"""Whoever can put a file, a version or a licence of his own under a name that ExitBrain installs is refused."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from tests.supply.licences import fault_of, run_time
from tests.supply.lock import FOLDER, ROOT, faults_of, pins_of, read_lock, read_project, whole_layer

HASH = "0" * 64


def test_the_lock_has_all_that_is_asked_for_with_hashes_and_no_address() -> None:
    assert list(faults_of(read_lock(), read_project())) == []


@pytest.mark.parametrize(
    ("layer", "change", "said"),
    [
        ("core", lambda text: text + "evil==1.0\n", "evil==1.0 has no hash"),
        ("core", lambda text: text + f"evil>=1.0 --hash=sha256:{HASH}\n", "'evil>=1.0' is not one version"),
        ("core", lambda text: text + "evil @ https://evil.example/evil.whl\n", "is not one version"),
        ("core", lambda text: text + "--index-url https://evil.example/\n", "is not one version"),
        ("core", lambda text: text + "# https://evil.example/\n", "names an address"),
        ("core", lambda text: text.replace("--only-binary :all:\n", ""), "allows source distributions"),
        ("core", lambda text: text + f"setuptools==1.0 --hash=sha256:{HASH}\n", "not the same in all layers"),
        ("core", lambda text: re.sub(r"(?m)^redis==\S+", "redis==5.0", text), "asks for redis[hiredis]>=6"),
        ("test", lambda text: text.replace("-r postgres.txt\n", ""), "lies on"),
        ("docs", lambda text: re.sub(r"(?m)^mkdocs==(.*\\\n)+.*\n", "", text), "have nothing of it"),
    ],
)
def test_a_lock_that_was_tampered_with_or_left_behind_is_noticed(
    layer: str, change: Callable[[str], str], said: str
) -> None:
    lock = read_lock()
    changed = lock | {layer: change(lock[layer])}
    assert changed != lock

    assert any(said in fault for fault in faults_of(changed, read_project()))


def test_an_extra_that_no_layer_has_is_noticed() -> None:
    project = read_project()
    extras = project["project"]["optional-dependencies"] | {"more": ["evil>=1"]}
    asked = {**project, "project": {**project["project"], "optional-dependencies": extras}}

    assert list(faults_of(read_lock(), asked)) == ["no layer has the extra more"]


def test_another_file_under_a_locked_version_is_not_installed(tmp_path: Path) -> None:
    [pin] = pins_of((FOLDER / "build.txt").read_text())
    wheel = tmp_path / f"setuptools-{pin.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = f"setuptools-{pin.version}.dist-info"
        archive.writestr("setuptools/__init__.py", "raise SystemExit('somebody else runs')\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: setuptools\nVersion: {pin.version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    pip = [sys.executable, "-m", "pip", "--isolated", "install", "--dry-run", "--ignore-installed"]
    done = subprocess.run(
        [*pip, "--no-index", "--find-links", tmp_path, "--require-hashes", "-r", FOLDER / "build.txt"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_nothing_is_installed_without_the_lock() -> None:
    """An installation takes the lock with its hashes, or ExitBrain itself and nothing that it asks for."""
    for name in ("Makefile", "Dockerfile"):
        text = re.sub(r"\\\n", " ", (ROOT / name).read_text(encoding="utf-8"))
        installs = re.findall(r"(?:pip|\$\(PIP\))(?: --python \S+)? (?:install|wheel) ([^&\n]*)", text)
        assert len(installs) >= 3
        assert [
            one for one in installs if "--require-hashes -r lock/" not in one and "--no-deps" not in one
        ] == []


def test_vectorbt_is_in_the_environment_of_the_benchmarks_alone() -> None:
    lock = read_lock()
    having = {name for name in lock if any(pin.name == "vectorbt" for pin in whole_layer(lock, name))}

    assert having == {"bench"}


def test_every_licence_at_run_time_is_permissive_or_reviewed() -> None:
    packages = list(run_time())

    assert len(packages) > 60
    assert [fault for fault in map(fault_of, packages) if fault] == []


@pytest.mark.parametrize(
    ("told", "licence", "said"),
    [
        ("License-Expression: GPL-3.0-or-later", "", "GPL-3.0-or-later is not among"),
        ("License-Expression: MIT AND AGPL-3.0-only", "", "is not among"),
        ("License-Expression: (MIT)", "", "is not among"),
        ("Classifier: License :: OSI Approved :: GNU Affero General Public License v3", "", "Affero"),
        ("Classifier: License :: Other/Proprietary License", "", "Other/Proprietary"),
        ("License: MIT-like\nClassifier: License :: OSI Approved", "", "MIT-like is not among"),
        ("License: Apache-2.0 with Commons Clause", "", "is not among"),
        ("", "", "states no licence"),
        ("License-Expression: Apache-2.0", '"Commons Clause" License Condition v1.0', "Commons Clause"),
        ("License-Expression: MIT", "Server Side Public License", "Server Side Public License"),
    ],
)
def test_a_licence_that_restricts_or_is_not_stated_is_noticed(
    told: str, licence: str, said: str, tmp_path: Path
) -> None:
    assert said in str(fault_of(a_package(tmp_path, told, licence)))


@pytest.mark.parametrize(
    "told",
    [
        "License-Expression: GPL-3.0-only OR MIT",
        "License: BSD",
        "Classifier: License :: OSI Approved :: MIT License",
    ],
)
def test_a_permissive_licence_is_recognised_in_each_place(told: str, tmp_path: Path) -> None:
    assert fault_of(a_package(tmp_path, told, "Permission is hereby granted")) is None


def a_package(folder: Path, told: str, licence: str) -> Distribution:
    info = folder / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: evil\nVersion: 1.0\n{told}\n")
    (info / "LICENSE").write_text(licence)
    (info / "RECORD").write_text("evil-1.0.dist-info/LICENSE,,\n")
    return PathDistribution(info)
