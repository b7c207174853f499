"""The recorder on PostgreSQL: one writer at a time, binary COPY, and no doubt about a lost commit."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from eventsourcing.domain import EventSourcingError
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.sql import SQL, Identifier

from exitbrain.application.ports.exit_ledger import BadStoreUrl, NoStore, Place, StoreUnavailable
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.domain.identity import STORE_ID
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.startup import NEWEST_ENTRIES, Glimpse, check
from exitbrain.infrastructure.urls import PERCENT_ENCODE, parts_of

LOCK_TIMEOUT_S = 5
"""How long a save waits for another writer, twice."""

CONNECT_TIMEOUT_S = 5
DB_FUNCTIONS = "POSTGRES_ENABLE_DB_FUNCTIONS"

Conninfo = Mapping[str, Any]

_ALLOWED = (
    "the store is not a PostgreSQL URL that can be read; allowed: postgresql://USER:PASSWORD@HOST:PORT/DATABASE; "
    f"{PERCENT_ENCODE}"
)

# A connection that died without a word is noticed in some ten seconds, not in hours.
_LIVENESS: Conninfo = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}

_ROWS: LiteralString = (
    "SELECT notification_id, replace(originator_id::text, '-', ''), originator_version, "
    "coalesce(topic, ''), coalesce(state, '') FROM public.stored_events "
)


def open_database(
    url: str,
    *,
    create: bool,
    environ: Mapping[str, str],
    read_only: bool = False,  # noqa: ARG001
    lock_timeout_s: int = LOCK_TIMEOUT_S,
    connect_timeout_s: int = CONNECT_TIMEOUT_S,
) -> StoredLedger:
    """Open the ledger in a database; `create` makes its table where there is none.

    `environ` is only searched for the one switch of the event sourcing library that would lose events.
    Raises StoreUnavailable, and of that kind NoStore and BadStoreUrl.
    """
    _refuse_db_functions(environ)
    conninfo = _conninfo(url)
    name = f"store {_address(conninfo)}"
    glimpse = look_at_database(conninfo, name)
    if glimpse is not None:
        check(glimpse, name)
    elif not create:
        raise NoStore(f"{name} holds no events")
    datastore = _Datastore(conninfo, lock_timeout_s, connect_timeout_s)
    try:
        recorder = PostgresLedgerRecorder(datastore)
        if glimpse is None:
            recorder.create_table()
    except EventSourcingError as e:
        datastore.close()
        raise StoreUnavailable(f"{name} can not be opened: {_sentence(e)}") from e
    return StoredLedger(recorder, name)


def look_at_database(conninfo: Conninfo, name: str) -> Glimpse | None:
    """Look at a database without changing it; None where it holds no events. Raises StoreUnavailable."""
    try:
        with psycopg.connect(**conninfo, autocommit=True) as connection:
            table = connection.execute("SELECT to_regclass('public.stored_events')").fetchone()
            if table is None or table[0] is None:
                return None
            opened = connection.execute(
                "SELECT state FROM public.stored_events WHERE originator_id = %s AND originator_version = 1",
                [STORE_ID],
            ).fetchone()
            newest = connection.execute(
                "SELECT topic, notification_id FROM public.stored_events "
                "ORDER BY notification_id DESC LIMIT %s",
                [NEWEST_ENTRIES],
            ).fetchall()
    except psycopg.Error as e:
        raise StoreUnavailable(f"{name} can not be read: {_sentence(e)}") from e
    return Glimpse(opened[0] if opened else None, dict(newest)) if newest else None


class PostgresLedgerRecorder(PostgresApplicationRecorder):
    """Record events in PostgreSQL: the library's table, table lock and notification, with an insert of its own.

    The library sends a batch as one parameter through a pipeline, which never returns from some 400 KB on.
    """

    def __init__(self, datastore: "_Datastore") -> None:
        super().__init__(datastore)
        # Neither its composite type nor its function is needed; the function inserts without the table lock.
        self.sql_create_statements = [
            statement
            for statement in self.sql_create_statements
            if statement.as_string().startswith(("CREATE TABLE", "CREATE UNIQUE INDEX"))
        ]
        # The lock keeps the order of positions the order of commits: no reader passes a gap that fills later.
        self._begin_write = SQL(
            "SET LOCAL lock_timeout = '{timeout}s'; "
            "LOCK TABLE public.stored_events IN EXCLUSIVE MODE; "
            "NOTIFY {channel}"
        ).format(timeout=datastore.lock_timeout, channel=Identifier(self.channel_name))

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
        return [topic for (topic,) in self._select("SELECT DISTINCT topic FROM public.stored_events")]

    def max_notification_id(self) -> int | None:
        newest: int | None = self._select("SELECT max(notification_id) FROM public.stored_events")[0][0]
        return newest

    def close(self) -> None:
        self.datastore.close()

    def _create_table(self, curs: Cursor[DictRow]) -> None:
        # IF NOT EXISTS does not protect two that create at the same moment from each other.
        curs.execute("SELECT pg_advisory_xact_lock(hashtext('exitbrain'))")
        super()._create_table(curs)

    def _copy(
        self, stored_events: Sequence[StoredEvent], absent: Sequence[Place], *, look_first: bool = False
    ) -> Sequence[int]:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(self._begin_write, prepare=False)
            if look_first and (positions := self._positions(cursor, stored_events)):
                return positions
            _check_absent(cursor, absent)
            with cursor.copy(
                "COPY public.stored_events (originator_id, originator_version, topic, state) "
                "FROM STDIN (FORMAT BINARY)"
            ) as copy:
                copy.set_types(["uuid", "int8", "text", "bytea"])
                for event in stored_events:
                    copy.write_row((event.originator_id, event.originator_version, event.topic, event.state))
            # Under the lock nobody else draws numbers, so those of the batch end with the last one drawn.
            newest = cursor.execute("SELECT lastval()").fetchone()
            last: int = newest["lastval"] if newest else 0
        return range(last - len(stored_events) + 1, last + 1)

    def _positions(self, cursor: Cursor[DictRow], stored_events: Sequence[StoredEvent]) -> list[int]:
        """Return the positions of the events if they are all there as they were meant, else none."""
        cursor.execute(
            "SELECT notification_id, originator_id, originator_version, topic, state "
            "FROM public.stored_events WHERE (originator_id, originator_version) IN "
            "(SELECT * FROM unnest(%s::uuid[], %s::bigint[])) ORDER BY notification_id",
            [[e.originator_id for e in stored_events], [e.originator_version for e in stored_events]],
        )
        rows = cursor.fetchall()
        found = [
            StoredEvent(row["originator_id"], row["originator_version"], row["topic"], bytes(row["state"]))
            for row in rows
        ]
        return [row["notification_id"] for row in rows] if found == list(stored_events) else []

    def _select(self, query: LiteralString, *values: Any) -> list[Any]:
        try:
            return self._select_once(query, values)
        except (InterfaceError, OperationalError):
            self.datastore.pool.check()
            return self._select_once(query, values)

    def _select_once(self, query: LiteralString, values: Sequence[Any]) -> list[Any]:
        with (
            self.datastore.get_connection() as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            return cursor.execute(query, values).fetchall()


def _check_absent(cursor: Cursor[DictRow], places: Sequence[Place]) -> None:
    if not places:
        return
    taken = cursor.execute(
        "SELECT 1 FROM public.stored_events WHERE (originator_id, originator_version) IN "
        "(SELECT * FROM unnest(%s::uuid[], %s::bigint[])) LIMIT 1",
        [[stream_id for stream_id, _ in places], [version for _, version in places]],
    )
    if taken.fetchone() is not None:
        raise IntegrityError("a stream that was read has moved on")


class _Datastore(PostgresDatastore):
    def __init__(self, conninfo: Conninfo, lock_timeout_s: int, connect_timeout_s: int) -> None:
        super().__init__(
            dbname="",
            host="",
            port="",
            user="",
            password="",
            connect_timeout=connect_timeout_s,
            idle_in_transaction_session_timeout=5,
            pool_size=1,
            max_overflow=3,
            lock_timeout=lock_timeout_s,
            enable_db_functions=False,
        )
        # The library knows five of the connection's options; the URL may have more, and liveness needs some.
        # A read is one statement: a transaction around it would be two more questions to the server.
        self.pool.kwargs = {**conninfo, "row_factory": dict_row, "autocommit": True}


def _conninfo(url: str) -> Conninfo:
    # Neither the text of the library's error nor the parts it would take for a host may be shown: they may hold the
    # password.
    if parts_of(url) is None:
        raise BadStoreUrl(_ALLOWED)
    try:
        return {**_LIVENESS, **conninfo_to_dict(url)}
    except psycopg.Error:
        raise BadStoreUrl(_ALLOWED) from None


def _address(conninfo: Conninfo) -> str:
    """Return where a database is, without who asks: a URL may hold a password in many places."""
    port = f":{conninfo['port']}" if "port" in conninfo else ""
    return f"postgresql://{conninfo.get('host', '')}{port}/{conninfo.get('dbname', '')}"


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


def _sentence(error: Exception) -> str:
    return str(error).partition("\n")[0]
