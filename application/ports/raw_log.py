"""The log without decoding, for bulk readers."""

from collections.abc import Iterator, Sequence
from typing import Protocol

RawRow = tuple[int, str, int, str, bytes]
"""Log position, stream id as 32 hex digits, version in the stream, topic, encoded event."""


class RawLog(Protocol):
    """Read the log as it is stored."""

    def rows(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[RawRow]:
        """Yield the entries of `ExitLedger.log` undecoded, in the same order and also gap-safe.

        An unreadable event is yielded like any other; only decoding it fails.
        """
