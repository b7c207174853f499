"""Our own ledger over a PostgreSQL connection of the host: what it joins, and what it leaves alone."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from exitbrain import ExitBrain, JoinedLedger, ledger_over
from exitbrain.domain.errors import InvalidValue, WrongState
from exitbrain.domain.identity import STORE_ID
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.ports import AlreadyReceived, Conflict, StoreUnavailable
from tests.contract.test_exit_ledger import receipt
from tests.contract.test_writers_and_losses import ids, waits_for_a_lock
from tests.own_time import LIVENESS_S, wait_until
from tests.servers import fresh_database
from tests.unit.api.test_joined_ledger import intent
from tests.world import NOON

pytestmark = pytest.mark.integration

Host = psycopg.Connection[Any]

TABLES_AGAIN = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE orders (symbol text NOT NULL)"
LIMITS = "SELECT current_setting('lock_timeout') AS wait, current_setting('search_path') AS path"


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    with fresh_database() as url:
        yield url


@pytest.fixture
def url(shared: str) -> str:
    """Return the URL of the database of a host, with a table of orders of its own."""
    with psycopg.connect(shared, autocommit=True) as connection:
        connection.execute(TABLES_AGAIN)
    return shared


@pytest.fixture(params=[False, True], ids=["driver begins", "autocommit"])
def db(url: str, request: pytest.FixtureRequest) -> Iterator[Host]:
    with closing(psycopg.connect(url, autocommit=request.param)) as connection:
        yield connection


@pytest.fixture
def ledger(db: Host) -> JoinedLedger:
    return ledger_over(db)


def status(db: Host) -> TransactionStatus:
    return db.info.transaction_status


def orders(db: Host) -> object:
    with db.transaction():
        return db.execute("SELECT count(*) FROM orders").fetchone()


def test_the_hosts_transaction_keeps_decision_and_order_both_or_none(ledger: JoinedLedger, db: Host) -> None:
    brain = ExitBrain(ledger)
    context = brain.context(at=NOON)
    head = ledger.head()
    decided = brain.decide(intent(1), brain.state_of(intent(1)), context)
    assert status(db) is TransactionStatus.IDLE

    def keep(order: str | None) -> None:
        with db.transaction():
            ledger.append(decided.records)
            db.execute("INSERT INTO orders VALUES (%s)", [order])

    with pytest.raises(psycopg.IntegrityError, match="orders"):
        keep(None)
    assert ledger.head() == head
    assert brain.state_of(intent(1)).position is None

    keep("BTCUSDT")
    assert status(db) is TransactionStatus.IDLE
    assert brain.state_of(intent(2)).position is not None
    assert brain.replay(from_receipts=True).exact == 1


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_an_append_begins_what_the_host_ends(ledger: JoinedLedger, db: Host, ending: str) -> None:
    ledger.append([receipt(1)])
    assert status(db) is TransactionStatus.INTRANS
    db.execute("INSERT INTO orders VALUES ('BTCUSDT')")
    getattr(db, ending)()

    expected = 1 if ending == "commit" else 0
    assert ledger.head() == expected
    assert orders(db) == (expected,)
    ledger.save([receipt(2)])  # also where the table went with the rollback
    assert len(ids(ledger)) == expected + 1


def test_a_save_that_fails_leaves_the_hosts_transaction_as_it_was(
    ledger: JoinedLedger, db: Host, url: str
) -> None:
    ledger.save([receipt(1)])
    with psycopg.connect(url) as another:
        ledger_over(another).save([receipt(2)])
        head = ledger.head()

        with db.transaction():
            db.execute("INSERT INTO orders VALUES ('BTCUSDT')")
            with pytest.raises(AlreadyReceived):
                ledger.append([receipt(3), receipt(2)])
            with pytest.raises(Conflict):
                ledger.append([receipt(3)], absent=[(receipt(2).stream_id, 1)])
            with db.transaction(force_rollback=True):
                db.execute("SET LOCAL transaction_read_only = on")
                with pytest.raises(StoreUnavailable, match="in a read-only transaction"):
                    ledger.append([receipt(4)])
                assert status(db) is TransactionStatus.INTRANS

        assert ledger.head() == head
        assert orders(db) == (1,)


def test_two_hosts_that_decide_on_the_same_state_conflict(ledger: JoinedLedger, url: str) -> None:
    with psycopg.connect(url) as connection:
        one, other = ExitBrain(ledger), ExitBrain(ledger_over(connection))
        slower = one.decide(intent(1), one.state_of(intent(1)), one.context(at=NOON))
        other.handle(intent(2), at=NOON)
        with pytest.raises(Conflict) as conflict:
            ledger.append(slower.records)
        assert type(conflict.value) is Conflict
        assert status(connection) is TransactionStatus.IDLE


def test_an_append_that_fails_leaves_no_transaction_that_it_began(ledger: JoinedLedger, db: Host) -> None:
    ledger.save([receipt(1)])
    with pytest.raises(AlreadyReceived):
        ledger.append([receipt(1)])
    assert status(db) is TransactionStatus.IDLE


def test_what_was_decided_is_not_remembered_over_a_rollback(ledger: JoinedLedger, db: Host) -> None:
    brain = ExitBrain(ledger)
    with db.transaction(), pytest.raises(WrongState, match="a transaction is open"):
        brain.handle(intent(1), at=NOON)
    assert brain.handle(intent(1), at=NOON).decision is not None


def test_a_reader_passes_no_gap_while_a_host_holds_events_back(
    ledger: JoinedLedger, db: Host, url: str
) -> None:
    ledger.save([receipt(1)])
    with (
        closing(open_ledger(url, create=False)) as reader,
        psycopg.connect(url) as connection,
        ThreadPoolExecutor(1) as thread,
    ):
        another = ledger_over(connection)
        with db.transaction():
            ledger.append([receipt(2)])
            saving = thread.submit(another.save, [receipt(3)])
            wait_until(lambda: waits_for_a_lock(url))
            assert ids(reader) == [receipt(1).stream_id]
            assert not saving.done()
        assert saving.result(LIVENESS_S) == 3
        assert ids(reader) == [receipt(number).stream_id for number in (1, 2, 3)]


def test_the_connection_keeps_its_settings_and_stays_open(url: str) -> None:
    with psycopg.connect(url, row_factory=dict_row, cursor_factory=psycopg.ClientCursor) as db:
        db.execute(
            "SET lock_timeout = '7s'; SET search_path = pg_temp; SET default_transaction_isolation = 'serializable'"
        )
        db.commit()
        before = db.execute(LIMITS).fetchone()
        db.commit()
        ledger = ledger_over(db)
        brain = ExitBrain(ledger)
        brain.handle(intent(1), at=NOON)
        assert brain.replay().exact == 1
        with db.transaction():
            ledger.append([receipt(1)])
            assert db.execute(LIMITS).fetchone() == before
        ledger.close()
        assert (db.execute(LIMITS).fetchone(), db.closed, db.autocommit) == (before, False, False)


def test_an_isolation_that_does_not_see_what_moved_on_is_named(ledger: JoinedLedger, db: Host) -> None:
    ledger.save([receipt(1)])
    with db.transaction():
        db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(StoreUnavailable, match=r"is repeatable read, .* allowed: read committed"):
            ledger.append([receipt(2)], absent=[(STORE_ID, 1)])
        ledger.append([receipt(2)])


def test_the_table_lies_in_the_schema_that_is_named(db: Host, url: str) -> None:
    with db.transaction():
        db.execute("DROP SCHEMA IF EXISTS trading CASCADE; CREATE SCHEMA trading")
    ExitBrain(ledger_over(db, schema="trading")).handle(intent(1), at=NOON)
    with ExitBrain.open(f"{url}&schema=trading") as brain:
        assert brain.replay(from_receipts=True).exact == 1
    with pytest.raises(StoreUnavailable, match="has no schema 'none'"):
        ledger_over(db, schema="none")
    with pytest.raises(InvalidValue, match="schema is 'a%b'; allowed: 1 to 63 bytes"):
        ledger_over(db, schema="a%b")


def test_a_table_of_that_name_that_is_another_s_is_refused(db: Host) -> None:
    with db.transaction():
        db.execute("CREATE TABLE stored_events (id integer)")
    with pytest.raises(StoreUnavailable, match="is not a table of ExitBrain"):
        ledger_over(db)
    assert status(db) is TransactionStatus.IDLE


def test_events_that_the_role_would_not_see_are_an_error(ledger: JoinedLedger, db: Host) -> None:
    ledger.save([receipt(1)])
    with db.transaction(force_rollback=True):
        db.execute(
            "ALTER TABLE stored_events ENABLE ROW LEVEL SECURITY; CREATE ROLE hidden_from; "
            "GRANT USAGE ON SCHEMA public TO hidden_from; GRANT SELECT ON stored_events TO hidden_from; "
            "SET LOCAL ROLE hidden_from"
        )
        with pytest.raises(StoreUnavailable, match="row-level security would hide events"):
            ledger_over(db)


def test_a_connection_that_can_not_be_used_is_one_sentence(ledger: JoinedLedger, db: Host) -> None:
    def refused(sentence: str) -> None:
        for use in (ledger.head, lambda: ledger.append([receipt(1)]), lambda: ledger_over(db)):
            with pytest.raises(StoreUnavailable, match=sentence):
                use()

    db.execute("SET client_encoding = 'LATIN1'")
    refused("client_encoding of the connection is LATIN1; allowed: UTF8")
    db.execute("RESET client_encoding")
    with db.pipeline():
        refused("pipeline mode")
    db.rollback()
    db.execute("BEGIN" if db.autocommit else "SELECT 1")
    with pytest.raises(psycopg.errors.DivisionByZero):
        db.execute("SELECT 1 / 0")
    refused("has failed: roll it back first")
    db.rollback()
    assert ledger.head() == 0
    db.close()
    refused("the connection is closed")


def test_a_connection_that_is_lost_is_unavailable(ledger: JoinedLedger, db: Host, url: str) -> None:
    ledger.save([receipt(1)])
    with psycopg.connect(url, autocommit=True) as another:
        another.execute("SELECT pg_terminate_backend(%s, 5000)", [db.info.backend_pid])
    with pytest.raises(StoreUnavailable):
        ledger.append([receipt(2)])
    with pytest.raises(StoreUnavailable, match="the connection is closed"):
        ledger.head()


def test_the_driver_is_imported_by_whoever_has_such_a_connection_alone() -> None:
    code = (
        "import sqlite3, sys; from exitbrain import ExitBrain, ledger_over; "
        "ExitBrain(ledger_over(sqlite3.connect(':memory:'))); print('psycopg' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "False\n"
