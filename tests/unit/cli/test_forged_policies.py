"""A policy put in force, or altered, by somebody with a database: named by `doctor` and `replay --context`."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exitbrain import ExitBrain
from exitbrain.domain.identity import REGISTER_ID
from tests.unit.cli import messages
from tests.unit.cli.conftest import Exitbrain

FORGED = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
    "SELECT originator_id, MAX(originator_version) + 1, 'exitbrain.PolicyActivated', ? FROM stored_events"
    " WHERE originator_id = ?"
)


@pytest.fixture
def stored(exitbrain: Exitbrain) -> Exitbrain:
    """Commands in a folder whose default store holds the story: 3 decisions."""
    messages.write(Path("story.jsonl"), messages.story())
    assert exitbrain("ingest", "story.jsonl").code == 0
    return exitbrain


def change(sql: str, *values: Any) -> int:
    """Change one row, and return the newest log position."""
    with closing(sqlite3.connect("exitbrain.db")) as connection, connection:
        assert connection.execute(sql, values).rowcount == 1
        newest: int = connection.execute("SELECT MAX(rowid) FROM stored_events").fetchone()[0]
    return newest


def checks(stored: Exitbrain) -> tuple[int, dict[str, tuple[bool | None, str]]]:
    ended = stored("doctor", "--json")
    return ended.code, {one["name"]: (one["ok"], one["detail"]) for one in ended.report["checks"]}


def activation(receipt_id: str = "null", by: str = "shipped") -> bytes:
    return (
        f'{{"v":1,"name":"v3.6","scope":"*","by":"{by}","recorded_at":"2026-01-01T00:00:00Z",'
        f'"receipt_id":{receipt_id}}}'
    ).encode()


def test_a_store_in_order_is_said_to_be(stored: Exitbrain) -> None:
    with ExitBrain.open("sqlite:///exitbrain.db") as brain:
        done = brain.put_in_force("v3.6", by="ann", why="it is ready")

    shown = stored("receipt", str(done.outcome.receipt_id), "--json").report
    assert (shown["source"], shown["fields"]["why"]) == ("policy.activate", "it is ready")
    assert [(one["event"], one["what"]) for one in shown["effects"]] == [
        ("PolicyActivated", "v3.6 for *, by ann")
    ]
    code, found = checks(stored)

    assert code == 0
    assert found["register"][0] is True
    ended = stored("replay", "--context", "--from-receipts", "--json")
    assert (ended.code, ended.report["register"]) == (0, [])


@pytest.mark.parametrize("by", ["shipped", "mallory"])
def test_an_activation_by_one_line_of_sql_is_named_with_its_log_position(stored: Exitbrain, by: str) -> None:
    at = change(FORGED, activation(by=by), REGISTER_ID.hex)

    code, found = checks(stored)
    assert code == 1
    said = f"PolicyActivated of v3.6 at log position {at}: no receipt accounts for it"
    assert found["register"] == (False, said)
    assert found["store"][0] is True

    ended = stored("replay", "--context", "--json")
    assert (ended.code, ended.report["exact"], ended.report["drift"]) == (1, 3, 0)
    assert ended.report["register"] == [
        {"log_position": at, "event": "PolicyActivated of v3.6", "why": "no receipt accounts for it"}
    ]
    text = stored("replay", "--context").stdout
    assert "Audit of the context: EXACT, 3 of 3 decisions bit for bit." in text
    assert f"  the policy register is not in order, 1 found:\n    {said}\n" in text


def test_a_borrowed_receipt_does_not_help(stored: Exitbrain) -> None:
    with closing(sqlite3.connect("exitbrain.db")) as connection:
        [receipt] = connection.execute(
            "SELECT originator_id FROM stored_events WHERE topic = 'exitbrain.MessageReceived' LIMIT 1"
        ).fetchone()
    at = change(FORGED, activation(f'"{receipt}"'), REGISTER_ID.hex)

    code, found = checks(stored)
    assert code == 1
    assert f"at log position {at}: its receipt" in found["register"][1]
    assert stored("replay", "--context").code == 1


@pytest.mark.parametrize("policy", ["v3.5", "v3.6"])
def test_a_parameter_edited_in_place_is_named_by_both_and_stops_every_other_command(
    stored: Exitbrain, policy: str
) -> None:
    change(
        "UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), '\"sl_min\":0.0015', '\"sl_min\":0.005')"
        " AS BLOB) WHERE topic = 'exitbrain.PolicyRegistered' AND instr(CAST(state AS TEXT), ?)",
        f'"name":"{policy}",',
    )

    for command in (["replay"], ["replay", "--from-receipts"], ["positions"], ["ingest", "story.jsonl"]):
        ended = stored(*command)
        assert (ended.code, ended.stdout) == (3, "")
        assert f"policy {policy} was registered with parameters hash" in ended.stderr

    code, found = checks(stored)
    assert code == 3
    assert found["store"][0] is False
    assert f"policy {policy} was registered with parameters hash" in found["store"][1]
    assert f"PolicyRegistered of {policy} at log position" in found["register"][1]

    ended = stored("replay", "--context", "--json")
    assert ended.code == 1
    [one] = ended.report["register"]
    assert one["event"] == f"PolicyRegistered of {policy}"
    assert f"(log position {one['log_position']})" in one["why"]


def test_a_registered_policy_that_can_be_none_is_an_event_that_can_not_be_read(stored: Exitbrain) -> None:
    change(
        'UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), \'["divergence","funding"]\', \'["all"]\')'
        " AS BLOB) WHERE topic = 'exitbrain.PolicyRegistered' AND instr(CAST(state AS TEXT), ?)",
        '"name":"v3.5",',
    )
    for command in (["replay"], ["replay", "--context"]):
        ended = stored(*command)
        assert ended.code == 3
        assert (
            "event at log position 2 (exitbrain.PolicyRegistered) cannot be read: v3.5 ignores"
            in ended.stderr
        )
