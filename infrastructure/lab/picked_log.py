"""A log in which a reader finds only the decisions it asked for, while every stored decision is hashed on the way."""

from collections.abc import Collection, Iterator, Sequence

from exitbrain.application.ports.raw_log import RawLog, RawRow
from exitbrain.infrastructure.lab.stored_hash import StoredHash


class PickedLog(RawLog):
    """Read a log once: `rows` yields those at the picked positions, `stored` takes in all of them."""

    def __init__(self, log: RawLog, picked: Collection[int]) -> None:
        self._log = log
        self._picked = frozenset(picked)
        self.stored = StoredHash()

    def rows(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[RawRow]:
        picked = self._picked
        for row in self.stored.through(self._log.rows(after, upto=upto, topics=topics)):
            if row[0] in picked:
                yield row
