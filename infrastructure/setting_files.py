"""Read settings from files: a file of variables such as `.env`, and a folder with one file per secret."""

import os
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from pydantic_settings import DotEnvSettingsSource

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.policies.policy import FOREIGN
from exitbrain.infrastructure.files.opened import UNREADABLE, reason_of
from exitbrain.infrastructure.files.texts import NotUtf8, read_text

PREFIX = "EXITBRAIN_"

_NOT_OF_A_FILE: dict[str, tuple[Callable[[str], bool], str, str]] = {
    "policy": (lambda value: value.strip().startswith(FOREIGN), "names code to run", "--policy"),
    "store": (
        lambda value: bool(value) and not value.startswith(("sqlite:", "memory:")),
        "says where a password is sent",
        "--store",
    ),
    "redis": (bool, "says where a password is sent", "--redis"),
    "binance_url": (bool, "says where keys are sent", ""),
}
"""What only a flag or the real environment may say: which values of a setting, why, and its flag."""


class SettingsError(ExitBrainError):
    """A setting has a value that is not allowed; the message names it, the value and what is allowed."""


class EnvFile(DotEnvSettingsSource):
    """A file such as `.env`, with a byte order mark or without; it may be absent."""

    def _read_env_file(self, file_path: Path) -> Mapping[str, str | None]:
        try:
            text = read_text(file_path)
        except (*UNREADABLE, NotUtf8) as error:
            raise SettingsError(f"{file_path} cannot be read: {reason_of(error)}") from error
        # As the base class would: names in any case, an empty value as if it were absent.
        return {name.lower(): value for name, value in dotenv_values(stream=StringIO(text)).items() if value}


def check_file(file: Path, of_file: Mapping[str, str]) -> None:
    """Raise SettingsError where what a file sets says whose code runs, or where credentials go."""
    for name, (is_meant, why, flag) in _NOT_OF_A_FILE.items():
        if is_meant(of_file.get(name, "")):
            ways = f"{flag} or the environment variable" if flag else "the environment variable"
            setting = f"{PREFIX}{name.upper()}"
            raise SettingsError(
                f"{file.absolute()} sets {setting}, and {why}, which no file may; allowed: {ways} {setting}"
            )


def secret_files(names: Iterable[str]) -> dict[str, str]:
    """Return those of the named settings that are in the folder that the environment names. Raises SettingsError."""
    folder = os.environ.get(f"{PREFIX}SECRETS")
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise SettingsError(f"{PREFIX}SECRETS is {folder!r}; allowed: a folder with a file for each secret")
    files = {name: secret_file(name) for name in names}
    return {name: value for name, file in files.items() if (value := _secret_in(file))}


def secret_file(name: str) -> Path:
    """Return the file of a secret in the folder that the environment names."""
    return Path(os.environ[f"{PREFIX}SECRETS"]) / f"{PREFIX}{name}".lower()


def _secret_in(file: Path) -> str:
    try:
        return read_text(file).strip()
    except FileNotFoundError:
        return ""
    except (*UNREADABLE, NotUtf8) as error:
        raise SettingsError(f"the secret file {file} cannot be read: {reason_of(error)}") from error
