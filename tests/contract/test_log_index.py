"""What every index keeps to, in a file and in memory, and what an index file survives."""

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.index import DecisionsWanted, ReceiptsWanted
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.index import tables
from exitbrain.infrastructure.index.sqlite_index import SQLiteIndex
from tests.world import NOON, THIS_STORE, World

ANOTHER_STORE = UUID("5eed0000-0000-4000-8000-000000000002")


def world_of(entries: int, *, store_id: UUID = THIS_STORE, leverage: int = 10) -> World:
    world = World(ledger=InMemoryLedger(), store_id=store_id)
    for number in range(entries):
        world.intent(symbol=f"S{number % 3}USDT", side="BUY", leverage=leverage + number % 20)
    return world


def ledger_in(world: World) -> InMemoryLedger:
    assert isinstance(world.ledger, InMemoryLedger)
    return world.ledger


def ledger_of(entries: int, *, store_id: UUID = THIS_STORE) -> InMemoryLedger:
    return ledger_in(world_of(entries, store_id=store_id))


def opened(ledger: InMemoryLedger, path: Path | None, *, page: int = 7) -> SQLiteIndex:
    index = SQLiteIndex(ledger, path, page=page)
    index.catch_up()
    return index


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "i.index" if request.param == "file" else None


def test_it_reads_the_log_once_and_then_what_is_new(place: Path | None) -> None:
    world = world_of(6)
    ledger = ledger_in(world)
    reached: list[int] = []
    with closing(SQLiteIndex(ledger, place, page=7)) as index:
        assert index.catch_up(reached.append) == ledger.head() == reached[-1]
        assert reached == sorted(set(reached))
        assert index.catch_up() == 0
        before = ledger.head()
        world.closed(symbol="S0USDT")
        assert index.catch_up() == ledger.head() - before
        assert index.upto == ledger.head()
        assert list(index.differences()) == []


def test_a_cursor_walks_through_every_decision_once(place: Path | None) -> None:
    ledger = ledger_of(11)
    with closing(opened(ledger, place)) as index:
        found: list[int] = []
        while page := index.decisions(DecisionsWanted(before=found[-1] if found else None, limit=3)):
            found += [one.position for one in page]
    assert found == [e.position for e in ledger.log(topics=(LevelsComputed.TOPIC,))][::-1]


class Torn(InMemoryLedger):
    """A ledger whose entry at one log position is cut off."""

    def __init__(self, whole: InMemoryLedger, torn: int) -> None:
        super().__init__()
        self._whole, self._torn = whole, torn

    def rows(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[RawRow]:
        for row in self._whole.rows(after, upto=upto, topics=topics):
            yield (*row[:4], row[4][:9]) if row[0] == self._torn else row

    def head(self) -> int:
        return self._whole.head()


def test_an_unreadable_event_is_told_by_the_look_ups_of_its_kind(place: Path | None) -> None:
    whole = ledger_of(3)
    damaged = next(row for row in whole.rows() if row[3] == MessageReceived.TOPIC)
    ledger = Torn(whole, damaged[0])
    with closing(opened(ledger, place)) as index:
        index.check_readable([LevelsComputed.TOPIC])
        with pytest.raises(UnreadableEvent, match=f"log position {damaged[0]} "):
            index.check_readable([LevelsComputed.TOPIC, MessageReceived.TOPIC])
        assert index.upto == ledger.head()


def test_a_second_opening_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    ledger = ledger_of(5)
    path = tmp_path / "i.index"
    opened(ledger, path).close()
    with closing(SQLiteIndex(ledger, path)) as index:
        assert index.catch_up() == 0


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "i.index"
    opened(ledger_of(1), path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["i.index"]


def another_store(path: Path) -> InMemoryLedger:
    return ledger_of(5, store_id=ANOTHER_STORE)


def shorter_log(path: Path) -> InMemoryLedger:
    return ledger_of(2)


def other_events_in_the_same_places(path: Path) -> InMemoryLedger:
    return ledger_in(world_of(5, leverage=20))


def another_format(path: Path) -> InMemoryLedger:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE state SET format = format + 1")
        connection.execute("ALTER TABLE decisions ADD COLUMN more")
        connection.commit()
    return ledger_of(5)


def no_state(path: Path) -> InMemoryLedger:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM state")
        connection.commit()
    return ledger_of(5)


def damage(path: Path) -> InMemoryLedger:
    content = bytearray(path.read_bytes())
    content[100:] = b"\xa5" * (len(content) - 100)
    path.write_bytes(content)
    return ledger_of(5)


def cut_off(path: Path) -> InMemoryLedger:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)
    return ledger_of(5)


@pytest.mark.parametrize(
    "change",
    [
        another_store,
        shorter_log,
        other_events_in_the_same_places,
        another_format,
        no_state,
        damage,
        cut_off,
    ],
)
def test_what_is_not_an_index_of_this_log_is_thrown_away(tmp_path: Path, change: object) -> None:
    path = tmp_path / "i.index"
    opened(ledger_of(5), path).close()
    ledger = change(path)  # type: ignore[operator]
    with closing(SQLiteIndex(ledger, path)) as index:
        assert index.catch_up() == ledger.head()
        assert index.note is None
        assert list(index.differences()) == []


def test_damage_met_by_a_question_is_repaired(tmp_path: Path) -> None:
    path, ledger = tmp_path / "i.index", ledger_of(200)
    opened(ledger, path, page=5000).close()
    with closing(SQLiteIndex(ledger, path)) as index:
        assert index.catch_up() == 0
        with closing(sqlite3.connect(path)) as connection:
            (page,) = connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = 'orders'"
            ).fetchone()
            (receipts,) = connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name = 'receipts'"
            ).fetchone()
        with path.open("r+b") as file:
            for number in (page, receipts):
                file.seek((number - 1) * 4096)
                file.write(b"\xa5" * 4096)
    with closing(SQLiteIndex(ledger, path)) as index:
        index.catch_up()
        assert len(index.receipts(ReceiptsWanted(limit=500))) == 200
        assert index.note is None
        assert list(index.differences()) == []


@pytest.mark.parametrize("kind", ["text", "database", "link", "folder", "no folder"])
def test_what_is_not_ours_stays_and_the_index_is_made_in_memory(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "i.index", tmp_path / "other"
    if kind == "text":
        path.write_text("my notes, which are longer than the header of a database is" * 9)
    elif kind == "database":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE decisions (mine)")
    elif kind == "link":
        other.write_bytes(b"")
        path.symlink_to(other)
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / "none" / "i.index"
    before = path.read_bytes() if path.is_file() else None
    ledger = ledger_of(5)
    with closing(opened(ledger, path)) as index:
        assert index.note is not None
        assert "made in memory" in index.note
        assert str(path.parent) in index.note
        assert len(index.decisions(DecisionsWanted())) == 5
    assert (path.read_bytes() if path.is_file() else None) == before


def test_where_nothing_can_be_written_it_goes_on_in_memory_from_what_is_there(tmp_path: Path) -> None:
    path, world = tmp_path / "i.index", world_of(5)
    ledger = ledger_in(world)
    opened(ledger, path).close()
    added = ledger.head()
    world.intent(symbol="S9USDT", side="BUY", leverage=3)
    before = path.read_bytes()
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.geteuid() == 0:
                os.chown(tmp_path, 65534, 65534)
                os.chown(path, 65534, 65534)
                for folder in tmp_path.parents:
                    if folder.owner() == "root" and not folder.stat().st_mode & 0o001:
                        folder.chmod(folder.stat().st_mode | 0o011)
                os.setgid(65534)
                os.setuid(65534)
            index = SQLiteIndex(ledger, path)
            same = index.catch_up() == ledger.head() - added
            code = 0 if same and index.note is not None and not list(index.differences()) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tmp_path.chmod(0o700)
    assert path.read_bytes() == before


def test_several_builders_share_the_work(tmp_path: Path) -> None:
    path, ledger = tmp_path / "i.index", ledger_of(60)
    counts: list[int] = []

    def build() -> None:
        with closing(SQLiteIndex(ledger, path, page=3)) as index:
            counts.append(index.catch_up())

    threads = [Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == ledger.head()
    with closing(opened(ledger, path)) as index:
        assert list(index.differences()) == []


def test_every_row_that_was_changed_is_told(tmp_path: Path) -> None:
    path, ledger = tmp_path / "i.index", ledger_of(5)
    opened(ledger, path).close()
    changes = {
        "decisions": "UPDATE decisions SET symbol = 'OTHER' WHERE pos = (SELECT max(pos) FROM decisions)",
        "positions": "UPDATE positions SET closed = 99 WHERE opened = (SELECT min(opened) FROM positions)",
        "receipts": "DELETE FROM receipts WHERE pos = (SELECT max(pos) FROM receipts)",
        "lifespans": "INSERT INTO lifespans VALUES (3, 3, 9)",
        "totals": "UPDATE totals SET count = count + 1 WHERE what = 'cause'",
        "findings": "DELETE FROM findings WHERE guard = (SELECT min(guard) FROM findings)",
    }
    for change in changes.values():
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(change)
            connection.commit()
    with closing(opened(ledger, path)) as index:
        assert {
            sentence.split(":")[0].removeprefix("table ") for sentence in index.differences()
        } == changes.keys()


def test_every_table_is_compared() -> None:
    made = {statement.split()[2].partition("(")[0] for statement in tables.CREATED if "TABLE" in statement}
    made = {name for name in made if name not in ("TABLE", "state")} | {"lifespans"}
    assert made == tables.COMPARED.keys()


class Explained(SQLiteIndex):
    """Notes how SQLite answers each statement."""

    def __init__(self, ledger: InMemoryLedger) -> None:
        super().__init__(ledger, None)
        self.plans: list[str] = []

    def _answer(self, statement: str, *values: object) -> list[Any]:
        rows = self._rows(f"EXPLAIN QUERY PLAN {statement}", *values)
        self.plans.append(" | ".join(row[3] for row in rows))
        return super()._answer(statement, *values)


def ask_everything(index: SQLiteIndex) -> None:
    index.decisions(DecisionsWanted())
    held = {"symbol": "S0USDT", "account": "default", "policy": "v3.5", "cause": "INTENT"}
    held["guard"] = "stop_wider_than_costs"
    for name, value in held.items():
        assert index.decisions(DecisionsWanted(before=999, **{name: value}))  # type: ignore[arg-type]
    assert index.decisions(DecisionsWanted(**held))  # type: ignore[arg-type]
    index.decisions_by_id("5d")
    index.latest_computed(ANOTHER_STORE)
    index.latest_per_symbol()
    index.decision_at("x", NOON)
    index.open_positions()
    index.open_positions(symbol="x", at=9)
    index.all_positions(symbol="x")
    index.plans_by_id("5d")
    for name in ("disposition", "reason", "order_id"):
        index.receipts(ReceiptsWanted(before=9, **{name: "x"}))  # type: ignore[arg-type]
    index.receipts(ReceiptsWanted())
    index.receipts_by_id("5d", "5d")


def test_no_question_reads_a_table_from_its_beginning_or_sorts_what_it_lists() -> None:
    with closing(Explained(ledger_of(5))) as index:
        index.catch_up()
        ask_everything(index)
        plans = index.plans
    assert len(plans) > 15
    assert sum(plan in ("SCAN d", "SCAN r") for plan in plans) == 2  # newest first, without a filter
    for plan in plans:
        scanned = {step for step in plan.split(" | ") if step.startswith("SCAN")}
        assert all(step.startswith(("SCAN held", "SCAN l VIRTUAL TABLE")) for step in scanned) or plan in (
            "SCAN d",
            "SCAN r",
        ), plan
