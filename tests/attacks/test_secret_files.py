"""Secrets in files: where they come from, what wins, and what a working folder cannot make of them."""

from pathlib import Path

import pytest

from exitbrain.infrastructure.settings import SettingsError, load_settings, unknown_settings

HERE, THERE = "redis://exitbrain:here@redis:6379/0", "redis://exitbrain:there@redis:6379/0"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of secret files that the environment names."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "exitbrain_redis").write_text(f"{HERE}\n")
    monkeypatch.setenv("EXITBRAIN_SECRETS", str(secrets))
    return secrets


def test_a_secret_file_wins_over_a_file_of_variables_and_yields_to_the_environment_and_flags(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = tmp_path / ".env"
    variables.write_text("EXITBRAIN_REDIS=redis://stranger:6379/0\nEXITBRAIN_ACCOUNT=of-the-file\n")

    settings = load_settings(env_file=variables)
    assert (settings.redis, settings.account) == (HERE, "of-the-file")
    assert load_settings().redis == HERE
    monkeypatch.setenv("EXITBRAIN_REDIS", THERE)
    assert load_settings(env_file=variables).redis == THERE
    assert load_settings(redis="redis://flag:6379/0").redis == "redis://flag:6379/0"


def test_an_empty_secret_file_counts_as_absent_and_the_folder_is_no_unknown_setting(folder: Path) -> None:
    (folder / "exitbrain_binance_api_key").write_text("\n")

    assert load_settings().binance_api_key is None
    assert unknown_settings(folder / "no.env") == {}


def test_a_file_in_the_working_folder_can_not_name_the_folder_of_secrets(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXITBRAIN_SECRETS")
    variables = tmp_path / ".env"
    variables.write_text(f"EXITBRAIN_SECRETS={folder}\n")

    assert load_settings(env_file=variables).redis == "redis://127.0.0.1:6379/0"


def test_a_folder_that_is_none_and_a_file_that_can_not_be_read_are_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "exitbrain_redis").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"the secret file .*exitbrain_redis cannot be read"):
        load_settings()
    (folder / "exitbrain_redis").unlink()
    (folder / "exitbrain_redis").mkdir()  # what a container is given where the file is missing on the host
    with pytest.raises(SettingsError, match=r"the secret file .*exitbrain_redis cannot be read"):
        load_settings()
    monkeypatch.setenv("EXITBRAIN_SECRETS", str(folder / "absent"))
    with pytest.raises(SettingsError, match="allowed: a folder with a file for each secret"):
        load_settings()
