"""The queries of a ledger on its PostgreSQL table, over any connection."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from exitbrain.application.ports.raw_log import RawRow

_ROWS: LiteralString = (
    "SELECT notification_id, replace(originator_id::text, '-', ''), originator_version, "
    "coalesce(topic, ''), coalesce(state, '') FROM {table} "
)


class PostgresLog(ABC):
    """The reading half of a recorder in PostgreSQL."""

    @abstractmethod
    def select(self, query: LiteralString, *values: Any) -> list[Any]:
        """Return the rows of one statement on `{table}`, as tuples; none where the table is still missing.

        Raises the errors of `eventsourcing.persistence`.
        """

    def select_stream(self, stream_id: UUID) -> list[RawRow]:
        return self.select(_ROWS + "WHERE originator_id = %s ORDER BY originator_version", stream_id)

    def select_first(self, stream_ids: Sequence[UUID]) -> list[RawRow]:
        where = "WHERE originator_version = 1 AND originator_id = ANY(%s)"
        return self.select(_ROWS + where, list(stream_ids))

    def select_log(self, after: int, limit: int, upto: int | None, topics: Sequence[str]) -> list[RawRow]:
        where: LiteralString = "WHERE notification_id > %s"
        values: list[Any] = [after]
        if topics:
            where += " AND topic = ANY(%s)"
            values.append(list(topics))
        if upto is not None:
            where += " AND notification_id <= %s"
            values.append(upto)
        return self.select(_ROWS + where + " ORDER BY notification_id LIMIT %s", *values, limit)

    def select_topics(self) -> list[str]:
        return [topic for (topic,) in self.select("SELECT DISTINCT topic FROM {table}")]

    def max_notification_id(self) -> int | None:
        rows = self.select("SELECT max(notification_id) FROM {table}")
        return rows[0][0] if rows else None
