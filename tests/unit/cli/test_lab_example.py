"""`lab example`: a folder with a synthetic record, its candles and the commands that ask about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from exitbrain.infrastructure.demo import lab_example_files
from tests.unit.cli.conftest import Exitbrain

FILES = ["README.md", "candles", "instruments.json", "messages.jsonl"]


def test_the_files_are_ingested_and_asked_about_with_the_commands_that_are_shown(
    exitbrain: Exitbrain,
) -> None:
    made = exitbrain("lab", "example", "some where", "--days", "2", "--json")

    report = made.report
    assert (made.code, report["positions"], report["effect"], report["seed"]) == (0, 48, "wicks", 7)
    assert sorted(path.name for path in Path("some where").iterdir()) == FILES
    page = Path("some where/README.md").read_text()
    assert "synthetic" in page
    assert "Nothing in this folder was ever traded" in page
    os.chdir("some where")
    ingest, sweep = [line.split()[1:] for line in page.splitlines() if line.startswith("exitbrain ")]
    taken_in = exitbrain(*ingest, "--json").report
    assert (taken_in["accepted"], taken_in["decisions"]) == (96, 48)
    family = exitbrain(*sweep, "--json").report["family"]
    assert (family["positions"], family["off_market"], family["left_out"]) == (48, 0, [])
    assert len(family["policies"]) == 8


def test_people_read_what_was_made_and_what_to_type(exitbrain: Exitbrain) -> None:
    ended = exitbrain("lab", "example", "quiet", "--effect", "none", "--days", "1")

    first, question, ingest, sweep = ended.stdout.splitlines()
    assert first.startswith("quiet: 24 synthetic positions of BTCUSDT, ETHUSDT, SOLUSDT in 1 day, ")
    assert question == "Would another stop have done better?"
    assert ingest.startswith("  exitbrain ingest quiet/messages.jsonl ")
    assert sweep.startswith("  exitbrain whatif --policy v3.6 --sweep base_sl=")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("x", "--effect", "both"), "--effect is 'both'; allowed: wicks or none"),
        (("x", "--days", "0"), "--days is 0; allowed: 1 to 366"),
        (("x", "--days", "367"), "--days is 367; allowed: 1 to 366"),
        (("x", "--seed", "-1"), "--seed is -1; allowed: 0 or more"),
        (("full",), "DIR full is not empty; allowed: a new or empty folder"),
        (("full/file",), "DIR full/file is a file; allowed: a new or empty folder"),
    ],
)
def test_wrong_usage_is_one_sentence_and_writes_nothing(
    words: tuple[str, ...], sentence: str, exitbrain: Exitbrain
) -> None:
    Path("full").mkdir()
    Path("full/file").write_text("mine")

    ended = exitbrain("lab", "example", *words)

    assert (ended.code, ended.stdout, ended.stderr) == (2, "", f"exitbrain: {sentence}\n")
    assert [str(path) for path in Path().rglob("*")] == ["full", "full/file"]


def test_what_cannot_be_written_leaves_nothing_half_done(
    exitbrain: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab_example_files, "LABEL", "no/such/folder")

    ended = exitbrain("lab", "example", "x", "--days", "1")

    assert ended.code == 3
    assert ended.stderr.endswith("x/no/such/folder cannot be written: No such file or directory\n")
    assert list(Path("x").iterdir()) == []


def test_the_example_needs_no_extra(tmp_path: Path) -> None:
    without = "\n".join(
        f"sys.modules[{name!r}] = None" for name in ("numpy", "numba", "pyarrow", "arch", "plotly")
    )
    code = f"import sys\n{without}\nfrom exitbrain.infrastructure.cli.main import run\nsys.exit(run(sys.argv[1:]))"

    words = [sys.executable, "-c", code, "lab", "example", "x", "--days", "1"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == FILES
