"""A ledger that is opened to read: beside writers that come and go, and on files that lie there in any state."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from exitbrain.application.ports.exit_ledger import NoStore, StoreUnavailable
from exitbrain.domain.events import Record
from exitbrain.domain.identity import STORE_ID
from exitbrain.domain.store import FORMAT, EpochRaised, StoreOpened
from exitbrain.infrastructure.event_store.ledger import PAGE, StoredLedger
from exitbrain.infrastructure.event_store.stores import open_ledger, open_to_read
from tests.integration.stored_copies import content
from tests.replay.representative_events import RECORDED
from tests.world import THIS_STORE

pytestmark = pytest.mark.integration

OPENED = Record(STORE_ID, 1, StoreOpened(FORMAT, "0.1.0", RECORDED, THIS_STORE))
OF_ANOTHER = Record(STORE_ID, 1, StoreOpened(FORMAT, "0.1.0", RECORDED, UUID(int=7)))


def raised(version: int) -> Record:
    return Record(STORE_ID, version, EpochRaised(version, "0.1.0", RECORDED))


def grown(ledger: StoredLedger, upto: int) -> None:
    """Save events up to a version."""
    held = len(ledger.history(STORE_ID))
    ledger.save([OPENED] if not held else [])
    ledger.save([raised(version) for version in range(max(held, 1) + 1, upto + 1)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a closed store with more events than are read at once."""
    file = tmp_path / "stores" / "store.db"
    file.parent.mkdir()
    with closing(open_ledger(f"sqlite:///{file}", create=True)) as ledger:
        grown(ledger, PAGE + 10)
    return file


def reading(path: Path) -> StoredLedger:
    return open_to_read(f"sqlite:///{path}")


def writing(path: Path) -> StoredLedger:
    return open_ledger(f"sqlite:///{path}", create=False)


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def refusal(path: Path, opening: Callable[[Path], StoredLedger] = reading) -> str:
    """Return the sentence with which a store is refused; it stays as it was."""
    before = content(path.parent)
    with pytest.raises(StoreUnavailable) as caught:
        opening(path).close()
    assert content(path.parent) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_it_takes_no_save(path: Path) -> None:
    with closing(reading(path)) as ledger, pytest.raises(StoreUnavailable, match="was opened to be read"):
        ledger.save([raised(PAGE + 11)])


def test_nothing_is_there_to_read_in_a_store_of_this_process() -> None:
    with pytest.raises(NoStore, match="new one in each process"):
        open_to_read("memory://")


def test_a_writer_that_comes_and_goes_is_followed(path: Path) -> None:
    with closing(reading(path)) as ledger:
        for upto in (PAGE + 20, PAGE + 30):
            with closing(writing(path)) as writer:
                grown(writer, upto)
                assert ledger.head() == upto
            assert ledger.head() == upto
    with closing(writing(path)):
        pass
    assert names(path) == ["store.db"]


def test_pages_go_on_where_they_were_while_a_writer_checkpoints_and_ends(path: Path) -> None:
    with closing(reading(path)) as ledger:
        rows = ledger.rows()
        found = [next(rows)[0]]
        with closing(writing(path)) as writer:
            grown(writer, 2 * PAGE)
        found += [row[0] for row in rows]
    assert found == list(range(1, 2 * PAGE + 1))


def test_a_checkpoint_under_a_reader_of_the_log_hides_nothing(path: Path) -> None:
    with closing(writing(path)) as writer:
        grown(writer, PAGE + 20)
        with closing(reading(path)) as ledger, closing(sqlite3.connect(path)) as other:
            assert ledger.head() == PAGE + 20
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert ledger.head() == PAGE + 20
            grown(writer, PAGE + 30)
            assert ledger.head() == PAGE + 30


def test_a_reader_of_what_a_killed_writer_left_follows_the_next_writer(path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.integration.test_sqlite_reading import grown, writing\n"
        f"grown(writing(Path(sys.argv[1])), {PAGE + 20})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -signal.SIGKILL
    before = content(path.parent)
    with closing(reading(path)) as ledger:
        assert ledger.head() == PAGE + 20
        assert content(path.parent) == before
        with closing(writing(path)) as writer:
            grown(writer, PAGE + 30)
            assert ledger.head() == PAGE + 30
        assert ledger.head() == PAGE + 30


def test_another_file_in_its_place_is_not_read_on(path: Path) -> None:
    with closing(reading(path)) as ledger:
        shutil.copy(path, path.with_name("restored.db"))
        path.with_name("restored.db").replace(path)
        with pytest.raises(StoreUnavailable, match="another file was put in its place"):
            ledger.head()


def test_a_file_that_is_taken_away_is_not_read_on(path: Path) -> None:
    with closing(reading(path)) as ledger:
        path.unlink()
        with pytest.raises(StoreUnavailable, match="No such file"):
            ledger.head()


def copied(path: Path, target: str, *suffixes: str) -> Path:
    """Copy a store in use into a folder of its own."""
    folder = path.parents[1] / target
    folder.mkdir()
    for suffix in suffixes:
        shutil.copy(path.with_name(path.name + suffix), folder)
    return folder / path.name


def test_a_copy_that_sqlite_must_put_in_order_is_read_from_another_copy(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with closing(writing(path)) as writer:
        grown(writer, PAGE + 20)
        copy = copied(path, "copy", "", "-wal")
    before = content(copy.parent)
    with closing(reading(copy)) as ledger:
        assert ledger.head() == PAGE + 20
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    assert content(copy.parent) == before
    assert not list((tmp_path / "temporary").iterdir())

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    for opening in (reading, writing):
        assert "so a copy is read, and none can be made: No such file or directory" in refusal(copy, opening)


def test_a_change_left_half_done_is_undone_in_a_copy(path: Path) -> None:
    code = (
        "import os, signal, sqlite3, sys\n"
        "store = sqlite3.connect(sys.argv[1])\n"
        "store.execute('PRAGMA journal_mode = DELETE')\n"
        "store.execute('PRAGMA cache_size = 1')\n"
        "store.execute(\"UPDATE stored_events SET state = state || 'x'\")\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    with closing(reading(path)) as ledger:
        expected = list(ledger.rows())
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -signal.SIGKILL
    before = content(path.parent)
    assert set(before) == {"store.db", "store.db-journal"}
    with closing(reading(path)) as ledger:
        assert list(ledger.rows()) == expected
    assert content(path.parent) == before


def test_the_log_of_another_store_is_named_and_nothing_is_changed(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "store.db"
    other.parent.mkdir()
    with closing(open_ledger(f"sqlite:///{other}", create=True)) as writer:
        writer.save([OF_ANOTHER])
        for suffix in ("-wal", "-shm"):
            shutil.copy(f"{other}{suffix}", f"{path}{suffix}")
    for opening in (reading, writing):
        assert "lies beside the -wal of another store" in refusal(path, opening)
    path.with_name("store.db-shm").unlink()
    for opening in (reading, writing):
        assert "lies beside the -wal of another store" in refusal(path, opening)


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("log", [b"", b"\0" * 4096, b"nonsense" * 512])
def test_what_a_loss_of_power_makes_of_the_log_is_no_log(path: Path, log: bytes, index: bool) -> None:
    path.with_name("store.db-wal").write_bytes(log)
    if index:
        path.with_name("store.db-shm").write_bytes(b"\0" * 32_768)
    before = content(path.parent)
    with closing(reading(path)) as ledger:
        assert ledger.head() == PAGE + 10
    assert content(path.parent) == before


def test_a_file_copied_alone_before_a_first_checkpoint_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "store" / "store.db"
    path.parent.mkdir()
    with closing(open_ledger(f"sqlite:///{path}", create=True)) as writer:
        writer.save([OPENED])
        copy = copied(path, "copy", "")
    for opening in (reading, writing):
        assert 'everything is in the -wal that is missing beside it; see "Backup"' in refusal(copy, opening)


@pytest.mark.parametrize("damage", ["torn", "cut"])
def test_a_file_that_a_copy_damaged_says_how_stores_are_copied(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096) if damage == "torn" else whole[:8000])
    for opening in (reading, writing):
        assert (
            'malformed; a copy made by cp while the store was in use can be like that: see "Backup"'
            in refusal(path, opening)
        )
