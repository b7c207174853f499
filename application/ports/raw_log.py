"""The log without decoding, for those who read very much of it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

RawRow = tuple[int, str, int, str, bytes]
"""Log position, stream id as 32 hex digits, version in the stream, topic, encoded event."""


class RawLog(Protocol):
    """Read the log as it is stored."""

    def rows(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[RawRow]:
        """Yield what `ExitLedger.log` yields, in the same order and as gap-safe, but not decoded.

        An event that cannot be read is yielded like any other; whoever decodes it finds out.
        """
