"""Counterfactual over a whole store in columns.

A mirror segment is used if its hash of the stored bytes is right, else the store is read. The columns of a
mirror are not compared with the store; the answer says that they were used.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np

from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import EVERYTHING, Selection
from exitbrain.application.whatif.decisions import Counterfactual, LeftOut
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import changed
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.lab.arrays import Mask
from exitbrain.infrastructure.lab.column_builder import columns_of, microseconds
from exitbrain.infrastructure.lab.decision_columns import Coded, DecisionColumns
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.segment import Segment, SegmentDamaged, opened_segment
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns
from exitbrain.infrastructure.lab.stored_hash import decision_rows, stored_hash
from exitbrain.infrastructure.lab.sweep import Sweep
from exitbrain.infrastructure.lab.sweep_rows import RecordedRows

ROWS_AT_ONCE = 50_000
"""Decisions from the store that are Python objects at a time."""

_NO_INSTRUMENT = Instrument("unknown")

Progress = Callable[[int, int], None]
"""Called with the log position and the number of answers so far."""


class ColumnarCounterfactual:
    """Ask policies about the decisions of a store, in columns."""

    def __init__(
        self,
        ledger: StoredLedger,
        policies: Policies,
        snapshots: Snapshots,
        mirror: Mirror | None = None,
    ) -> None:
        self._ledger = ledger
        self._policies = policies
        self._snapshots = snapshots
        self._mirror = mirror
        self._mirror_trusted = False

    def run(
        self,
        policies: Sequence[Policy],
        selection: Selection = EVERYTHING,
        *,
        progress: Progress | None = None,
    ) -> Counterfactual:
        """Ask every policy about every selected decision.

        Raises NoKernel if a policy must be asked row by row, InvalidValue if one gives a level that is not
        finite.
        """
        sweep, left_out, answers = Sweep(policies), LeftOut(0, 0, 0), 0
        for columns in self._parts():
            recorded = self._recorded(columns, selection, left_out)
            begun, of_part = answers, len(recorded.columns) * len(policies)
            first, last = int(columns.log_position[0]), int(columns.log_position[-1])

            def reached(
                more: int, begun: int = begun, of_part: int = of_part, first: int = first, last: int = last
            ) -> None:
                nonlocal answers
                answers += more
                if progress is not None:
                    progress(first + (last - first) * (answers - begun) // of_part, answers)

            sweep.take(recorded, reached)
        return changed(sweep.answer(left_out), mirror_trusted=self._mirror_trusted)

    def _parts(self) -> Iterator[DecisionColumns]:
        """Yield all decisions in log order, in parts."""
        covered = 0
        for segment in () if self._mirror is None else self._mirror.segments():
            columns = self._mirrored(segment)
            self._mirror_trusted |= columns is not None
            yield from self._stored(segment.first, segment.last) if columns is None else columns
            covered = segment.last
        yield from self._stored(covered + 1, self._ledger.head())

    def _mirrored(self, segment: Segment) -> list[DecisionColumns] | None:
        """Return the columns of a segment, None if it is damaged or the stored bytes have another hash."""
        assert self._mirror is not None
        try:
            with opened_segment(segment, self._mirror.store_id) as found:
                if found.stored_sha256 != stored_hash(self._ledger, segment.first, segment.last):
                    return None
                return list(found.parts())
        except SegmentDamaged:
            return None

    def _stored(self, first: int, last: int) -> Iterator[DecisionColumns]:
        rows = decision_rows(self._ledger, first, last)
        while len(columns := columns_of(islice(rows, ROWS_AT_ONCE))):
            yield columns

    def _recorded(self, columns: DecisionColumns, selection: Selection, left_out: LeftOut) -> RecordedRows:
        """Return the selected decisions that can be asked about, and count those that cannot."""
        left_out.unreadable += int(np.count_nonzero(~columns.readable))
        policies: list[Policy] = []
        policy = np.full(len(columns), -1, dtype=np.int64)
        for name, parameters_hash, rows in _rows_by_policy(columns):
            named = self._policies.find(name, parameters_hash)
            if named is not None:
                policy[rows] = len(policies)
                policies.append(named)
        snapshots, known = self._snapshots_of(columns.snapshot)
        asked = _selected_rows(columns, selection)
        for reason, good in (
            ("unknown_policy", policy >= 0),
            ("missing_snapshot", known[columns.snapshot.codes]),
            ("unreadable", columns.guard_states >= 0),
        ):
            setattr(left_out, reason, getattr(left_out, reason) + int(np.count_nonzero(asked & ~good)))
            asked &= good
        if asked.all():
            return RecordedRows(columns, tuple(policies), policy, snapshots)
        return RecordedRows(columns.take(asked), tuple(policies), policy[asked], snapshots)

    def _snapshots_of(self, column: Coded) -> tuple[SnapshotColumns, Mask]:
        found = [self._snapshots.find(content_hash) for content_hash in column.values]
        known = np.array([*(instrument is not None for instrument in found), True])
        return SnapshotColumns.of([instrument or _NO_INSTRUMENT for instrument in found]), known


def _rows_by_policy(columns: DecisionColumns) -> Iterator[tuple[str, str, Mask]]:
    """Yield the name and parameters hash of every policy, with the rows it decided."""
    names, hashes = columns.policy, columns.parameters_hash
    pairs = names.codes.astype(np.int64) * (len(hashes.values) + 1) + hashes.codes
    for pair in np.unique(pairs):
        rows = pairs == pair
        first = int(np.argmax(rows))
        name, parameters_hash = names.text(first), hashes.text(first)
        if name is not None and parameters_hash is not None:
            yield name, parameters_hash, rows


def _selected_rows(columns: DecisionColumns, selection: Selection) -> Mask:
    """Return the rows in a selection; an unreadable one never is."""
    taken = columns.readable.copy()
    if selection.since is not None:
        taken &= columns.occurred_at_us >= microseconds(selection.since)
    if selection.until is not None:
        taken &= columns.occurred_at_us < microseconds(selection.until)
    if selection.symbol is not None:
        taken &= columns.symbol.codes == columns.symbol.code_of(selection.symbol)
    return taken
