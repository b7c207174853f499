"""Decision replay over the mirror: verdicts in columns, and the row judge for whatever columns can not say.

A decision counts as EXACT here only when every bit of its outcome came out again in a kernel. Every other is read
from the store and judged by the row lane, which alone counts it and words what differs; so both lanes report the
same. Unless the mirror is to be trusted, the stored bytes behind each segment are hashed and must be those that it
was made from: a segment whose decisions have changed since is replayed by row.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np

from exitbrain.application.replay import EVERYTHING, DecisionReplay, ReplayReport, Selection
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.policy import Policy
from exitbrain.domain.policy_register import RegisteredPolicy
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_to_read
from exitbrain.infrastructure.lab.arrays import InputColumns
from exitbrain.infrastructure.lab.column_builder import microseconds
from exitbrain.infrastructure.lab.decision_columns import Coded, DecisionColumns, Mask
from exitbrain.infrastructure.lab.formula_kernel import NoKernel
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.picked_log import PickedLog
from exitbrain.infrastructure.lab.segment import Segment, SegmentDamaged, opened_segment, texts_named
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns
from exitbrain.infrastructure.lab.spread import Spread, on_threads
from exitbrain.infrastructure.lab.stored_hash import stored_hash
from exitbrain.infrastructure.lab.verdict_kernel import JudgedRows, exact_rows

THREADS = 2
"""Segments worked on at once: each holds some hundred megabytes, and a kernel fills a core."""

_READ = tuple(
    dict.fromkeys(
        (
            "log_position",
            "readable",
            "policy",
            "parameters_hash",
            "snapshot",
            *JudgedRows._fields,
            *InputColumns.__dataclass_fields__,
        )
    )
)
_NO_INSTRUMENT = Instrument("unknown")

_ALONE = 0.1
"""The share of a segment up to which asking the store for single decisions is faster than reading all of them."""


@dataclass(slots=True)
class ColumnarReport:
    """The verdicts, how many decisions were judged in columns, and what the mirror could not be used for."""

    verdicts: ReplayReport = field(default_factory=ReplayReport)
    in_columns: int = 0
    covers: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SegmentTask:
    """All that judging a segment needs besides its file, so that any process on any machine judges it alike.

    `instrument` answers for a content hash. `store` is the URL of the store whose bytes behind the segment are
    hashed where it is judged; None: they are hashed elsewhere, or not at all.
    """

    store_id: str
    selection: Selection
    policies: Mapping[str, RegisteredPolicy]
    instrument: Callable[[str], Instrument | None]
    store: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentVerdict:
    """What columns say of a segment: how many decisions are exact, and where those left to the row judge are.

    `stored_sha256` is the hash that its decisions had in the store, `hashed_now` the one they have, where the task
    asked for it.
    """

    segment: Segment
    exact: int
    left: tuple[int, ...]
    stored_sha256: str
    damaged: str | None = None
    hashed_now: str | None = None


class ColumnarReplay:
    """Replay the decisions of a store over its mirror, and what the mirror lacks by row."""

    def __init__(self, ledger: StoredLedger, mirror: Mirror, row_judge: DecisionReplay) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._row_judge = row_judge
        self._policies = ledger.register().policies
        self._instruments: dict[str, Instrument | None] = {}
        self._asking = Lock()

    def run(
        self,
        selection: Selection = EVERYTHING,
        *,
        trust_mirror: bool = False,
        progress: Callable[[int], None] | None = None,
        on: Spread | None = None,
        store: str | None = None,
    ) -> ColumnarReport:
        """Replay the selected decisions; `progress` gets log positions. Raises AnotherStore.

        Segments are judged on threads of this process, or where `on` says; then the bytes of the store at URL `store`
        are hashed there too.
        """
        report = ColumnarReport()
        task = SegmentTask(self._mirror.store_id, selection, self._policies, self._instrument)
        if on is not None:
            task = replace(task, instrument=self._named(on).get, store=None if trust_mirror else store)
        with on_threads(THREADS) as threads:
            for verdict in (on or threads).map(judge_segment, self._mirror.segments(), task):
                self._count(verdict, selection, report, trust_mirror=trust_mirror)
                report.covers = verdict.segment.last
                if progress is not None:
                    progress(report.covers)
        rest = self._row_judge.run(selection, after=report.covers, progress=progress)
        report.verdicts = report.verdicts.plus(rest)
        return report

    def _count(
        self, verdict: SegmentVerdict, selection: Selection, report: ColumnarReport, *, trust_mirror: bool
    ) -> None:
        segment, exact, why = verdict.segment, verdict.exact, verdict.damaged
        if why is None:
            left, stored_sha256 = self._judge_left(verdict, selection, trust_mirror=trust_mirror)
            if stored_sha256 != verdict.stored_sha256:
                why = f"the store has changed since segment {segment.path.name} was made"
        if why is not None:
            where = f"log positions {segment.first} to {segment.last}"
            report.notes.append(f"{why}; {where} were replayed by row")
            exact, left = 0, self._row_judge.run(selection, after=segment.first - 1, upto=segment.last)
        report.in_columns += exact
        report.verdicts = report.verdicts.plus(ReplayReport(decisions=exact, exact=exact)).plus(left)

    def _judge_left(
        self, verdict: SegmentVerdict, selection: Selection, *, trust_mirror: bool
    ) -> tuple[ReplayReport, str]:
        """Judge by row what columns left, and return the hash of what the store holds, or what is trusted to be it."""
        first, last = verdict.segment.first, verdict.segment.last
        known = verdict.stored_sha256 if trust_mirror else verdict.hashed_now
        if known is not None and len(verdict.left) <= _ALONE * (verdict.exact + len(verdict.left)):
            found = ReplayReport()
            for position in verdict.left:
                found = found.plus(self._row_judge.run(selection, after=position - 1, upto=position))
            return found, known
        picked = PickedLog(self._ledger, verdict.left)
        judge = self._row_judge.over(StoredDecisions(picked))
        found = judge.run(selection, after=first - 1, upto=last)
        return found, known or picked.stored.hexdigest()

    def _instrument(self, content_hash: str) -> Instrument | None:
        with self._asking:
            if content_hash not in self._instruments:
                self._instruments[content_hash] = self._ledger.instrument(content_hash)
            return self._instruments[content_hash]

    def _named(self, on: Spread) -> dict[str, Instrument | None]:
        """Return every instrument that a segment names, for those who can not ask the store."""
        for names in on.map(texts_named, self._mirror.segments(), "snapshot"):
            for content_hash in names:
                self._instrument(content_hash)
        return self._instruments


def judge_segment(segment: Segment, task: SegmentTask) -> SegmentVerdict:
    """Judge the decisions of one segment; a pure function of its file and the task. Raises AnotherStore."""
    names = (*_READ, "symbol") if task.selection.symbol is not None else _READ
    exact = 0
    left: list[int] = []
    try:
        with opened_segment(segment, task.store_id) as found:
            stored_sha256 = found.stored_sha256
            for columns in found.parts(names):
                selected = selected_rows(columns, task.selection)
                proven = _exact(columns, task) & selected
                exact += int(np.count_nonzero(proven))
                rows = ~proven & (selected | ~columns.readable)
                left += columns.log_position[rows].tolist()
    except SegmentDamaged as damaged:
        return SegmentVerdict(segment, 0, (), "", str(damaged))
    hashed_now = None if task.store is None else _hashed_now(task.store, segment)
    return SegmentVerdict(segment, exact, tuple(left), stored_sha256, hashed_now=hashed_now)


def _hashed_now(store: str, segment: Segment) -> str:
    with closing(open_to_read(store)) as ledger:
        return stored_hash(ledger, segment.first, segment.last)


def _exact(columns: DecisionColumns, task: SegmentTask) -> Mask:
    """Return which decisions come out again; those of a policy or snapshot that is not known do not."""
    exact = np.zeros(len(columns), dtype=np.bool_)
    snapshots, known = _snapshots(columns.snapshot, task)
    for name, parameters_hash, rows in rows_by_policy(columns):
        registered = task.policies.get(name)
        if registered is None or registered.ref.parameters_hash != parameters_hash:
            continue
        part = columns if rows.all() else columns.take(rows)
        exact[rows] = _exact_of(registered.policy, part, snapshots)
    exact &= known[columns.snapshot.codes]
    return exact


def _snapshots(column: Coded, task: SegmentTask) -> tuple[SnapshotColumns, Mask]:
    """Return the instruments behind the codes of a column, and which of them the store holds."""
    found = [task.instrument(content_hash) for content_hash in column.values]
    known = np.array([*(instrument is not None for instrument in found), True])  # -1, none, takes the last
    return SnapshotColumns.of([instrument or _NO_INSTRUMENT for instrument in found]), known


def _exact_of(policy: Policy, columns: DecisionColumns, snapshots: SnapshotColumns) -> Mask:
    try:
        return exact_rows(policy, columns, snapshots)
    except (NoKernel, UnknownPolicy):
        return np.zeros(len(columns), dtype=np.bool_)


def rows_by_policy(columns: DecisionColumns) -> Iterator[tuple[str, str, Mask]]:
    """Yield name and parameters hash of every policy with the rows that it decided."""
    names, hashes = columns.policy, columns.parameters_hash
    pairs = names.codes.astype(np.int64) * (len(hashes.values) + 1) + hashes.codes
    for pair in np.unique(pairs):
        rows = pairs == pair
        first = int(np.argmax(rows))
        name, parameters_hash = names.text(first), hashes.text(first)
        if name is not None and parameters_hash is not None:
            yield name, parameters_hash, rows


def selected_rows(columns: DecisionColumns, selection: Selection) -> Mask:
    """Return which rows a selection takes; one that is not readable is never taken."""
    taken = columns.readable.copy()
    if selection.since is not None:
        taken &= columns.occurred_at_us >= microseconds(selection.since)
    if selection.until is not None:
        taken &= columns.occurred_at_us < microseconds(selection.until)
    if selection.symbol is not None:
        taken &= columns.symbol.codes == columns.symbol.code_of(selection.symbol)
    return taken
