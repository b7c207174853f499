"""Attacks by a store that somebody else made: what it defines beside the events, and what its rows hold."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from exitbrain import StoreUnavailable, ledger_over
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.event_store.sqlite import SQLiteLedgerRecorder
from exitbrain.infrastructure.event_store.sqlite_reading import SQLiteReader
from tests.attacks.attacked import MIB, attacked, exitbrain

MESSAGES = Path(__file__).parents[2] / "docs" / "examples" / "messages.jsonl"
STORE = "store.db"

A_TRIGGER = "CREATE TRIGGER quiet BEFORE INSERT ON stored_events BEGIN SELECT RAISE(IGNORE); END"
A_VIEW = "CREATE VIEW shown AS SELECT * FROM stored_events"
A_VIRTUAL_TABLE = "CREATE VIRTUAL TABLE found USING fts5(state)"
A_TABLE_OF_A_HOST = "CREATE TABLE orders (id INTEGER PRIMARY KEY)"
OF_A_HOST = (
    A_TABLE_OF_A_HOST,
    "CREATE TRIGGER numbered AFTER INSERT ON orders BEGIN SELECT 1; END",
    "CREATE VIEW newest AS SELECT MAX(id) FROM orders",
    "CREATE VIRTUAL TABLE notes USING fts5(text)",
    "CREATE INDEX by_topic ON stored_events (topic)",
)

_TABLE = (
    "CREATE TABLE stored_events (rowid INTEGER PRIMARY KEY, originator_id TEXT NOT NULL, "
    "originator_version INTEGER NOT NULL, topic TEXT NOT NULL, state BLOB NOT NULL"
)
_ENDLESS = (
    "CREATE VIEW stored_events AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    "SELECT i AS rowid, '' AS originator_id, 1 AS originator_version, '' AS topic, '' AS state FROM n"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an honest store."""
    path = tmp_path_factory.mktemp("made") / STORE
    assert run(["ingest", str(MESSAGES), "--store", f"sqlite:///{path}"]) == 0
    return path


@pytest.fixture
def store(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of it, in the working folder and the settings."""
    for name in [name for name in os.environ if name.startswith("EXITBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXITBRAIN_STORE", f"sqlite:///{STORE}")
    return Path(shutil.copy(made, STORE))


def forge(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.executescript(statement)


Refused = Callable[..., str]


@pytest.fixture
def refused(store: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Return what makes a store hostile and returns the one sentence with which every command refuses it."""

    def sentence(*statements: str) -> str:
        forge(store, *statements)
        capsys.readouterr()
        assert [run(["replay"]), run(["ingest", str(MESSAGES)])] == [3, 3]
        reading, writing = capsys.readouterr().err.splitlines()
        assert reading == writing
        return reading

    return sentence


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (A_TRIGGER, "trigger 'quiet'"),
        (A_VIEW, "view 'shown'"),
        ("CREATE VIEW idle AS SELECT 1", "view 'idle'"),
        (A_VIRTUAL_TABLE, "virtual table 'found'"),
    ],
)
def test_what_acts_in_a_file_of_ours_is_refused(refused: Refused, statement: str, named: str) -> None:
    said = refused(statement)
    assert said.startswith("exitbrain: store store.db holds what ExitBrain did not put there")
    assert f": {named}; allowed" in said


@pytest.mark.parametrize("statement", [A_TRIGGER, A_VIEW])
def test_a_table_of_a_host_is_no_excuse_for_what_acts_on_ours(refused: Refused, statement: str) -> None:
    assert "holds what ExitBrain did not put there" in refused(A_TABLE_OF_A_HOST, statement)


def test_what_a_host_keeps_for_its_own_tables_is_its_own(store: Path) -> None:
    forge(store, *OF_A_HOST)
    assert [run(["replay"]), run(["ingest", str(MESSAGES)])] == [0, 0]


@pytest.mark.parametrize(
    "definition",
    [
        f"{_TABLE}, UNIQUE (originator_id, originator_version) ON CONFLICT REPLACE)",
        f"{_TABLE}, length INTEGER AS (length(state)), UNIQUE (originator_id, originator_version))",
        _ENDLESS,
        "CREATE VIRTUAL TABLE stored_events USING fts5(originator_id, originator_version, topic, state)",
    ],
    ids=["replaces", "generated column", "endless view", "virtual table"],
)
def test_a_table_that_is_not_as_we_make_it_is_refused(refused: Refused, definition: str) -> None:
    said = refused("DROP TABLE stored_events", definition)
    assert "stored_events" in said
    assert "not of ExitBrain" in said or "did not put there" in said


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX few ON stored_events (topic) WHERE rowid < 3",
        "CREATE INDEX few ON stored_events (length(state))",
        "CREATE UNIQUE INDEX few ON stored_events (originator_id)",
    ],
    ids=["partial", "expression", "unique"],
)
def test_an_index_that_may_hide_or_refuse_events_is_refused(refused: Refused, index: str) -> None:
    change = "DELETE FROM stored_events WHERE originator_version > 1" if "UNIQUE" in index else "SELECT 1"
    assert "has the index 'few' on stored_events" in refused(change, index)


@pytest.mark.parametrize("opened", [SQLiteLedgerRecorder, SQLiteReader])
def test_no_connection_of_ours_trusts_what_a_file_defines(
    store: Path, opened: Callable[[Path], SQLiteLedgerRecorder | SQLiteReader]
) -> None:
    with closing(opened(store)) as recorder:
        assert [recorder.select(f"PRAGMA {name}") for name in ("trusted_schema", "cell_size_check")] == [
            [(0,)],
            [(1,)],
        ]


@pytest.mark.parametrize("position", [2**63 - 1, 0, -5])
def test_a_position_that_no_log_has_is_named(refused: Refused, store: Path, position: int) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE stored_events SET rowid = ? WHERE rowid = 7", [position])
    assert f"holds the log position {position}; allowed: 1 to 9007199254740992" in refused("SELECT 1")


@pytest.mark.parametrize("definition", [A_TRIGGER, A_TRIGGER.replace("TRIGGER", "TEMP TRIGGER"), A_VIEW])
def test_a_host_whose_connection_acts_on_our_table_is_told(store: Path, definition: str) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(definition)
        with pytest.raises(StoreUnavailable, match="did not put there"):
            ledger_over(connection)


def test_a_state_of_any_size_is_named_and_not_read(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE stored_events SET state = zeroblob(?) WHERE rowid = 7", [64 * MIB])

    ended = attacked(*exitbrain("replay", "--from-receipts"), cwd=store.absolute().parent)

    assert ended.code == 3
    assert (
        "it holds a value of more than 16777216 bytes at log position 7, longer than any event" in ended.err
    )
    assert len(ended.err.splitlines()) == 1
    assert ended.peak_bytes < 128 * MIB


DECISION = "WHERE rowid = (SELECT MAX(rowid) FROM stored_events WHERE topic = 'exitbrain.LevelsComputed')"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stored_events SET state = CAST(replace(hex(zeroblob(100000)), '00', '[') AS BLOB) ",
        "UPDATE stored_events SET state = X'00' ",
        "UPDATE stored_events SET topic = 'x' || char(0) ",
        "UPDATE stored_events SET originator_id = 'not' || char(0) ",
        "UPDATE stored_events SET originator_id = X'ff' ",
    ],
)
def test_a_row_that_can_not_be_an_event_is_named_by_its_position(
    store: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forge(store, change + DECISION)

    assert run(["replay", "--from-receipts"]) in {1, 3}

    printed = capsys.readouterr()
    assert "log position 35" in printed.out + printed.err
    assert "unexpected" not in printed.err
