"""The table of reasons in force: the shipped rows, and those of the file that the settings name."""

import json
from pathlib import Path

from exitbrain.domain.errors import ExitBrainError, InvalidValue
from exitbrain.domain.positions.ended_by import ReasonTable
from exitbrain.domain.positions.shipped_reasons import SHIPPED_REASONS
from exitbrain.infrastructure.files.opened import UNREADABLE, reason_of
from exitbrain.infrastructure.files.texts import NotUtf8, read_text
from exitbrain.infrastructure.setting_files import SettingsError
from exitbrain.infrastructure.wire.json_text import NotJson, decode


class ReasonsUnreadable(ExitBrainError):
    """A file of reasons cannot be read; the text is one sentence that names it."""


def load_reasons(path: Path | None) -> ReasonTable:
    """Return the shipped table, with the rows of a file if one is given; they win over shipped ones.

    The file is one JSON object from the beginning of a reason to who makes such a close: {"my stop": "exits"}.
    Raises ReasonsUnreadable, and SettingsError for a row that is not allowed.
    """
    if path is None:
        return SHIPPED_REASONS
    try:
        return SHIPPED_REASONS.replaced_by(ReasonTable.read(_rows(path)))
    except InvalidValue as error:
        raise SettingsError(f"setting REASONS is {str(path)!r}, where {error}") from error


def _rows(path: Path) -> list[tuple[str, object]]:
    """Return the rows of a file in order; a key that is given twice is there twice."""
    try:
        text = read_text(path)
        found = decode(text)
    except (*UNREADABLE, NotUtf8) as error:
        raise _unreadable(path, reason_of(error)) from error
    except NotJson as error:
        raise _unreadable(path, f"it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise _unreadable(path, "it holds no JSON object of reasons")
    # `decode` has checked the text, but keeps only the last of two rows with the same key.
    pairs: list[tuple[str, object]] = json.loads(text, object_pairs_hook=list, parse_int=str)
    return pairs


def _unreadable(path: Path, why: str) -> ReasonsUnreadable:
    return ReasonsUnreadable(f"Reasons file {path} cannot be read: {why.rstrip('.')}.")
