"""Replay of one log by several processes: the report of one process, and a loud end."""

import multiprocessing
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.application.replay.decisions import EVERYTHING, ReplayReport, Selection
from exitbrain.domain.identity import decision_id
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.demo.tampering import alter_a_digit, copy_store
from exitbrain.infrastructure.event_store.parallel_replay import ENTRIES_WORTH, Processes, replay_in_parallel
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

pytestmark = pytest.mark.integration

TWO = Processes(2, "spawn")
"""Spawned: pytest may have threads of its own, which a fork must not copy."""

ON_FORKS = """
import sys
from exitbrain.infrastructure.event_store.parallel_replay import Processes, _start_method, replay_in_parallel
assert _start_method() == "fork"
print(replay_in_parallel(sys.argv[1], int(sys.argv[2]), Processes(2, "fork"), entries_per_part=100))
"""


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of some hundred decisions, at rest."""
    path = tmp_path_factory.mktemp("untouched") / "store.db"
    with opened(load_settings(store=f"sqlite:///{path}"), "create") as container:
        container.recorder().handle_batch(list(read_messages(lines(300), max_bytes=65_536)))
    return path


@pytest.fixture
def store(untouched: Path, tmp_path: Path) -> Path:
    """A copy of that store for one test to alter."""
    copy_store(untouched, tmp_path / "copy.db")
    return tmp_path / "copy.db"


def head_of(store: Path) -> int:
    with opened(load_settings(store=f"sqlite:///{store}")) as container:
        return container.ledger().head()


def decisions_of(store: Path) -> dict[str, int]:
    """The ids of the decisions with levels, and where they stand in the log."""
    with opened(load_settings(store=f"sqlite:///{store}")) as container:
        return {
            str(decision_id(entry.stream_id, entry.event.revision)): entry.position
            for entry in container.ledger().log()
            if isinstance(entry.event, LevelsComputed)
        }


def in_one_process(store: Path, selection: Selection = EVERYTHING) -> ReplayReport:
    with opened(load_settings(store=f"sqlite:///{store}")) as container:
        return container.decision_replay().run(selection)


def in_two_processes(store: Path, parts: int, selection: Selection = EVERYTHING) -> ReplayReport:
    head = head_of(store)
    return replay_in_parallel(f"sqlite:///{store}", head, TWO, selection, entries_per_part=-(-head // parts))


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_two_processes_report_what_one_reports(store: Path, parts: int) -> None:
    report = in_two_processes(store, parts)

    assert report == in_one_process(store)
    assert report.clean
    assert report.exact > 100


def test_a_drift_in_every_part_is_counted_and_the_earliest_named(store: Path) -> None:
    found = list(decisions_of(store))
    altered = [found[len(found) * part // 4 + 1] for part in (3, 2, 1, 0)]
    for decision in altered:
        alter_a_digit(store, decision)

    report = in_two_processes(store, 4)

    assert report == in_one_process(store)
    assert report.drift == 4
    assert report.first_drift is not None
    assert report.first_drift.subject == altered[-1]


def test_rows_that_can_not_be_read_are_counted_in_their_part(store: Path) -> None:
    first, *_, last = decisions_of(store).values()
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE stored_events SET state = 'no JSON' WHERE rowid IN (?, ?)", (first, last))

    report = in_two_processes(store, 3)

    assert report == in_one_process(store)
    assert report.unreadable == 2


def test_a_selection_holds_in_every_process(store: Path) -> None:
    selection = Selection(symbol="BTCUSDT", since=datetime(2026, 1, 1, 0, 10, tzinfo=UTC))

    report = in_two_processes(store, 3, selection)

    assert report == in_one_process(store, selection)
    assert 0 < report.decisions < in_one_process(store).decisions


def test_forked_processes_report_the_same(store: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("processes are forked on Linux only")
    command = [sys.executable, "-c", ON_FORKS, f"sqlite:///{store}", str(head_of(store))]

    forked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert forked.stdout.strip() == repr(in_one_process(store))


def test_a_process_that_dies_ends_the_replay_loudly(store: Path) -> None:
    def kill(_: int) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(StoreUnavailable, match="a process ended before its part"):
        replay_in_parallel(f"sqlite:///{store}", head_of(store), TWO, entries_per_part=2, progress=kill)


def test_an_interrupt_leaves_no_process_behind(store: Path) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay_in_parallel(f"sqlite:///{store}", head_of(store), TWO, entries_per_part=2, progress=interrupt)

    assert multiprocessing.active_children() == []


def test_a_store_that_a_process_can_not_open_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="does not exist"):
        replay_in_parallel(f"sqlite:///{tmp_path / 'gone.db'}", 10, TWO)


def test_a_small_log_is_left_to_one_process() -> None:
    assert Processes.for_log("sqlite:///any.db", min(ENTRIES_WORTH.values()) - 1) is None
    assert Processes.for_log("memory://", max(ENTRIES_WORTH.values())) is None
