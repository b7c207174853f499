"""The hash of stored decisions, by which a mirror notices later changes in the store."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from exitbrain.application.ports.raw_log import RawLog, RawRow
from exitbrain.domain.catalogue import DECISION_TOPICS


class StoredHash:
    """SHA-256 over log rows: position, stream, version, topic and every byte of the state."""

    def __init__(self) -> None:
        self._digest = sha256()

    def through(self, rows: Iterable[RawRow]) -> Iterator[RawRow]:
        """Yield the rows and hash them."""
        update = self._digest.update
        for row in rows:
            position, stream, version, topic, state = row
            update(
                b"%d %b %d %b %d " % (position, stream.encode(), version, topic.encode(), len(state)) + state
            )
            yield row

    def hexdigest(self) -> str:
        """Return the hash of all rows so far."""
        return self._digest.hexdigest()


def stored_hash(log: RawLog, first: int, last: int) -> str:
    """Return the hash of the stored decisions in a closed range of log positions."""
    stored = StoredHash()
    for _ in stored.through(decision_rows(log, first, last)):
        pass
    return stored.hexdigest()


def decision_rows(log: RawLog, first: int, last: int) -> Iterator[RawRow]:
    """Yield the stored decisions in a closed range of log positions."""
    return log.rows(first - 1, upto=last, topics=DECISION_TOPICS)
