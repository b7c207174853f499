"""`export parquet` and what uses a mirror, as somebody at a terminal meets them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exitbrain.infrastructure.cli.main import run
from tests.integration.mirrored import alter, decision_positions, make_store
from tests.integration.stored_copies import content

pytestmark = pytest.mark.integration


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> Any:
        return json.loads(self.stdout)


Exitbrain = Callable[..., Ended]

IN_COLUMNS = ("whatif", "--policy", "v3.6", "--lane", "columnar")


@pytest.fixture
def exitbrain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Exitbrain:
    """Run commands in a folder with the store t.db of some dozens of decisions, which is the store of the settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EXITBRAIN_STORE", "sqlite:///t.db")
    make_store(tmp_path / "t.db", messages=90)

    def ended(*arguments: str) -> Ended:
        capsys.readouterr()
        code = run(arguments)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return ended


def test_the_mirror_lies_beside_the_store(exitbrain: Exitbrain) -> None:
    made = exitbrain("export", "parquet", "--json")

    assert made.code == 0
    assert made.report["folder"] == "t.db.mirror"
    assert made.report["written"] == made.report["segments"] == 1
    assert made.report["decisions"] == len(decision_positions(Path("t.db")))
    assert len(list(Path("t.db.mirror").iterdir())) == 1
    assert "AS THE STORE, bit for bit" in exitbrain("export", "parquet", "--verify").stdout


def test_a_setting_or_an_argument_names_another_folder(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXITBRAIN_MIRROR", "columns")
    assert exitbrain("export", "parquet", "--json").report["folder"] == "columns"
    assert exitbrain(*IN_COLUMNS, "--json").report["mirror_trusted"] is True
    assert exitbrain("export", "parquet", "elsewhere", "--json").report["folder"] == "elsewhere"
    assert Path("elsewhere").is_dir()
    assert not Path("t.db.mirror").exists()


def test_a_digit_changed_after_the_export_is_found(exitbrain: Exitbrain) -> None:
    exitbrain("export", "parquet")
    position = decision_positions(Path("t.db"))[7]
    alter(Path("t.db"), position, lambda state: state.replace(b'"tp1":0.', b'"tp1":1.', 1))

    found = exitbrain("replay", "--json")

    assert found.code == 1
    assert found.report["drift"] == 1
    assert found.report["first_drift"]["field"] == "levels.raw.tp1"
    assert "mirror_trusted" not in exitbrain(*IN_COLUMNS, "--json").report
    verified = exitbrain("export", "parquet", "--verify")
    assert verified.code == 1
    assert f"log position {position}, tp1: 0." in verified.stdout


def test_the_mirror_of_another_store_is_not_used(exitbrain: Exitbrain, tmp_path: Path) -> None:
    make_store(tmp_path / "other.db", messages=30)
    exitbrain("export", "parquet", "--store", "sqlite:///other.db")
    Path("other.db.mirror").rename("t.db.mirror")

    refused = exitbrain("export", "parquet")
    assert refused.code == 3
    assert "mirror t.db.mirror belongs to another store" in refused.stderr
    assert "mirror_trusted" not in exitbrain(*IN_COLUMNS, "--json").report
    assert exitbrain("export", "parquet", "--rebuild").code == 0
    assert exitbrain(*IN_COLUMNS, "--json").report["mirror_trusted"] is True


def test_reading_over_a_mirror_changes_neither_store_nor_mirror(exitbrain: Exitbrain) -> None:
    exitbrain("export", "parquet")
    before = content(Path()), content(Path("t.db.mirror"))

    for command in (
        IN_COLUMNS,
        ("export", "parquet", "--verify"),
        ("export", "parquet", "elsewhere/mirror"),
    ):
        Path("elsewhere").mkdir(exist_ok=True)
        assert exitbrain(*command).code == 0, command
        shutil.rmtree("elsewhere")

    assert (content(Path()), content(Path("t.db.mirror"))) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("replay", "--lane", "columnar"), 2, "No such option: --lane"),
        (("replay", "--trust-mirror"), 2, "No such option: --trust-mirror"),
        (("replay", "--cluster", "local"), 2, "No such option: --cluster"),
        (("export", "parquet", "--verify"), 3, "there is no mirror in t.db.mirror"),
        (("export", "parquet", "--verify", "--rebuild"), 2, "choose one"),
        (("export", "parquet", "t.db"), 3, "t.db cannot be written: File exists"),
        (("export", "parquet", "--store", "memory://"), 3, "is a new one in each process"),
        (("export", "parquet", "--store", "sqlite:///none.db"), 3, "does not exist"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    exitbrain: Exitbrain, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = exitbrain(*arguments)

    assert ended.code == code
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
