"""The table of reasons in force: the shipped rows and those of a file."""

import gzip
import json
from pathlib import Path

import pytest

from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.positions.shipped_reasons import SHIPPED_REASONS
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.reasons import ReasonsUnreadable, load_reasons
from exitbrain.infrastructure.settings import SettingsError, load_settings


def written(folder: Path, content: object) -> Path:
    """Write a file of reasons."""
    path = folder / "reasons.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_without_a_file_the_shipped_rows_count() -> None:
    assert load_reasons(None) is SHIPPED_REASONS


def test_rows_of_a_file_are_added_and_win(tmp_path: Path) -> None:
    table = load_reasons(written(tmp_path, {"Fee-Protection": "exits", "harvest": "trader"}))
    found = [table.of(reason) for reason in ("FEE_PROTECTION_net_R=-0.0", "HARVEST_TP1", "tp1", "ok")]
    assert found == [EndedBy.EXITS, EndedBy.TRADER, EndedBy.EXITS, None]
    assert table.hash != SHIPPED_REASONS.hash


def test_a_packed_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "reasons.json.gz"
    path.write_bytes(gzip.compress(b'\xef\xbb\xbf{"ok": "venue"}'))
    assert load_reasons(path).of("ok") is EndedBy.VENUE


def test_the_setting_names_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {"ok": "venue"})
    with opened(load_settings(store="memory://", reasons=path), "create") as container:
        assert container.reasons().hash == load_reasons(path).hash


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"": "exits"}, "the beginning of a reason is ''; allowed: a text with a letter or a digit"),
        ({"sl": "exit"}, "reason 'sl' is 'exit'; allowed: exits, trader, venue, unknown"),
        ({"sl": 1}, "reason 'sl' is '1'; allowed: exits, trader, venue, unknown"),
        ({"sl": {"a": 1}}, "reason 'sl' is [('a', '1')]; allowed: exits, trader, venue, unknown"),
        (
            {"sl": "exits", "SL": "trader"},
            "reason 'SL' is 'trader'; allowed: one meaning, and it is exits already",
        ),
        (
            '{"sl": "exits", "sl": "venue"}',
            "reason 'sl' is 'venue'; allowed: one meaning, and it is exits already",
        ),
    ],
)
def test_a_row_that_is_not_allowed_is_one_sentence(tmp_path: Path, content: object, said: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SettingsError) as refused:
        load_reasons(path)
    assert str(refused.value) == f"setting REASONS is {str(path)!r}, where {said}"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "it is not JSON (Expecting property name enclosed in double quotes"),
        ("[" * 100, "it is not JSON (nested deeper than 64)"),
        ("[]", "it holds no JSON object of reasons."),
        ('"stop"', "it holds no JSON object of reasons."),
        ("", "it is not JSON ("),
    ],
)
def test_a_file_of_another_form_cannot_be_read(tmp_path: Path, content: str, why: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ReasonsUnreadable) as refused:
        load_reasons(path)
    assert str(refused.value).startswith(f"Reasons file {path} cannot be read: {why}")


def test_a_missing_file_a_folder_and_another_encoding_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReasonsUnreadable, match="cannot be read: No such file or directory"):
        load_reasons(tmp_path / "missing.json")
    with pytest.raises(ReasonsUnreadable, match="it is a folder; allowed: a regular file"):
        load_reasons(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{"\xff": "exits"}')
    with pytest.raises(ReasonsUnreadable, match=r"it is not UTF-8 \(.* in line 1\)"):
        load_reasons(tmp_path / "latin.json")
