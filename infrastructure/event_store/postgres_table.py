"""The event table in PostgreSQL: recognise it, create it, and write to it one writer at a time."""

from collections.abc import Sequence
from typing import LiteralString

from eventsourcing.persistence import IntegrityError, StoredEvent
from psycopg import Cursor
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from exitbrain.application.ports.exit_ledger import Place, StoreUnavailable
from exitbrain.infrastructure.event_store.postgres_address import Address

LOCK_TIMEOUT_S = 5
"""How long a save waits for another writer, twice."""

TABLE = "stored_events"
POSITION_INDEX = "stored_events_notification_id_idx"
TURN = 1165509234
"""The first key of the advisory lock that a writer holds; the second is the oid of the schema."""

# Those of the event sourcing library. Neither its composite type nor its function is needed; the function inserts
# without a lock.
_CREATE_TABLE: LiteralString = (
    "CREATE TABLE IF NOT EXISTS {table} ("
    "originator_id uuid NOT NULL, originator_version bigint NOT NULL, topic text, state bytea, "
    "notification_id bigserial, PRIMARY KEY (originator_id, originator_version)) WITH ("
    "autovacuum_enabled = true, autovacuum_vacuum_threshold = 100000000, autovacuum_vacuum_scale_factor = 0.5, "
    "autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.01)"
)
_CREATE_INDEX: LiteralString = (
    "CREATE UNIQUE INDEX IF NOT EXISTS stored_events_notification_id_idx ON {table} (notification_id ASC)"
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
    ),
    ARRAY(
        SELECT 'trigger ' || t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND (
            t.tgrelid = c.oid OR t.tgrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid)
        )
        UNION ALL SELECT 'rule ' || r.rulename FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_enabled <> 'D'
        UNION ALL SELECT 'index of an expression ' || x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
            WHERE i.indrelid = c.oid AND i.indexprs IS NOT NULL
        ORDER BY 1
    )
FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = %(table)s
WHERE n.nspname = %(schema)s
"""


def has_table(cursor: Cursor[TupleRow], address: Address) -> bool:
    """Return whether the table is there.

    Raises StoreUnavailable where its place is another's, or is none, and where something acts on it.
    """
    columns = [column.partition(" ")[0] for column in _COLUMNS]
    values = {"columns": columns, "table": TABLE, "schema": address.schema}
    shape = cursor.execute(_SHAPE, values).fetchone()
    if shape is None:
        raise StoreUnavailable(
            f"{address.name} cannot be opened: the database has no schema {address.schema!r}; create it first"
        )
    is_table, found, has_key, acting = shape
    if is_table is None:
        return False
    if not is_table or set(found) != _COLUMNS or not has_key:
        raise StoreUnavailable(
            f"{address.name} cannot be opened: {TABLE!r} in schema {address.schema!r} is not a table of ExitBrain, "
            f"which has the columns {', '.join(sorted(_COLUMNS))}, unique in originator_id and originator_version"
        )
    if acting:
        raise StoreUnavailable(
            f"{address.name} cannot be opened: on {TABLE!r} in schema {address.schema!r} lies what may change what is "
            f"written, or runs with the rights of whoever writes: {', '.join(acting)}; allowed: none"
        )
    return True


class EventTable:
    """The table in one schema, for cursors that give tuples: all of it happens in the transaction of the cursor."""

    def __init__(self, schema: str, *, lock_timeout_s: int = LOCK_TIMEOUT_S) -> None:
        self._name = Identifier(schema, TABLE).as_string()
        # The turn keeps the order of positions the order of commits: no reader passes a gap that fills later.
        self._take_turn = (
            SQL(
                "SET LOCAL lock_timeout = {timeout}; "
                "SELECT pg_advisory_xact_lock({turn}, {schema}::regnamespace::oid::int4)"
            )
            .format(timeout=f"{lock_timeout_s}s", turn=TURN, schema=Identifier(schema).as_string())
            .as_bytes()
        )
        # The lock of any insert, taken before we look at the table: so we also wait for whoever takes turns by a lock
        # of the table, as earlier versions did.
        self._join_table = self.sql("LOCK TABLE {table} IN ROW EXCLUSIVE MODE")

    def sql(self, query: LiteralString) -> bytes:
        """Return a statement with the name of the table in it."""
        return query.replace("{table}", self._name).encode()

    def take_turn(self, cursor: Cursor[TupleRow], *, exists: bool) -> None:
        """Wait until there is no other writer; create the table if it may be missing and is."""
        if exists:
            cursor.execute(self._take_turn + b"; " + self._join_table, prepare=False)
        else:
            self.create(cursor)
            cursor.execute(self._join_table, prepare=False)

    def create(self, cursor: Cursor[TupleRow]) -> None:
        """Make the table where it is missing."""
        # IF NOT EXISTS does not protect two that create at the same moment from each other, and wants the right to
        # create from those who need not.
        cursor.execute(self._take_turn, prepare=False)
        found = cursor.execute("SELECT to_regclass(%s)", [self._name]).fetchone()
        if found == (None,):
            cursor.execute(self.sql(_CREATE_TABLE), prepare=False)
            cursor.execute(self.sql(_CREATE_INDEX), prepare=False)

    def insert(
        self, cursor: Cursor[TupleRow], stored_events: Sequence[StoredEvent], absent: Sequence[Place]
    ) -> Sequence[int]:
        """Insert events in our turn and return their positions.

        Raises IntegrityError of `eventsourcing.persistence` when a place is taken that was to be empty.
        """
        self._check_absent(cursor, absent)
        with cursor.copy(
            self.sql(
                "COPY {table} (originator_id, originator_version, topic, state) FROM STDIN (FORMAT BINARY)"
            )
        ) as copy:
            copy.set_types(["uuid", "int8", "text", "bytea"])
            for event in stored_events:
                copy.write_row((event.originator_id, event.originator_version, event.topic, event.state))
        # In our turn nobody else draws numbers, so those of the batch end with the last one drawn.
        newest = cursor.execute("SELECT lastval()").fetchone()
        last: int = newest[0] if newest else 0
        return range(last - len(stored_events) + 1, last + 1)

    def positions(self, cursor: Cursor[TupleRow], stored_events: Sequence[StoredEvent]) -> list[int]:
        """Return the positions of the events if they are all there as they were meant, else none."""
        rows = cursor.execute(
            self.sql(
                "SELECT notification_id, originator_id, originator_version, topic, state "
                "FROM {table} WHERE (originator_id, originator_version) IN "
                "(SELECT * FROM unnest(%s::uuid[], %s::bigint[])) ORDER BY notification_id"
            ),
            [[e.originator_id for e in stored_events], [e.originator_version for e in stored_events]],
        ).fetchall()
        found = [
            StoredEvent(stream, version, topic, bytes(state)) for _, stream, version, topic, state in rows
        ]
        return [position for position, *_ in rows] if found == list(stored_events) else []

    def _check_absent(self, cursor: Cursor[TupleRow], places: Sequence[Place]) -> None:
        if not places:
            return
        taken = cursor.execute(
            self.sql(
                "SELECT 1 FROM {table} WHERE (originator_id, originator_version) IN "
                "(SELECT * FROM unnest(%s::uuid[], %s::bigint[])) LIMIT 1"
            ),
            [[stream_id for stream_id, _ in places], [version for _, version in places]],
        )
        if taken.fetchone() is not None:
            raise IntegrityError("a stream that was read has moved on")
