"""The columnar mirror of a store: its decisions as Parquet segments, one for each closed range of the log.

A mirror is a projection: the store stays the truth, and every segment can be made again from it. The log is
always cut at the same positions, so a mirror grows by new segments; only the last, short one is rewritten.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from exitbrain.application.ports.exit_ledger import LedgerError
from exitbrain.application.recording.opening import identity_of
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.files.written import FOLDER_MODE, naming, sweep
from exitbrain.infrastructure.lab.column_builder import columns_of
from exitbrain.infrastructure.lab.decision_columns import DecisionColumns, joined
from exitbrain.infrastructure.lab.mirror_comparison import first_difference
from exitbrain.infrastructure.lab.segment import (
    AnotherStore,
    Segment,
    SegmentDamaged,
    label_of,
    opened_segment,
    read_segment,
    write_segment,
)
from exitbrain.infrastructure.lab.stored_hash import StoredHash, decision_rows

SPAN = 500_000
"""The log positions in a full segment."""

WORTH = 0.5
"""The share of the log that a mirror must cover to be used; below it, reading the store is faster."""

_ROWS_AT_ONCE = 50_000
"""Rows that are Python objects at a time; each of their numbers takes some hundred bytes."""

Progress = Callable[[int, int], None]
"""Called with the log position and the number of decisions so far."""


@dataclass(slots=True)
class MirrorReport:
    """The result of an export or verification; `damaged` and `different` hold sentences on segments."""

    segments: int = 0
    written: int = 0
    decisions: int = 0
    covers: int = 0
    damaged: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


class NoMirror(LedgerError):
    """A required mirror is missing; the text says how to make it."""


class Mirror:
    """The segments of one store in a folder."""

    def __init__(self, folder: Path, store_id: str, span: int = SPAN) -> None:
        self.folder = folder
        self.store_id = store_id
        self._span = span

    @classmethod
    def of(cls, ledger: StoredLedger, folder: Path, span: int = SPAN) -> "Mirror":
        """Return the mirror of a store in a folder that may not exist yet."""
        return cls(folder, str(identity_of(ledger).store_id), span)

    def segments(self) -> tuple[Segment, ...]:
        """Return the consecutive segments from the beginning of the log, by file name alone.

        If an interrupted export left a shorter version of a segment, the longer one counts.
        """
        longest: dict[int, Segment] = {}
        for segment in sorted(self._files()):
            longest[segment.first] = segment
        found: list[Segment] = []
        beyond = 1
        while beyond in longest:
            found.append(longest[beyond])
            beyond = found[-1].last + 1
        return tuple(found)

    def check_owner(self) -> None:
        """Raise AnotherStore if the mirror's labels name another store."""
        for segment in self._files():
            if label_of(segment).get("store", self.store_id) != self.store_id:
                raise AnotherStore(
                    f"mirror {self.folder} belongs to another store; name another folder, or rebuild it"
                )

    def covers(self) -> int:
        """Return the last log position covered, 0 for none."""
        segments = self.segments()
        return segments[-1].last if segments else 0

    def export(
        self, ledger: StoredLedger, *, rebuild: bool = False, progress: Progress | None = None
    ) -> MirrorReport:
        """Write the missing, short or damaged segments, up to the head of the log.

        After an interrupted export the next one continues behind the last complete segment. Raises
        AnotherStore unless `rebuild` is set.
        """
        with naming(f"mirror {self.folder}"):
            self.folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        sweep(self.folder)
        if rebuild:
            self._remove(lambda _: True)
        self.check_owner()
        report = MirrorReport()
        head = ledger.head()
        there = {segment.first: segment for segment in self.segments()}
        for first in range(1, head + 1, self._span):
            last = min(first + self._span - 1, head)
            rows = self._kept(there.get(first), last, report)
            if rows is None:
                columns, stored = read_from_store(ledger, first, last)
                written = write_segment(
                    folder=self.folder,
                    store_id=self.store_id,
                    first=first,
                    last=last,
                    columns=columns,
                    stored_sha256=stored,
                )
                self._remove_others(written)
                report.written += 1
                rows = len(columns)
            report.segments += 1
            report.decisions += rows
            report.covers = last
            if progress is not None:
                progress(last, report.decisions)
        self._remove(lambda segment: segment.last > head)
        return report

    def verify(self, ledger: StoredLedger, *, progress: Progress | None = None) -> MirrorReport:
        """Compare every segment with the store, row by row and bit by bit."""
        report = MirrorReport()
        for segment in self.segments():
            report.segments += 1
            report.covers = segment.last
            try:
                with opened_segment(segment, self.store_id) as found:
                    mirrored, mirrored_sha256 = found.columns(), found.stored_sha256
            except SegmentDamaged as damaged:
                report.damaged.append(str(damaged))
                continue
            columns, stored = read_from_store(ledger, segment.first, segment.last)
            difference = first_difference(mirrored, columns)
            if difference is None and stored != mirrored_sha256:
                difference = "the stored bytes have changed, but none of the numbers"
            if difference is not None:
                report.different.append(f"segment {segment.path.name} differs from the store: {difference}")
            report.decisions += len(columns)
            if progress is not None:
                progress(segment.last, report.decisions)
        return report

    def _kept(self, segment: Segment | None, last: int, report: MirrorReport) -> int | None:
        """Return the number of decisions if a segment can stay as it is, else None."""
        if segment is None or segment.last != last:
            return None
        try:
            return len(read_segment(segment, self.store_id, ["log_position"]))
        except SegmentDamaged as damaged:
            report.damaged.append(str(damaged))
            return None

    def _files(self) -> Iterator[Segment]:
        for path in self.folder.glob("*.parquet"):
            segment = Segment.at(path)
            if segment is not None:
                yield segment

    def _remove(self, condition: Callable[[Segment], bool]) -> None:
        for segment in list(self._files()):
            if condition(segment):
                segment.path.unlink()

    def _remove_others(self, written: Segment) -> None:
        self._remove(lambda other: other != written and _overlap(other, written))


def fresh_mirror(ledger: StoredLedger, folder: Path) -> Mirror | None:
    """Return the mirror in a folder if it is labelled for this store and covers most of its log."""
    mirror = Mirror.of(ledger, folder)
    try:
        mirror.check_owner()
    except AnotherStore:
        return None
    head = ledger.head()
    return mirror if WORTH * head <= mirror.covers() <= head else None


def needed_mirror(ledger: StoredLedger, folder: Path) -> Mirror:
    """Return the mirror in a folder, whatever its coverage; raises NoMirror and AnotherStore."""
    mirror = Mirror.of(ledger, folder)
    mirror.check_owner()
    covered, head = mirror.covers(), ledger.head()
    if not covered:
        raise NoMirror(f"there is no mirror in {folder}: exitbrain export parquet makes one")
    if covered > head:  # the store was restored to an earlier state
        raise NoMirror(
            f"mirror {folder} covers {covered} log positions, the store has {head}; exitbrain export parquet fixes that"
        )
    return mirror


def _overlap(one: Segment, other: Segment) -> bool:
    return one.first <= other.last and other.first <= one.last


def read_from_store(ledger: StoredLedger, first: int, last: int) -> tuple[DecisionColumns, str]:
    """Return the decisions in a closed range of log positions, and the hash of their stored bytes."""
    stored = StoredHash()
    rows = stored.through(decision_rows(ledger, first, last))
    parts = [columns_of(islice(rows, _ROWS_AT_ONCE))]
    while len(parts[-1]) == _ROWS_AT_ONCE:
        parts.append(columns_of(islice(rows, _ROWS_AT_ONCE)))
    return joined(parts), stored.hexdigest()
