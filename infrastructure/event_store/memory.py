"""The ledger in memory: for a store `memory://`, replay and tests."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from exitbrain.application.ports.exit_ledger import Place
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.mapper import stream_hex


class InMemoryRecorder(POPOApplicationRecorder):
    """Record events in memory, encoded: what was saved cannot be changed through the objects it came from."""

    def _insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = (), **_: Any
    ) -> Sequence[int] | None:
        with self._database_lock:
            index = self._stored_events_index
            if any(version in index.get(str(stream_id), {}) for stream_id, version in absent):
                raise IntegrityError("a stream that was read has moved on")
            return super()._insert_events(stored_events)

    def select_stream(self, stream_id: UUID) -> list[RawRow]:
        with self._database_lock:
            index = self._stored_events_index.get(str(stream_id), {})
            return [_row(at + 1, self._stored_events[at]) for _, at in sorted(index.items())]

    def select_first(self, stream_ids: Sequence[UUID]) -> list[RawRow]:
        with self._database_lock:
            found = [self._stored_events_index.get(str(stream_id), {}).get(1) for stream_id in stream_ids]
            return [_row(at + 1, self._stored_events[at]) for at in found if at is not None]

    def select_log(self, after: int, limit: int, upto: int | None, topics: Sequence[str]) -> list[RawRow]:
        return [
            _row(notification.id, notification)
            for notification in self.select_notifications(
                after, limit, upto, topics, inclusive_of_start=False
            )
        ]

    def select_topics(self) -> list[str]:
        with self._database_lock:
            return list({event.topic for event in self._stored_events})

    def close(self) -> None:
        """Keep everything: there is nothing to release."""


class InMemoryLedger(StoredLedger):
    """Keep decisions in memory, with every promise of the ledger except durability."""

    survives_fork = True

    def __init__(self) -> None:
        super().__init__(InMemoryRecorder(), "the ledger in memory")


def _row(position: int, event: StoredEvent) -> RawRow:
    return position, stream_hex(event), event.originator_version, event.topic, event.state
