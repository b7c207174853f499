"""The command `index`, and look-ups with the index as it may lie there."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain

INDEX = Path("exitbrain.db.index")


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds the story."""
    messages.write(Path("story.jsonl"), messages.story())
    assert exitbrain("ingest", "story.jsonl").code == 0
    return exitbrain


def altered(statement: str) -> None:
    with closing(sqlite3.connect(INDEX)) as connection:
        connection.execute(statement)
        connection.commit()


def test_it_reads_what_is_new_and_says_how_far_it_is(stored: Exitbrain) -> None:
    first, second = stored("index", "--json").report, stored("index", "--verify", "--json").report

    assert first["file"] == second["file"] == "exitbrain.db.index"
    assert first["events"] == first["covers"] == second["covers"] > 0 == second["events"]
    assert first["decisions"] == second["decisions"] == stored("replay", "--json").report["decisions"]
    assert (second["verified"], second["different"], second["note"]) == (True, [], None)
    assert stored("index", "--verify").code == 0


def test_a_row_that_differs_is_named_and_ends_with_exit_code_1(stored: Exitbrain) -> None:
    assert stored("index").code == 0
    altered("UPDATE decisions SET symbol = 'OTHER' WHERE pos = (SELECT max(pos) FROM decisions)")

    assert stored("index").code == 0
    found = stored("index", "--verify")

    assert found.code == 1
    assert "NOT AS THE LOG" in found.stdout
    assert "table decisions: 1 rows differ" in found.stdout
    INDEX.unlink()
    assert stored("index", "--verify").code == 0


def test_a_look_up_answers_the_same_with_and_without_a_file(stored: Exitbrain) -> None:
    with_file = stored("positions", "--all", "--json")
    INDEX.unlink()
    INDEX.mkdir()
    without = stored("positions", "--all", "--json")

    assert with_file.report == without.report
    assert with_file.stderr == ""
    assert without.stderr.startswith("exitbrain: the index is made in memory, for this command alone: ")
    assert without.stderr.count("\n") == 1


def test_the_setting_says_where_the_index_is(stored: Exitbrain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXITBRAIN_INDEX", "elsewhere.index")

    assert stored("positions").code == 0
    assert Path("elsewhere.index").is_file()
    assert not INDEX.exists()


def test_the_setting_cannot_make_an_index_of_the_store(
    stored: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Path("exitbrain.db").read_bytes()
    monkeypatch.setenv("EXITBRAIN_INDEX", "exitbrain.db")
    found = stored("positions")

    assert found.code == 0
    assert "exitbrain.db is not an index of ExitBrain" in found.stderr
    assert Path("exitbrain.db").read_bytes() == before
    assert stored("replay").code == 0


def test_another_database_named_as_index_is_not_even_opened(
    stored: Exitbrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening it for writing would take its write-ahead log in."""
    with closing(sqlite3.connect("other.db")) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE theirs (a)")
        for name in ("other.db", "other.db-wal"):
            Path(f"copy-of-{name}").write_bytes(Path(name).read_bytes())
    names = ("copy-of-other.db", "copy-of-other.db-wal")
    before = [Path(name).read_bytes() for name in names]
    assert before[1]
    monkeypatch.setenv("EXITBRAIN_INDEX", names[0])

    found = stored("positions")

    assert (found.code, "is not an index of ExitBrain" in found.stderr) == (0, True)
    assert [Path(name).read_bytes() for name in names] == before
