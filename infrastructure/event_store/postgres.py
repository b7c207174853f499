"""The recorder on PostgreSQL: one writer at a time, binary COPY, and no doubt about a lost commit."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from eventsourcing.domain import EventSourcingError
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import Connection, Cursor
from psycopg.errors import UndefinedTable
from psycopg.rows import DictRow, TupleRow, tuple_row
from psycopg.sql import SQL, Identifier

from exitbrain.application.ports.exit_ledger import NoStore, Place, StoreUnavailable
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.domain.identity import STORE_ID
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.postgres_address import CONNECT_TIMEOUT_S, Address, address_of
from exitbrain.infrastructure.event_store.postgres_connections import Datastore, prepare, sentence
from exitbrain.infrastructure.event_store.startup import NEWEST_ENTRIES, Glimpse, check

LOCK_TIMEOUT_S = 5
"""How long a save waits for another writer, twice."""

TABLE = "stored_events"
TURN = 1165509234
"""The first key of the advisory lock that a writer holds; the second is the oid of the schema."""

DB_FUNCTIONS = "POSTGRES_ENABLE_DB_FUNCTIONS"

_ROWS: LiteralString = (
    "SELECT notification_id, replace(originator_id::text, '-', ''), originator_version, "
    "coalesce(topic, ''), coalesce(state, '') FROM {table} "
)

_COLUMNS = {
    "notification_id int8",
    "originator_id uuid",
    "originator_version int8",
    "state bytea",
    "topic text",
}
_SHAPE = """
SELECT c.relkind IN ('r', 'p'),
    ARRAY(
        SELECT a.attname || ' ' || t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attname = ANY(%(columns)s)
    ),
    EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND (
            SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
        ) = ARRAY['originator_id', 'originator_version']
    )
FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = %(table)s
WHERE n.nspname = %(schema)s
"""


def open_database(
    url: str,
    *,
    create: bool,
    read_only: bool = False,
    environ: Mapping[str, str],
    lock_timeout_s: int = LOCK_TIMEOUT_S,
    connect_timeout_s: int = CONNECT_TIMEOUT_S,
) -> StoredLedger:
    """Open the ledger in a database; with `create` its table may be missing, and is made with the first save.

    With `read_only` nothing can be saved, nothing is made or locked, and the right to read the table is enough.
    `environ` is only searched for the one switch of the event sourcing library that would lose events.
    Raises StoreUnavailable, and of that kind NoStore and BadStoreUrl.
    """
    _refuse_db_functions(environ)
    address = address_of(url)
    glimpse = look_at_database(address)
    if glimpse is not None:
        check(glimpse, address.name)
    elif read_only or not create:
        raise NoStore(f"{address.name} holds no events")
    datastore = Datastore(
        address, read_only=read_only, lock_timeout_s=lock_timeout_s, connect_timeout_s=connect_timeout_s
    )
    return StoredLedger(PostgresLedgerRecorder(datastore, has_table=glimpse is not None), address.name)


def make_table(url: str) -> None:
    """Make the table of a store where there is none, for others to append to; saves nothing to it.

    Raises StoreUnavailable.
    """
    address = address_of(url)
    look_at_database(address)
    datastore = Datastore(
        address, read_only=False, lock_timeout_s=LOCK_TIMEOUT_S, connect_timeout_s=CONNECT_TIMEOUT_S
    )
    try:
        PostgresLedgerRecorder(datastore, has_table=False).create_table()
    except EventSourcingError as e:
        raise StoreUnavailable(f"the table of {address.name} can not be made: {e}") from e
    finally:
        datastore.close()


def look_at_database(address: Address) -> Glimpse | None:
    """Look at a database without changing it; None where it holds no events. Raises StoreUnavailable."""
    try:
        with psycopg.connect(**address.conninfo, autocommit=True) as connection:
            prepare(connection, read_only=True)
            return _glimpse(connection, address) if _has_table(connection, address) else None
    except psycopg.Error as e:
        raise StoreUnavailable(f"{address.name} can not be read: {sentence(e)}") from e


def _has_table(connection: Connection[TupleRow], address: Address) -> bool:
    columns = [column.partition(" ")[0] for column in _COLUMNS]
    values = {"columns": columns, "table": TABLE, "schema": address.schema}
    shape = connection.execute(_SHAPE, values).fetchone()
    if shape is None:
        raise StoreUnavailable(
            f"{address.name} can not be opened: the database has no schema {address.schema!r}; create it first"
        )
    is_table, found, has_key = shape
    if is_table is None:
        return False
    if not is_table or set(found) != _COLUMNS or not has_key:
        raise StoreUnavailable(
            f"{address.name} can not be opened: {TABLE!r} in schema {address.schema!r} is not a table of ExitBrain, "
            f"which has the columns {', '.join(sorted(_COLUMNS))}, unique in originator_id and originator_version"
        )
    return True


def _glimpse(connection: Connection[TupleRow], address: Address) -> Glimpse | None:
    table = Identifier(address.schema, TABLE)
    newest = connection.execute(
        SQL("SELECT topic, notification_id FROM {} ORDER BY notification_id DESC LIMIT %s").format(table),
        [NEWEST_ENTRIES],
    ).fetchall()
    opened = connection.execute(
        SQL("SELECT state FROM {} WHERE originator_id = %s AND originator_version = 1").format(table),
        [STORE_ID],
    ).fetchone()
    return Glimpse(opened[0] if opened else None, dict(newest)) if newest else None


class PostgresLedgerRecorder(PostgresApplicationRecorder):
    """Record events in PostgreSQL: the library's table, with a lock and an insert of its own.

    The library sends a batch as one parameter through a pipeline, which never returns from some 400 KB on, and its
    table lock needs the right to change or delete events. Without `has_table` the table may be missing: reads find
    nothing, and the first insert makes it.
    """

    def __init__(self, datastore: Datastore, *, has_table: bool) -> None:
        super().__init__(datastore, events_table_name=TABLE)
        self._has_table = has_table
        # Neither its composite type nor its function is needed; the function inserts without a lock.
        self.sql_create_statements = [
            statement
            for statement in self.sql_create_statements
            if statement.as_string().startswith(("CREATE TABLE", "CREATE UNIQUE INDEX"))
        ]
        schema = Identifier(datastore.schema).as_string()
        self._table = Identifier(datastore.schema, TABLE).as_string()
        # The turn keeps the order of positions the order of commits: no reader passes a gap that fills later.
        self._take_turn = (
            SQL(
                "SET LOCAL lock_timeout = {timeout}; "
                "SELECT pg_advisory_xact_lock({turn}, {schema}::regnamespace::oid::int4)"
            )
            .format(timeout=f"{datastore.lock_timeout}s", turn=TURN, schema=schema)
            .as_bytes()
        )
        # The lock of any insert, taken before we look at the table: so we also wait for whoever takes turns by a lock
        # of the table, as earlier versions did.
        self._join_table = f"LOCK TABLE {self._table} IN ROW EXCLUSIVE MODE".encode()

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = (), **_: Any
    ) -> Sequence[int]:
        try:
            return self._copy(stored_events, absent)
        except (InterfaceError, OperationalError):
            # The connection was lost and the commit may have happened all the same: look, and only then repeat.
            self.datastore.pool.check()
            return self._copy(stored_events, absent, look_first=True)

    def select_stream(self, stream_id: UUID) -> list[RawRow]:
        return self._select(_ROWS + "WHERE originator_id = %s ORDER BY originator_version", stream_id)

    def select_first(self, stream_ids: Sequence[UUID]) -> list[RawRow]:
        where = "WHERE originator_version = 1 AND originator_id = ANY(%s)"
        return self._select(_ROWS + where, list(stream_ids))

    def select_log(self, after: int, limit: int, upto: int | None, topics: Sequence[str]) -> list[RawRow]:
        where: LiteralString = "WHERE notification_id > %s"
        values: list[Any] = [after]
        if topics:
            where += " AND topic = ANY(%s)"
            values.append(list(topics))
        if upto is not None:
            where += " AND notification_id <= %s"
            values.append(upto)
        return self._select(_ROWS + where + " ORDER BY notification_id LIMIT %s", *values, limit)

    def select_topics(self) -> list[str]:
        return [topic for (topic,) in self._select("SELECT DISTINCT topic FROM {table}")]

    def max_notification_id(self) -> int | None:
        rows = self._select("SELECT max(notification_id) FROM {table}")
        return rows[0][0] if rows else None

    def close(self) -> None:
        self.datastore.close()

    def _create_table(self, curs: Cursor[DictRow]) -> None:
        # IF NOT EXISTS does not protect two that create at the same moment from each other, and wants the right to
        # create from those who need not.
        curs.execute(self._take_turn, prepare=False)
        curs.execute("SELECT to_regclass(%s) AS found", [self._table])
        if (row := curs.fetchone()) and row["found"] is None:
            super()._create_table(curs)

    def _copy(
        self, stored_events: Sequence[StoredEvent], absent: Sequence[Place], *, look_first: bool = False
    ) -> Sequence[int]:
        with self.datastore.transaction(commit=True) as cursor:
            if self._has_table:
                cursor.execute(self._take_turn + b"; " + self._join_table, prepare=False)
            else:
                self._create_table(cursor)
                cursor.execute(self._join_table, prepare=False)
            if look_first and (positions := self._positions(cursor, stored_events)):
                return positions
            self._check_absent(cursor, absent)
            with cursor.copy(
                self._sql(
                    "COPY {table} (originator_id, originator_version, topic, state) FROM STDIN (FORMAT BINARY)"
                )
            ) as copy:
                copy.set_types(["uuid", "int8", "text", "bytea"])
                for event in stored_events:
                    copy.write_row((event.originator_id, event.originator_version, event.topic, event.state))
            # In our turn nobody else draws numbers, so those of the batch end with the last one drawn.
            newest = cursor.execute("SELECT lastval()").fetchone()
            last: int = newest["lastval"] if newest else 0
        self._has_table = True
        return range(last - len(stored_events) + 1, last + 1)

    def _positions(self, cursor: Cursor[DictRow], stored_events: Sequence[StoredEvent]) -> list[int]:
        """Return the positions of the events if they are all there as they were meant, else none."""
        cursor.execute(
            self._sql(
                "SELECT notification_id, originator_id, originator_version, topic, state "
                "FROM {table} WHERE (originator_id, originator_version) IN "
                "(SELECT * FROM unnest(%s::uuid[], %s::bigint[])) ORDER BY notification_id"
            ),
            [[e.originator_id for e in stored_events], [e.originator_version for e in stored_events]],
        )
        rows = cursor.fetchall()
        found = [
            StoredEvent(row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]))
            for row in rows
        ]
        return [row["notification_id"] for row in rows] if found == list(stored_events) else []

    def _check_absent(self, cursor: Cursor[DictRow], places: Sequence[Place]) -> None:
        if not places:
            return
        taken = cursor.execute(
            self._sql(
                "SELECT 1 FROM {table} WHERE (originator_id, originator_version) IN "
                "(SELECT * FROM unnest(%s::uuid[], %s::bigint[])) LIMIT 1"
            ),
            [[stream_id for stream_id, _ in places], [version for _, version in places]],
        )
        if taken.fetchone() is not None:
            raise IntegrityError("a stream that was read has moved on")

    def _select(self, query: LiteralString, *values: Any) -> list[Any]:
        statement = self._sql(query)
        try:
            return self._select_once(statement, values)
        except (InterfaceError, OperationalError):
            self.datastore.pool.check()
            return self._select_once(statement, values)

    def _select_once(self, statement: bytes, values: Sequence[Any]) -> list[Any]:
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            try:
                return cursor.execute(statement, values).fetchall()
            except UndefinedTable:
                if self._has_table:
                    raise
                return []

    def _sql(self, query: LiteralString) -> bytes:
        return query.replace("{table}", self._table).encode()


def _refuse_db_functions(environ: Mapping[str, str]) -> None:
    """Refuse the library's switch under which positions become visible out of order and events are missed."""
    for key, value in environ.items():
        if key.endswith(DB_FUNCTIONS) and value.strip().lower() not in (
            "",
            "0",
            "n",
            "no",
            "f",
            "false",
            "off",
        ):
            raise StoreUnavailable(f"{key} is set to {value!r}: with it events are lost; unset it")
