"""Keep the newest log records that this process saved, so that they need not be read back."""

import threading
from collections.abc import Sequence, Set

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.events import Record

RECORDS_MAX = 8_192
"""How many records are kept at least; whoever is further behind reads the store."""


class RecentLog:
    """Remember the records saved last. Written by one thread, read by any.

    What is kept is whole: positions follow each other without a gap, so nobody else has written in between.
    """

    def __init__(self, least: int = RECORDS_MAX) -> None:
        self._least = least
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._last = 0

    def note(self, records: Sequence[Record], last: int) -> None:
        """Take down records that were saved at positions without a gap, of which `last` is that of the last."""
        with self._lock:
            if last - len(records) != self._last:
                self._records.clear()
            self._records.extend(records)
            self._last = last
            if len(self._records) > 2 * self._least:
                del self._records[: -self._least]

    def after(self, position: int, limit: int, topics: Set[str]) -> tuple[list[LogEntry], int] | None:
        """Look through the next records after a position: return those of the topics, and how far that is.

        None when not everything after the position is known here.
        """
        with self._lock:
            missing = self._last - position
            start = len(self._records) - missing
            if missing < 0 or start < 0:
                return None
            records = self._records[start : start + limit]
        found = [
            LogEntry(at, record.stream_id, record.version, record.event)
            for at, record in enumerate(records, start=position + 1)
            if record.event.TOPIC in topics
        ]
        return found, position + len(records)
