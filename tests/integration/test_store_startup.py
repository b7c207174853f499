"""Which stores are opened and which are refused: in one sentence, and without touching them."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.domain.events import Record
from exitbrain.domain.identity import STORE_ID
from exitbrain.domain.store import FORMAT, StoreOpened
from exitbrain.infrastructure.event_store.sqlite import SQLiteLedgerRecorder
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.replay.representative_events import RECORDED
from tests.servers import fresh_database
from tests.world import THIS_STORE

pytestmark = pytest.mark.integration

OPENED = Record(STORE_ID, 1, StoreOpened(FORMAT, "0.1.0", RECORDED, THIS_STORE))
NEWER = Record(STORE_ID, 1, StoreOpened(FORMAT + 1, "0.1.0", RECORDED, THIS_STORE))

FIRST_FORMAT = (
    """UPDATE stored_events SET state = '{"v":1,"format":1,"version":"0.1.0","at":"2026-03-14T15:09:27Z"}'"""
)
"""Leaves in a store what the first version began it with."""


def refusal(url: str, *, create: bool = True) -> str:
    """Return the sentence with which a store is refused."""
    with pytest.raises(StoreUnavailable) as caught:
        open_ledger(url, create=create).close()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def store_with(path: Path, record: Record) -> Path:
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as ledger:
        ledger.save([record])
    return path


def altered(path: Path, statement: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_store_is_made_empty_and_leaves_one_file(tmp_path: Path) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path}/new.db", create=True)) as ledger:
        assert ledger.is_empty()
    assert names(tmp_path) == ["new.db"]
    with closing(open_ledger(f"sqlite:///{tmp_path}/new.db", create=True)) as ledger:
        assert ledger.is_empty()


def test_a_relative_path_stays_the_same_file_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(open_ledger("sqlite:///here.db", create=True)) as ledger:
        ledger.save([OPENED])
    with closing(SQLiteLedgerRecorder(Path("here.db"))) as recorder:
        (tmp_path / "below").mkdir()
        monkeypatch.chdir(tmp_path / "below")
        with recorder.datastore.get_connection(commit=False):  # so that the next one is opened here
            assert recorder.max_notification_id() == 1
    assert names(tmp_path) == ["below", "here.db"]
    assert names(tmp_path / "below") == []


@pytest.mark.parametrize("name", ["a b.db", "50%.db", "what?.db", "#1.db", "ü:memory:.db", "x?mode=memory"])
def test_a_path_is_taken_literally(tmp_path: Path, name: str) -> None:
    store_with(tmp_path / name, OPENED)
    assert names(tmp_path) == [name]
    with closing(open_ledger(f"sqlite:///{tmp_path / name}", create=False)) as ledger:
        assert ledger.head() == 1


def test_opening_and_closing_changes_no_byte(tmp_path: Path) -> None:
    store_with(tmp_path / "store.db", OPENED)
    before = content(tmp_path)
    for create in (False, True):
        with closing(open_ledger(f"sqlite:///{tmp_path}/store.db", create=create)) as ledger:
            assert ledger.head() == 1
    assert content(tmp_path) == before


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path}/store.db", create=True)):
        recorder = SQLiteLedgerRecorder(tmp_path / "store.db")
        with closing(recorder):
            assert recorder.durability() == ("wal", 2)


def test_a_newer_format_is_refused_and_the_store_stays_untouched(tmp_path: Path) -> None:
    path = store_with(tmp_path / "newer.db", NEWER)
    before = content(tmp_path)
    assert refusal(f"sqlite:///{path}") == (
        f"store {path} is of format {FORMAT + 1}; this version of ExitBrain reads up to {FORMAT}"
    )
    assert content(tmp_path) == before


def test_the_first_format_is_refused_and_the_store_stays_untouched(tmp_path: Path) -> None:
    path = altered(store_with(tmp_path / "old.db", OPENED), FIRST_FORMAT)
    before = content(tmp_path)
    for create in (False, True):
        assert refusal(f"sqlite:///{path}", create=create) == (
            f"store {path} is of format 1, this version of ExitBrain reads format {FORMAT} alone: read it with the"
            " version that wrote it, and take its messages into a new store with `exitbrain ingest`"
        )
    assert content(tmp_path) == before


def test_a_newer_format_is_recognised_whatever_else_its_first_event_says(tmp_path: Path) -> None:
    path = store_with(tmp_path / "newer.db", OPENED)
    altered(path, """UPDATE stored_events SET state = '{"v":9,"format":77,"more":[]}'""")
    assert "is of format 77" in refusal(f"sqlite:///{path}")


def test_a_newer_format_is_recognised_in_a_store_that_was_not_closed(tmp_path: Path) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path}/open.db", create=True)) as ledger:
        ledger.save([NEWER])
        assert (tmp_path / "open.db-wal").stat().st_size > 0
        assert f"is of format {FORMAT + 1}" in refusal(f"sqlite:///{tmp_path}/open.db")
        assert ledger.head() == 1


def test_a_newer_store_that_was_copied_while_it_was_open_stays_untouched(tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    copied.mkdir()
    with closing(open_ledger(f"sqlite:///{tmp_path}/open.db", create=True)) as ledger:
        ledger.save([NEWER])
        for name in ("open.db", "open.db-wal"):
            shutil.copy(tmp_path / name, copied)
    before = content(copied)
    assert f"is of format {FORMAT + 1}" in refusal(f"sqlite:///{copied}/open.db")
    assert {name: content(copied)[name] for name in before} == before


def test_what_was_saved_before_a_process_was_killed_is_there(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    code = (
        "import os, signal, sys\n"
        "from exitbrain.infrastructure.event_store.stores import open_ledger\n"
        "from tests.integration.test_store_startup import OPENED\n"
        "open_ledger(sys.argv[1], create=True).save([OPENED])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", code, f"sqlite:///{path}"], check=False)
    assert run.returncode == -signal.SIGKILL
    with closing(open_ledger(f"sqlite:///{path}", create=False)) as ledger:
        assert ledger.history(STORE_ID) == (OPENED,)


def test_a_store_that_does_not_say_its_format_is_refused(tmp_path: Path) -> None:
    path = store_with(tmp_path / "odd.db", OPENED)
    altered(path, """UPDATE stored_events SET state = '{"v":1}'""")
    assert "does not say which format it has" in refusal(f"sqlite:///{path}")


def test_a_topic_of_a_newer_version_is_refused_and_named(tmp_path: Path) -> None:
    path = store_with(tmp_path / "store.db", OPENED)
    altered(
        path,
        "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
        "VALUES ('00', 1, 'exitbrain.Unheard', '{}')",
    )
    before = content(tmp_path)
    sentence = refusal(f"sqlite:///{path}")
    assert "log position 2" in sentence
    assert "'exitbrain.Unheard'" in sentence
    assert content(tmp_path) == before


def make_text(path: Path) -> None:
    path.write_text("this is not a database, but long enough to look like one. " * 20)


def make_other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")


def make_other_events(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE stored_events (name TEXT)")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (make_text, "not a database"),
        (make_other_database, "is the SQLite file of something else"),
        (make_other_events, "it has a table stored_events that is not of ExitBrain"),
        (Path.mkdir, "is a folder"),
    ],
)
def test_what_is_not_a_store_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / "something"
    make(path)
    before = path.is_file() and content(tmp_path)
    for create in (True, False):
        assert why in refusal(f"sqlite:///{path}", create=create)
    assert (path.is_file() and content(tmp_path)) == before
    assert names(tmp_path) == ["something"]


def test_a_store_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    assert refusal(f"sqlite:///{tmp_path}/no.db", create=False).endswith("no.db does not exist")
    (tmp_path / "empty.db").touch()
    assert refusal(f"sqlite:///{tmp_path}/empty.db", create=False).endswith("empty.db is empty")
    open_ledger(f"sqlite:///{tmp_path}/begun.db", create=True).close()
    assert refusal(f"sqlite:///{tmp_path}/begun.db", create=False).endswith("begun.db is empty")
    assert names(tmp_path) == ["begun.db", "empty.db"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert f"there is no folder {tmp_path}/deep" in refusal(f"sqlite:///{tmp_path}/deep/store.db")
    (tmp_path / "file").touch()
    assert "there is no folder" in refusal(f"sqlite:///{tmp_path}/file/store.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
@pytest.mark.parametrize(("part", "mode"), [("store.db", 0o000), (".", 0o500)])
def test_a_store_without_permission_is_unavailable(tmp_path: Path, part: str, mode: int) -> None:
    path = store_with(tmp_path / "store.db", OPENED)
    (tmp_path / part).chmod(mode)
    try:
        assert str(path) in refusal(f"sqlite:///{path}")
    finally:
        (tmp_path / part).chmod(0o700)


@pytest.mark.parametrize(
    "url", ["", "exitbrain.db", "sqlite://x.db", "sqlite:///", "mysql://host/db", "memory://x"]
)
def test_an_url_of_no_known_form_is_refused_with_the_known_ones(url: str) -> None:
    assert "sqlite:///PATH, postgresql://USER@HOST/DATABASE, memory://" in refusal(url)


def test_a_ledger_in_memory_needs_nothing() -> None:
    with closing(open_ledger("memory://", create=False)) as ledger:
        assert ledger.save([OPENED]) == 1


def test_a_postgres_store_is_made_once_and_opening_it_again_writes_nothing() -> None:
    with fresh_database() as url:
        assert "holds no events" in refusal(url, create=False)
        for saved in (0, 1):
            with closing(open_ledger(url, create=True)) as ledger:
                assert ledger.head() == saved
                ledger.save([] if saved else [OPENED])


def test_a_postgres_store_of_a_newer_format_is_refused() -> None:
    with fresh_database() as url:
        with closing(open_ledger(url, create=True)) as ledger:
            ledger.save([NEWER])
        assert f"is of format {FORMAT + 1}" in refusal(url)


def test_a_postgres_store_of_the_first_format_is_refused() -> None:
    with fresh_database() as url:
        with closing(open_ledger(url, create=True)) as ledger:
            ledger.save([OPENED])
        with psycopg.connect(url) as connection:
            connection.execute(FIRST_FORMAT.encode())
        assert "is of format 1, this version of ExitBrain reads format 2 alone" in refusal(url)


def test_a_postgres_store_with_a_topic_of_a_newer_version_is_refused() -> None:
    with fresh_database() as url:
        with closing(open_ledger(url, create=True)) as ledger:
            ledger.save([OPENED])
        with psycopg.connect(url) as connection:
            connection.execute("UPDATE stored_events SET topic = 'exitbrain.Unheard'")
        assert "'exitbrain.Unheard'" in refusal(url)


@pytest.mark.parametrize("key", ["POSTGRES_ENABLE_DB_FUNCTIONS", "EXITBRAIN_POSTGRES_ENABLE_DB_FUNCTIONS"])
def test_the_switch_under_which_events_are_lost_is_refused(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh_database() as url:
        monkeypatch.setenv(key, "y")
        assert key in refusal(url)
        monkeypatch.setenv(key, "no")
        assert "unknown parameter 'enable_db_functions'" in refusal(f"{url}&enable_db_functions=y")
        open_ledger(url, create=True).close()


def test_a_postgres_that_does_not_answer_is_unavailable_and_no_password_is_shown() -> None:
    sentence = refusal("postgresql://somebody:hushhush@127.0.0.1:1/exitbrain?connect_timeout=2")
    assert "127.0.0.1" in sentence
    assert "hushhush" not in sentence
    for odd in ("no_such_option=hushhush", "password=a&hushhush=b", "hushhush=b&user=c@d"):
        assert "hushhush" not in refusal(f"postgresql://somebody:hushhush@127.0.0.1:1/exitbrain?{odd}")


def test_without_the_driver_postgres_is_unavailable() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from exitbrain.infrastructure.event_store.stores import open_ledger\n"
        "try: open_ledger('postgresql://host/db', create=True)\n"
        "except Exception as e: print(type(e).__name__, e)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.startswith("StoreUnavailable PostgreSQL needs the extra exitbrain[postgres]")
    assert run.stdout.count("\n") == 1
