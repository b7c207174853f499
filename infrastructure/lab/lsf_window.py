"""Find changes of the adjusted LSF in the mirror, from one decision to the next of an account and symbol.

The columns give the decisions and both numbers; `LsfAudit.between` gives the reasons in exact decimals, for
the changes that somebody asks about.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exitbrain.infrastructure.lab.arrays import Doubles, Integers, Mask
from exitbrain.infrastructure.lab.decision_columns import Coded, DecisionColumns
from exitbrain.infrastructure.lab.jit import jit
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.segment import read_segment

THREADS = 2

_READ = ("log_position", "readable", "refused", "account", "symbol", "lsf_adjusted")


@dataclass(frozen=True, slots=True)
class LsfChanges:
    """The decisions that changed the LSF, in log order: positions of both decisions, and both numbers."""

    log_position: Integers
    previous_position: Integers
    before: Doubles
    after: Doubles


def lsf_changes(mirror: Mirror) -> Iterator[LsfChanges]:
    """Yield the changes of each segment; raises SegmentDamaged and AnotherStore."""
    latest = _Latest()
    pool = ThreadPoolExecutor(THREADS)
    try:
        for columns in pool.map(
            lambda segment: read_segment(segment, mirror.store_id, _READ), mirror.segments()
        ):
            yield latest.changes_in(columns)
    finally:
        pool.shutdown(cancel_futures=True)


class _Latest:
    """The last computed decision of every account and symbol."""

    def __init__(self) -> None:
        self._number_of: dict[tuple[str, str], int] = {}
        self._lsf = np.empty(0)
        self._position = np.empty(0, dtype=np.int64)

    def changes_in(self, columns: DecisionColumns) -> LsfChanges:
        counts = columns.readable & ~columns.refused
        pairs = self._pairs(columns.account, columns.symbol, counts)
        found = np.empty(len(columns), dtype=np.int64)
        previous = np.empty(len(columns), dtype=np.int64)
        before = np.empty(len(columns))
        after, position = columns.lsf_adjusted, columns.log_position
        size = _walk(pairs, after, position, self._lsf, self._position, found, previous, before)
        rows = found[:size]
        return LsfChanges(position[rows], previous[:size], before[:size], after[rows])

    def _pairs(self, account: Coded, symbol: Coded, counts: Mask) -> npt.NDArray[np.int32]:
        """Return a number for each row's account and symbol, -1 for rows that do not count."""
        width = len(symbol.values) + 1
        both = account.codes.astype(np.int64) * width + symbol.codes
        both[~counts] = -1
        present = np.flatnonzero(np.bincount(both[both >= 0], minlength=1))
        numbers = np.full(len(account.values) * width + 1, -1, dtype=np.int32)
        for code in present.tolist():
            pair = (account.values[code // width], symbol.values[code % width])
            numbers[code] = self._number_of.setdefault(pair, len(self._number_of))
        more = len(self._number_of) - len(self._lsf)
        self._lsf = np.concatenate((self._lsf, np.full(more, np.nan)))
        self._position = np.concatenate((self._position, np.full(more, -1, dtype=np.int64)))
        of_rows: npt.NDArray[np.int32] = numbers[both]  # -1 indexes the last, which is -1
        return of_rows


@jit
def _walk(
    pairs: npt.NDArray[np.int32],
    lsf: Doubles,
    position: Integers,
    last_lsf: Doubles,
    last_position: Integers,
    found: Integers,
    previous: Integers,
    before: Doubles,
) -> int:
    size = 0
    for row in range(len(pairs)):
        pair = pairs[row]
        if pair < 0:
            continue
        if last_position[pair] >= 0 and last_lsf[pair] != lsf[row]:
            found[size] = row
            previous[size] = last_position[pair]
            before[size] = last_lsf[pair]
            size += 1
        last_lsf[pair] = lsf[row]
        last_position[pair] = position[row]
    return size
