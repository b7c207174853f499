"""A store whose file was damaged: every replay names what is lost, counts it once, and ends with a sentence."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain

REPLAYS: tuple[list[str], ...] = ([], ["--from-receipts"], ["--context"])
DECISION = "exitbrain.LevelsComputed"


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds the story: 3 decisions, 7 receipts."""
    messages.write(Path("story.jsonl"), messages.story())
    assert exitbrain("ingest", "story.jsonl").code == 0
    return exitbrain


def change(sql: str, *values: Any) -> None:
    with closing(sqlite3.connect("exitbrain.db")) as connection, connection:
        assert connection.execute(sql, values).rowcount == 1


def first_of(topic: str, about: str) -> tuple[int, bytes]:
    with closing(sqlite3.connect("exitbrain.db")) as connection:
        row: tuple[int, bytes] = connection.execute(
            "SELECT rowid, state FROM stored_events WHERE topic = ? AND instr(CAST(state AS TEXT), ?) ORDER BY rowid",
            [topic, about],
        ).fetchone()
    return row


def truncate_first(topic: str, about: str = "") -> int:
    """Cut the text of the first event of a topic (and symbol) in half; return its log position."""
    position, state = first_of(topic, about)
    change("UPDATE stored_events SET state = ? WHERE rowid = ?", state[: len(state) // 2], position)
    return position


def counts(report: dict[str, Any]) -> tuple[int, int, int, int]:
    return report["decisions"], report["exact"], report["drift"], report["unreadable"]


@pytest.mark.parametrize("flags", REPLAYS)
def test_a_decision_that_can_not_be_read_is_one_decision_and_unreadable(
    stored: Exitbrain, flags: list[str]
) -> None:
    position = truncate_first(DECISION, about="ETHUSDT")

    ended = stored("replay", *flags, "--json")

    assert ended.code == 1
    assert counts(ended.report) == (3, 2, 0, 1)
    assert ended.report["first_drift"]["decision_id"] == f"log position {position}"
    assert ended.report.get("receipts_exact") == (6 if "--from-receipts" in flags else None)
    assert (
        f"first: log position {position}, event\n    Input data was truncated\n"
        in stored("replay", *flags).stdout
    )


def test_a_decision_of_which_only_the_outcome_is_damaged_is_named_by_its_id(stored: Exitbrain) -> None:
    position, state = first_of(DECISION, "ETHUSDT")
    change(
        "UPDATE stored_events SET state = ? WHERE rowid = ?", state.replace(b'"tp1":', b'"tpx":', 1), position
    )

    ended = stored("replay", "--json")

    assert (ended.code, counts(ended.report)) == (1, (3, 2, 0, 1))
    assert len(ended.report["first_drift"]["decision_id"]) == 36
    assert "missing required field `tp1`" in ended.report["first_drift"]["recorded"]


def test_an_event_without_a_decision_that_can_not_be_read_counts_as_no_decision(stored: Exitbrain) -> None:
    truncate_first("exitbrain.PositionClosed")

    assert counts(stored("replay", "--json").report) == (3, 3, 0, 0), "decisions alone are looked at"
    assert counts(stored("replay", "--context", "--json").report) == (3, 3, 0, 1)
    intake = stored("replay", "--from-receipts", "--json").report
    assert counts(intake) == (3, 3, 0, 1)
    assert intake["receipts_exact"] == 6


def test_the_effects_of_a_receipt_that_can_not_be_read_are_not_those_of_the_message_before(
    stored: Exitbrain,
) -> None:
    with closing(sqlite3.connect("exitbrain.db")) as connection:
        receipts = connection.execute(
            "SELECT rowid FROM stored_events WHERE topic = 'exitbrain.MessageReceived' ORDER BY rowid"
        ).fetchall()
    change("UPDATE stored_events SET state = ? WHERE rowid = ?", b'{"v":1,', receipts[1][0])

    report = stored("replay", "--from-receipts", "--json").report

    assert counts(report) == (3, 2, 0, 1)
    assert (report["receipts"], report["receipts_exact"]) == (7, 6)


def test_a_record_that_contradicts_itself_is_a_drift_that_says_how(stored: Exitbrain) -> None:
    change(
        "DELETE FROM stored_events WHERE topic = 'exitbrain.ExitPlanOpened' AND rowid IN "
        "(SELECT min(rowid) FROM stored_events WHERE topic = 'exitbrain.ExitPlanOpened')"
    )

    report = stored("replay", "--from-receipts", "--json").report

    assert report["drift"] > 0
    text = stored("replay", "--from-receipts").stdout
    assert "NOT EXACT" in text


def test_a_decision_under_a_policy_that_the_store_does_not_know_is_not_the_fault_of_the_user(
    stored: Exitbrain,
) -> None:
    position, state = first_of(DECISION, "BTCUSDT")
    renamed = state.replace(b'"name":"v3.5"', b'"name":"v3.4"', 1)
    change("UPDATE stored_events SET state = ? WHERE rowid = ?", renamed, position)

    ended = stored("audit", "lsf")

    assert (ended.code, ended.stdout) == (3, "")
    assert "a change of the LSF cannot be attributed: policy 'v3.4' is not known" in ended.stderr
    assert stored("replay", "--json").report["unknown_policy"] == 1


def test_a_store_without_a_policy_in_force_is_not_worked_on(stored: Exitbrain) -> None:
    change("DELETE FROM stored_events WHERE topic = 'exitbrain.PolicyActivated'")

    for command in (["replay"], ["replay", "--context"], ["ingest", "story.jsonl"], ["policy", "list"]):
        ended = stored(*command)

        assert (ended.code, ended.stdout) == (3, "")
        assert "cannot be worked on: the register has no policy in force" in ended.stderr


def test_no_lost_or_damaged_event_surprises_a_replay(stored: Exitbrain) -> None:
    whole = Path("whole.db")
    shutil.copy("exitbrain.db", whole)
    with closing(sqlite3.connect(whole)) as connection:
        rows = connection.execute("SELECT rowid, state FROM stored_events").fetchall()
    assert len(rows) > 20
    for position, state in rows:
        for damage in (None, state[:-9] + b"\xff" + state[-8:]):
            shutil.copy(whole, "exitbrain.db")
            if damage is None:
                change("DELETE FROM stored_events WHERE rowid = ?", position)
            else:
                change("UPDATE stored_events SET state = ? WHERE rowid = ?", damage, position)
            for flags in REPLAYS:
                ended = stored("replay", *flags)

                assert "unexpected" not in ended.stderr, (position, damage, flags, ended.stderr)
                assert ended.code in (0, 1, 3)
