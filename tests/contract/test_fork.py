"""A ledger belongs to the process that opened it."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.domain.events import Record
from exitbrain.domain.identity import STORE_ID
from exitbrain.domain.store import FORMAT, EpochRaised, StoreOpened
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.event_store.stores import open_ledger, open_to_read
from tests.contract.conftest import Opener
from tests.replay.representative_events import RECORDED
from tests.world import THIS_STORE

OPENED = Record(STORE_ID, 1, StoreOpened(FORMAT, "0.1.0", RECORDED, THIS_STORE))
RAISED = Record(STORE_ID, 2, EpochRaised(2, "0.1.0", RECORDED))

A_CHILD_THAT_ENDS = """
import gc, os, sys
import psycopg
from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.contract.test_fork import OPENED, RAISED

def sessions():
    with psycopg.connect(sys.argv[1]) as connection:
        return connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()

ledger = open_ledger(sys.argv[1], create=True)
ledger.save([OPENED])
own = set(sessions())
child = os.fork()
if child == 0:
    ledger.close()
    del ledger
    gc.collect()
    sys.exit()
os.waitpid(child, 0)
print(bool(own) and own <= {*sessions()})
print(ledger.save([RAISED]))
"""


def in_a_fork(work: Callable[[], object]) -> str:
    """Return what some work comes to in a forked process: its result, or the sentence of its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try:
                said = str(work())
            except StoreUnavailable as error:
                said = str(error)
            os.write(writing, said.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as found:
        said = found.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def stored(open_another: Opener, request: pytest.FixtureRequest) -> StoredLedger:
    """Return a ledger outside memory that holds one event."""
    if request.node.callspec.params["open_another"] == "memory":
        pytest.skip("memory is copied with its process")
    ledger = open_another()
    ledger.save([OPENED])
    return ledger


@pytest.mark.parametrize("ask", [StoredLedger.head, lambda ledger: ledger.save([RAISED])])
def test_a_fork_can_not_use_it_and_the_parent_goes_on(
    stored: StoredLedger, ask: Callable[[StoredLedger], object]
) -> None:
    said = in_a_fork(lambda: ask(stored))
    assert said.startswith(f"{stored.name} was opened by process {os.getpid()} and is used by process ")
    assert said.endswith(" after a fork: fork first, and let each process open it for itself")
    assert stored.save([RAISED]) == stored.head() > 1


def test_a_ledger_in_memory_goes_on_in_a_fork() -> None:
    ledger = InMemoryLedger()
    ledger.save([OPENED])
    assert in_a_fork(lambda: ledger.save([RAISED])) == "2"
    assert ledger.head() == 1


def test_the_end_of_a_fork_leaves_the_session_of_its_parent_alone(database: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", A_CHILD_THAT_ENDS, database], check=False, capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("True\n2\n", "")


def test_a_fork_closes_no_file_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    ledgers = [open_ledger(f"sqlite:///{path}", create=True)]
    ledgers[0].save([OPENED])
    ledgers.append(open_to_read(f"sqlite:///{path}"))

    def held() -> int:
        return sum(link.is_symlink() and link.readlink() == path for link in Path("/proc/self/fd").iterdir())

    def kept_when_let_go() -> bool:
        before = held()
        while ledgers:
            ledgers.pop().close()
        gc.collect()
        return held() == before > 0

    assert in_a_fork(kept_when_let_go) == "True"
    for ledger in ledgers:
        ledger.close()


@pytest.mark.parametrize("opening", [lambda url: open_ledger(url, create=False), open_to_read])
def test_a_fork_does_not_open_the_file_that_its_parent_has_open(
    tmp_path: Path, opening: Callable[[str], StoredLedger]
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"

    def opened_and_asked() -> int:
        with closing(opening(url)) as own:
            return own.head()

    with closing(open_ledger(url, create=True)) as ledger:
        ledger.save([OPENED])
        said = in_a_fork(opened_and_asked)
        assert f"was open in process {os.getpid()} when process " in said
        assert "fork first and open it then, or start processes by spawn" in said
    assert in_a_fork(opened_and_asked) == "1"
