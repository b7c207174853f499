"""A folder that somebody else has filled: what stands in it runs no code and moves no credentials."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exitbrain import ExitBrain, SettingsError
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.settings import load_settings

EVIL = """
from pathlib import Path

Path("ran").touch()

class Engine:
    def __init__(self, **_): ...
    def compute_levels(self, *_, **__): ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of somebody else, which holds code, without settings in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
        monkeypatch.delenv(name)
    (tmp_path / "evil.py").write_text(EVIL)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "setting", "way"),
    [
        ("levels --leverage 20", "POLICY=foreign:evil:Engine", "--policy or the environment variable"),
        ("levels --leverage 20", "POLICY=' foreign:evil:Engine'", "--policy or the environment variable"),
        ("explain --leverage 20", "policy=foreign:${MODULE:-evil}:Engine", "--policy or"),
        ("ingest none.jsonl", "POLICY=foreign:evil:Engine", "--policy or the environment variable"),
        ("doctor", "BINANCE_URL=https://evil.example", "the environment variable EXITBRAIN_BINANCE_URL"),
        ("doctor", "binance_url=http://127.0.0.1:1", "the environment variable EXITBRAIN_BINANCE_URL"),
        ("serve", "REDIS=redis://evil.example:6379/0", "--redis or the environment variable"),
        ("dlq list", "REDIS=unix:///tmp/evil.sock", "--redis or the environment variable"),
        ("replay", "STORE=postgresql://evil.example/exitbrain", "--store or the environment variable"),
        (
            "ingest none.jsonl",
            "STORE=postgres://evil.example/exitbrain",
            "--store or the environment variable",
        ),
    ],
)
def test_a_file_of_the_folder_names_no_code_and_no_receiver_of_credentials(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, setting: str, way: str
) -> None:
    (folder / ".env").write_text(f"EXITBRAIN_{setting}\n")

    code = run(command.split())
    said = capsys.readouterr()

    assert (code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert f"{folder / '.env'} sets EXITBRAIN_{setting.partition('=')[0].upper()}" in said.err
    assert way in said.err
    assert not (folder / "ran").exists()


def test_a_flag_or_the_environment_may_say_all_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(
        "EXITBRAIN_REDIS=redis://evil.example/0\nEXITBRAIN_STORE=postgresql://evil.example/x\n"
        "EXITBRAIN_POLICY=foreign:evil:Engine\nEXITBRAIN_BINANCE_URL=https://evil.example\n"
    )
    monkeypatch.setenv("EXITBRAIN_POLICY", "foreign:mine:Engine")
    monkeypatch.setenv("EXITBRAIN_BINANCE_URL", "https://mine.example")

    settings = load_settings(env_file=Path(".env"), redis="redis://mine/0", store="memory://")

    assert (settings.redis, settings.store) == ("redis://mine/0", "memory://")
    assert (settings.policy, settings.binance_url) == ("foreign:mine:Engine", "https://mine.example")


def test_everything_else_of_such_a_file_holds(folder: Path) -> None:
    (folder / ".env").write_text(
        "EXITBRAIN_STORE=sqlite:///mine.db\nEXITBRAIN_POLICY=v3.6\nEXITBRAIN_REDIS=\nEXITBRAIN_MODE=shadow\n"
    )

    settings = load_settings(env_file=Path(".env"))

    assert (settings.store, settings.policy) == ("sqlite:///mine.db", "v3.6")


def test_a_host_that_names_a_file_is_told_the_same(folder: Path) -> None:
    (folder / "host.env").write_text("EXITBRAIN_POLICY=foreign:evil:Engine\n")

    with pytest.raises(SettingsError, match=r"host\.env sets EXITBRAIN_POLICY, and names code to run"):
        ExitBrain.open("memory://", env_file="host.env")
    assert not (folder / "ran").exists()


def test_code_runs_when_a_flag_names_it(folder: Path) -> None:
    run(["levels", "--leverage", "20", "--policy", "foreign:evil:Engine"])

    assert (folder / "ran").exists()


def test_doctor_tells_where_each_setting_comes_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = "key-that-nobody-may-see"
    (folder / ".env").write_text(
        f"EXITBRAIN_ACCOUNT=of-the-folder\nEXITBRAIN_FEE_BPS=7\nEXITBRAIN_BINANCE_API_KEY={key}\n"
    )
    monkeypatch.setenv("EXITBRAIN_FEE_BPS", "6")
    monkeypatch.setenv("EXITBRAIN_HEALTH", "0.0.0.0:9464")

    def doctor(*flags: str) -> str:
        run(["doctor", "--store", "sqlite:///mine.db", *flags])
        said = capsys.readouterr()
        assert key not in said.out + said.err
        return said.out

    report: Any = json.loads(doctor("--json"))
    text = doctor()

    assert report["sources"] == {
        "store": "flag --store",
        "account": f"file {folder / '.env'}",
        "fee_bps": "environment",
        "binance_api_key": f"file {folder / '.env'}",
        "health": "environment",
    }
    assert "FEE_BPS = 6.0 (environment)" in text
    assert "MODE = shadow\n" in text
    (health,) = (check for check in report["checks"] if check["name"] == "health")
    assert (health["ok"], "is open" in health["detail"]) == (None, True)


def test_a_secret_that_is_refused_is_not_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXITBRAIN_HEALTH_TOKEN", "too-short")

    with pytest.raises(SettingsError, match=r"setting HEALTH_TOKEN is \*\*\*: .* at least 16"):
        load_settings()


PLANTED = (
    "sitecustomize",
    "usercustomize",
    "exitbrain",
    "redis",
    "typer",
    "binance",
    "dask",
    "numba",
    "yaml",
)


def test_modules_of_the_folder_are_not_imported(folder: Path) -> None:
    for name in PLANTED:
        (folder / f"{name}.py").write_text(EVIL)

    done = subprocess.run(
        [Path(sys.executable).with_name("exitbrain"), "levels", "--leverage", "20"],
        cwd=folder,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert not (folder / "ran").exists()


def test_a_file_of_the_folder_does_not_say_where_machine_code_is_loaded_from(folder: Path) -> None:
    pytest.importorskip("numba")
    (folder / ".numba_config.yaml").write_text("cache_dir: planted\n")

    done = subprocess.run(
        [sys.executable, "-c", "import exitbrain.infrastructure.lab.jit"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "SettingsError" in done.stderr
    assert ".numba_config.yaml" in done.stderr
