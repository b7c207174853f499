"""The settings of a host: its environment, and a file only where it names one. The command line reads `.env`."""

import ast
import asyncio
from pathlib import Path

import pytest

from exitbrain import AsyncExitBrain, ExitBrain, SettingsError
from tests.architecture.source import python_files


@pytest.fixture(autouse=True)
def a_folder_with_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder whose .env names another account and a store of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("ACCOUNT", "FEE_BPS", "STORE"):
        monkeypatch.delenv(f"EXITBRAIN_{name}", raising=False)
    Path(".env").write_text(
        "EXITBRAIN_ACCOUNT=of-the-folder\nEXITBRAIN_FEE_BPS=7\nEXITBRAIN_STORE=memory://\n"
    )


def account_and_fee(brain: ExitBrain) -> tuple[str, float]:
    settings = brain.context().settings
    return settings.account, settings.fee_bps


def test_open_reads_no_file_of_the_working_folder() -> None:
    with ExitBrain.open("memory://") as brain:
        assert account_and_fee(brain) == ("default", 5.0)
    with ExitBrain.open() as brain:
        assert Path("exitbrain.db").exists()


def test_open_reads_the_file_that_it_is_told_of_beneath_environment_and_arguments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitBrain.open(env_file=".env") as brain:
        assert account_and_fee(brain) == ("of-the-folder", 7.0)
    monkeypatch.setenv("EXITBRAIN_ACCOUNT", "of-the-environment")
    with ExitBrain.open(env_file=Path(".env")) as brain:
        assert account_and_fee(brain) == ("of-the-environment", 7.0)
    with ExitBrain.open(env_file=".env", account="given", fee_bps=1.0) as brain:
        assert account_and_fee(brain) == ("given", 1.0)
    assert not Path("exitbrain.db").exists()


def test_the_awaitable_twin_does_the_same() -> None:
    async def account(env_file: str | None) -> str:
        async with AsyncExitBrain.open("memory://", env_file=env_file) as brain:
            return (await brain.context()).settings.account

    assert asyncio.run(account(None)) == "default"
    assert asyncio.run(account(".env")) == "of-the-folder"


def test_a_file_that_is_not_there_or_has_a_bad_setting_is_named() -> None:
    with pytest.raises(SettingsError, match=r"env_file is other\.env, and there is no such file"):
        ExitBrain.open("memory://", env_file="other.env")
    Path(".env").write_text("EXITBRAIN_FEE_BPS=much\n")
    with pytest.raises(SettingsError, match="setting FEE_BPS is 'much'"):
        ExitBrain.open("memory://", env_file=".env")
    with pytest.raises(TypeError, match=r"env_file is True \(bool\); wanted: the path of a file"):
        ExitBrain.open("memory://", env_file=True)  # type: ignore[arg-type]


def test_every_command_reads_the_file_of_the_working_folder() -> None:
    calls = [
        call
        for file in python_files("infrastructure/cli")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "load_settings"
    ]

    assert len(calls) > 8
    assert [ast.unparse(call) for call in calls if "env_file=ENV_FILE" not in ast.unparse(call)] == []
