"""The rights in docs/operations.md are what each user needs: enough for all it does, and none of them for nothing."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from exitbrain.application.ports.exit_ledger import AlreadyReceived, NoStore, StoreUnavailable
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.postgres import open_database
from tests.architecture.source import ROOT
from tests.contract.test_exit_ledger import receipt
from tests.integration.test_operations import ran
from tests.servers import own_database, postgres_url

pytestmark = pytest.mark.integration

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BEFORE, AFTER = re.findall(r"<!-- tested: rights(?: on the table)? -->\n```sql\n(.*?)```", PAGE, re.DOTALL)
TABLE = "exitbrain.stored_events"


@dataclass(frozen=True, slots=True)
class Right:
    """One right of the page, as it is given to a role."""

    name: str
    place: str
    role: str


def rights_of(role: str) -> list[Right]:
    """Return each right that the page gives to a role."""
    granted = re.findall(rf"GRANT ([A-Z, ]+) ON (.*) TO exitbrain_{role};", BEFORE + AFTER)
    return [Right(name, place, role) for names, place in granted for name in names.split(", ")]


class Database:
    """A database with the users of the page. Roles belong to the whole server, so theirs get a name of their own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._suffix = uuid4().hex[:8]
        self.run(BEFORE)
        made = ran("make_table", self.url_of("writer"))
        assert made.returncode == 0, made.stderr
        self.run(AFTER)

    def url_of(self, role: str) -> str:
        parts = urlsplit(self.url)
        place = parts.netloc.rpartition("@")[2]
        user = f"exitbrain_{role}_{self._suffix}@{place}"
        return parts._replace(netloc=user, query=f"{parts.query}&schema=exitbrain").geturl()

    def run(self, sql: str) -> None:
        name = urlsplit(self.url).path[1:]
        ours = sql.replace("DATABASE exitbrain ", f"DATABASE {name} ")
        ours = re.sub(r"exitbrain_(writer|appender|reader)", rf"exitbrain_\1_{self._suffix}", ours)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(ours.encode())

    @contextmanager
    def without(self, right: Right) -> Iterator[None]:
        self.run(f"REVOKE {right.name} ON {right.place} FROM exitbrain_{right.role}")
        yield
        self.run(f"GRANT {right.name} ON {right.place} TO exitbrain_{right.role}")

    def drop_roles(self) -> None:
        with psycopg.connect(postgres_url(), autocommit=True) as connection:
            for role in ("writer", "appender", "reader"):
                connection.execute(f"DROP ROLE exitbrain_{role}_{self._suffix}".encode())


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with own_database() as url:
        database = Database(url)
        yield database
    database.drop_roles()


@pytest.fixture
def begun(database: Database) -> Iterator[Database]:
    """Yield the database with one receipt in its store."""
    with closing(open_database(database.url_of("appender"), create=True, environ={})) as ledger:
        ledger.save([receipt(1)])
    yield database
    database.run(f"TRUNCATE {TABLE} RESTART IDENTITY")


@pytest.fixture
def unmade(database: Database) -> Iterator[Database]:
    """Yield the database as it was before the table was made."""
    database.run(f"ALTER TABLE {TABLE} RENAME TO put_aside")
    database.run("ALTER INDEX exitbrain.stored_events_notification_id_idx RENAME TO put_aside_idx")
    yield database
    database.run(f"DROP TABLE IF EXISTS {TABLE}; ALTER TABLE exitbrain.put_aside RENAME TO stored_events")
    database.run("ALTER INDEX exitbrain.put_aside_idx RENAME TO stored_events_notification_id_idx")


def opened(database: Database, role: str, *, read_only: bool = False) -> closing[StoredLedger]:
    return closing(
        open_database(
            database.url_of(role),
            create=not read_only,
            read_only=read_only,
            environ={},
            connect_timeout_s=1,
        )
    )


def append(database: Database, role: str, number: int) -> None:
    with opened(database, role) as ledger:
        ledger.save([receipt(number)], absent=[(receipt(99).stream_id, 1)])


def read_all(ledger: StoredLedger) -> None:
    """Use every way in which a ledger is read."""
    assert ledger.head() == 1
    assert [entry.stream_id for entry in ledger.log()] == [receipt(1).stream_id]
    assert ledger.history(receipt(1).stream_id) == (receipt(1),)
    assert list(ledger.receipts([receipt(1).stream_id])) == [receipt(1).stream_id]
    assert len(ledger.topics()) == 1
    assert list(ledger.rows(topics=list(ledger.topics()), upto=1))


def in_the_table(database: Database) -> int:
    with psycopg.connect(database.url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM exitbrain.stored_events").fetchone() or (0,)
    return int(count)


def test_a_reader_reads_and_follows_and_nothing_else(begun: Database) -> None:
    with opened(begun, "reader", read_only=True) as ledger:
        read_all(ledger)
        append(begun, "appender", 2)
        assert [entry.position for entry in ledger.log(1)] == [2]
        with pytest.raises(StoreUnavailable, match="permission denied for table stored_events"):
            ledger.save([receipt(3)])
    assert in_the_table(begun) == 2


def test_an_appender_appends_and_can_neither_change_nor_delete(begun: Database) -> None:
    with opened(begun, "appender") as ledger:
        read_all(ledger)
        assert ledger.save([receipt(2), receipt(3)]) == 3
        with pytest.raises(AlreadyReceived):
            ledger.save([receipt(3)])
    with psycopg.connect(begun.url_of("appender").partition("&schema")[0], autocommit=True) as connection:
        for change in ("UPDATE {} SET topic = ''", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change.format(TABLE).encode())
    assert in_the_table(begun) == 3


def test_a_writer_makes_the_table_with_its_first_save(unmade: Database) -> None:
    append(unmade, "writer", 1)
    append(unmade, "writer", 2)
    assert in_the_table(unmade) == 2


def test_a_store_that_is_opened_to_be_read_is_neither_made_nor_changed(begun: Database) -> None:
    with (
        opened(begun, "appender", read_only=True) as ledger,
        pytest.raises(StoreUnavailable, match="in a read-only transaction"),
    ):
        ledger.save([receipt(2)])
    begun.run(f"TRUNCATE {TABLE}")
    with pytest.raises(NoStore, match="holds no events"):
        open_database(begun.url_of("writer"), create=True, read_only=True, environ={})


@pytest.mark.parametrize("right", rights_of("reader"), ids=str)
def test_each_right_of_a_reader_is_needed(begun: Database, right: Right) -> None:
    with (
        begun.without(right),
        pytest.raises(StoreUnavailable, match="permission denied for "),
        opened(begun, "reader", read_only=True) as ledger,
    ):
        read_all(ledger)


@pytest.mark.parametrize("right", rights_of("appender"), ids=str)
def test_each_right_of_an_appender_is_needed(begun: Database, right: Right) -> None:
    with begun.without(right), pytest.raises(StoreUnavailable, match="permission denied for "):
        append(begun, "appender", 2)
    assert in_the_table(begun) == 1


@pytest.mark.parametrize("right", rights_of("writer"), ids=str)
def test_each_right_of_a_writer_is_needed_and_without_it_nothing_is_made(
    unmade: Database, right: Right
) -> None:
    with unmade.without(right), pytest.raises(StoreUnavailable, match="permission denied for "):
        append(unmade, "writer", 1)
    with psycopg.connect(unmade.url) as connection:
        assert connection.execute(f"SELECT to_regclass('{TABLE}')".encode()).fetchone() == (None,)
