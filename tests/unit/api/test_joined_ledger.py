"""Our own ledger over a connection of the host: what it joins, and what it leaves alone."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitbrain import ExitBrain, IncomingMessage, JoinedLedger, incoming_message, ledger_over
from exitbrain.domain.errors import WrongState
from exitbrain.domain.identity import STORE_ID
from exitbrain.ports import AlreadyReceived, Conflict, StoreUnavailable
from tests.world import NOON, NOON_MS


def intent(number: int, **fields: object) -> IncomingMessage:
    said = {"symbol": "BTCUSDT", "side": "BUY", "leverage": 10, **fields}
    return incoming_message("trade.intent", said, entry_id=f"{NOON_MS + number}-0")


def as_dict(cursor: sqlite3.Cursor, row: tuple[object, ...]) -> dict[str, object]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Yield the database of a host, with a table of orders of its own."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE orders (symbol TEXT NOT NULL)")
    yield connection
    connection.close()


@pytest.fixture
def ledger(db: sqlite3.Connection) -> JoinedLedger:
    return ledger_over(db)


def test_the_hosts_transaction_keeps_decision_and_order_both_or_none(
    ledger: JoinedLedger, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    context = brain.context(at=NOON)
    head = ledger.head()
    decided = brain.decide(intent(1), brain.state_of(intent(1)), context)

    def keep(order: str | None) -> None:
        with db:
            ledger.append(decided.records)
            assert db.in_transaction
            db.execute("INSERT INTO orders VALUES (?)", (order,))

    with pytest.raises(sqlite3.IntegrityError, match="orders"):
        keep(None)
    assert ledger.head() == head
    assert brain.state_of(intent(1)).position is None

    keep("BTCUSDT")
    assert not db.in_transaction
    assert brain.state_of(intent(2)).position is not None
    assert brain.replay(from_receipts=True).exact == 1


def test_a_save_within_a_transaction_commits_nothing_by_itself(
    ledger: JoinedLedger, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    decided = brain.decide(intent(1), brain.state_of(intent(1)), brain.context(at=NOON))
    head = ledger.head()

    db.execute("BEGIN")
    assert ledger.save(decided.records) == ledger.head() == head + len(decided.records)
    db.rollback()

    assert ledger.head() == head
    ledger.save(decided.records)
    assert not db.in_transaction
    assert ledger.head() == head + len(decided.records)


def test_a_save_that_fails_leaves_the_hosts_transaction_as_it_was(
    ledger: JoinedLedger, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    slower = brain.decide(intent(1), brain.state_of(intent(1)), brain.context(at=NOON))
    brain.handle(intent(2), at=NOON)
    again = brain.decide(intent(2), brain.state_of(intent(2)), brain.context(at=NOON))
    head = ledger.head()

    db.execute("INSERT INTO orders VALUES ('BTCUSDT')")
    with pytest.raises(Conflict) as conflict:
        ledger.append(slower.records)
    assert type(conflict.value) is Conflict
    with pytest.raises(AlreadyReceived):
        ledger.append(again.records)
    third = brain.decide(intent(3), brain.state_of(intent(3)), brain.context(at=NOON))
    with pytest.raises(Conflict):  # found out when its records are in already
        ledger.append(third.records, absent=[(STORE_ID, 1)])
    db.commit()

    assert ledger.head() == head
    assert db.execute("SELECT COUNT(*) FROM orders").fetchone() == (1,)


def test_an_append_that_fails_leaves_no_transaction_that_it_began(
    ledger: JoinedLedger, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    decided = brain.decide(intent(1), brain.state_of(intent(1)), brain.context(at=NOON))
    ledger.save(decided.records)

    with pytest.raises(AlreadyReceived):
        ledger.append(decided.records)

    assert not db.in_transaction


def test_what_was_decided_is_not_remembered_over_a_rollback(
    ledger: JoinedLedger, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    brain.context(at=NOON)
    head = ledger.head()

    db.execute("INSERT INTO orders VALUES ('BTCUSDT')")
    with pytest.raises(
        WrongState, match=r"a transaction is open .* commit first, or save what `decide` returns"
    ):
        brain.handle(intent(1), at=NOON)
    db.rollback()

    assert ledger.head() == head
    assert brain.handle(intent(1), at=NOON).decision is not None


def test_a_position_of_a_transaction_that_was_rolled_back_is_forgotten(
    ledger: JoinedLedger, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    decided = brain.decide(intent(1), brain.state_of(intent(1)), brain.context(at=NOON))

    ledger.append(decided.records)
    assert ledger.latest_position("default", "BTCUSDT") is not None
    db.rollback()

    assert ledger.latest_position("default", "BTCUSDT") is None
    ledger.save(decided.records)
    assert ledger.latest_position("default", "BTCUSDT") is not None


def test_the_connection_keeps_its_settings_and_stays_open(db: sqlite3.Connection) -> None:
    db.row_factory = as_dict
    db.text_factory = bytes
    pragmas = (
        "journal_mode",
        "synchronous",
        "cache_size",
        "foreign_keys",
        "locking_mode",
        "wal_autocheckpoint",
    )

    def settings() -> list[object]:
        values = [db.execute(f"PRAGMA {name}").fetchone() for name in pragmas]
        return [*values, db.row_factory, db.text_factory, db.isolation_level]

    before = settings()
    ledger = ledger_over(db)
    brain = ExitBrain(ledger)
    brain.handle(intent(1), at=NOON)

    assert next(brain.ledger.log(topics=["exitbrain.PositionOpened"])).event is not None
    assert brain.replay().exact == brain.replay(context=True).exact == 1
    with pytest.raises(Conflict):
        ledger.save(brain.decide(intent(1), brain.state_of(intent(9)), brain.context()).records)
    ledger.close()
    assert settings() == before
    assert db.execute("SELECT topic FROM stored_events").fetchone() == {"topic": b"exitbrain.StoreOpened"}


def test_the_record_can_be_read_by_the_command_line_s_store(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "host.db")
    ExitBrain(ledger_over(db)).handle(intent(1), at=NOON)
    again = ExitBrain(ledger_over(db)).handle(intent(1), at=NOON)
    db.close()

    assert again.duplicate
    with ExitBrain.open(f"sqlite:///{tmp_path / 'host.db'}") as brain:
        assert brain.replay(from_receipts=True).exact == 1


def test_a_table_of_that_name_that_is_another_s_is_refused(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE stored_events (id INTEGER)")

    with pytest.raises(StoreUnavailable, match="it has a table stored_events that is not of ExitBrain"):
        ledger_over(db)


def test_a_connection_that_was_closed_is_told(db: sqlite3.Connection, ledger: JoinedLedger) -> None:
    db.close()

    with pytest.raises(StoreUnavailable, match="closed database"):
        ledger.head()
    with pytest.raises(StoreUnavailable, match="closed database"):
        ledger.append([])
    with pytest.raises(StoreUnavailable, match="closed database"):
        ledger_over(db)


def test_anything_but_a_connection_is_one_clear_error() -> None:
    with pytest.raises(
        TypeError, match=r"connection is 'host\.db' \(str\); wanted: an open sqlite3\.Connection"
    ):
        ledger_over("host.db")  # type: ignore[arg-type]
