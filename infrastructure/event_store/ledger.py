"""The exit ledger over a recorder of the event sourcing library, common to all stores."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, Protocol, TypeVar
from uuid import UUID

from eventsourcing.domain import EventSourcingError
from eventsourcing.persistence import IntegrityError, StoredEvent

from exitbrain.application.ports.exit_ledger import (
    AlreadyReceived,
    Conflict,
    LogEntry,
    Place,
    StoreUnavailable,
    StreamLog,
    UnreadableEvent,
    latest_cycle,
)
from exitbrain.application.ports.raw_log import RawLog, RawRow
from exitbrain.domain.events import Aggregate, Record
from exitbrain.domain.identity import position_id, snapshot_id
from exitbrain.domain.levels.instrument import Instrument, InstrumentSnapshotTaken
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.positions.position import BOTH, Position
from exitbrain.infrastructure.event_store import forks
from exitbrain.infrastructure.event_store.mapper import FOLDING_MAPPER, MAPPER

PAGE = 500
"""Rows read at once: long enough to be fast, short enough not to hold a snapshot of the store."""

HINTS_MAX = 10_000

A = TypeVar("A", bound=Aggregate)
P = ParamSpec("P")
T = TypeVar("T")


class LedgerRecorder(Protocol):
    """What a ledger asks of a recorder. Errors are those of `eventsourcing.persistence`."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = ()
    ) -> Sequence[int] | None:
        """Insert in the given order, all or none, and return the positions, which are contiguous.

        Raises IntegrityError when one of the `absent` places, none of which is inserted, is taken.
        """

    def select_stream(self, stream_id: UUID) -> list[RawRow]:
        """Return all rows of a stream by version."""

    def select_first(self, stream_ids: Sequence[UUID]) -> list[RawRow]:
        """Return the first row of each of the streams that exist, in any order."""

    def select_log(self, after: int, limit: int, upto: int | None, topics: Sequence[str]) -> list[RawRow]:
        """Return the next rows of the log by position."""

    def select_topics(self) -> list[str]:
        """Return every topic that occurs."""

    def max_notification_id(self) -> int | None:
        """Return the position of the newest row."""

    def close(self) -> None:
        """Release what the recorder holds; a second time does nothing."""


class StoredLedger(StreamLog, RawLog):
    """Keep decisions as events: `StreamLog` and `RawLog` over any recorder. `name` is the store in messages.

    `file` is the SQLite file that the recorder has open. A ledger belongs to the process that opened it: one that was
    forked from it gets StoreUnavailable, and its `close` does nothing.
    """

    survives_fork: ClassVar[bool] = False
    """Whether a forked process may go on with it."""

    def __init__(self, recorder: LedgerRecorder, name: str, *, file: Path | None = None) -> None:
        self.name = name
        self._recorder = recorder
        self._process = os.getpid()
        if not self.survives_fork:
            forks.hold(recorder, file)
        self._cycle_hints: dict[tuple[str, str, str], int] = {}

    def save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> int:
        self._check_process()
        _check_versions(records)
        if not records:
            return self.head()
        stored = [MAPPER.to_stored_event(record) for record in records]
        written = {(record.stream_id, record.version) for record in records} if absent else set()
        try:
            positions = self._recorder.insert_events(
                stored, absent=[place for place in absent if place not in written]
            )
        except IntegrityError as e:
            raise self._conflict(records) from e
        except EventSourcingError as e:
            raise StoreUnavailable(f"{self.name} cannot be written: {_reason(e)}") from e
        assert positions, "recorders return a position for each event"
        return positions[-1]

    def latest_position(self, account: str, symbol: str, position_side: str = BOTH) -> Position | None:
        cycle = self._latest_cycle(account, symbol, position_side)
        return self.position(position_id(account, symbol, position_side, cycle)) if cycle else None

    def position(self, position_id: UUID) -> Position | None:
        return self._fold(Position(position_id))

    def plan(self, plan_id: UUID) -> ExitPlan | None:
        return self._fold(ExitPlan(plan_id))

    def register(self) -> PolicyRegister:
        register = PolicyRegister()
        return self._fold(register) or register

    def receipts(self, receipt_ids: Sequence[UUID]) -> dict[UUID, MessageReceived]:
        return self._first_events(receipt_ids)

    def instrument(self, content_hash: str) -> Instrument | None:
        for event in self._first_events([snapshot_id(content_hash)]).values():
            taken: InstrumentSnapshotTaken = event
            return taken.instrument
        return None

    def claimed(self, claim_ids: Sequence[UUID]) -> dict[UUID, KeyClaimed]:
        return self._first_events(claim_ids)

    def history(self, stream_id: UUID) -> tuple[Record, ...]:
        return tuple(Record(entry.stream_id, entry.version, entry.event) for entry in self.entries(stream_id))

    def entries(self, stream_id: UUID) -> tuple[LogEntry, ...]:
        return tuple(
            LogEntry(position, stream_id, version, MAPPER.to_domain_event(position, topic, state))
            for position, _, version, topic, state in self._read(self._recorder.select_stream, stream_id)
        )

    def log(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[LogEntry]:
        for position, stream, version, topic, state in self.rows(after, upto=upto, topics=topics):
            event = MAPPER.to_domain_event(position, topic, state)
            try:
                stream_id = UUID(int=int(stream, 16))
            except (ValueError, TypeError) as e:  # a row that somebody else wrote
                raise UnreadableEvent(position, topic, f"its stream is {stream!r}, not 32 hex digits") from e
            yield LogEntry(position, stream_id, version, event)

    def rows(
        self, after: int = 0, *, upto: int | None = None, topics: Sequence[str] = ()
    ) -> Iterator[RawRow]:
        while True:
            page = self._read(self._recorder.select_log, after, PAGE, upto, topics)
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1][0]

    def head(self) -> int:
        return self._read(self._recorder.max_notification_id) or 0

    def is_empty(self) -> bool:
        """Return whether nothing was ever saved."""
        return self.head() == 0

    def topics(self) -> frozenset[str]:
        """Return every topic that occurs in the store, known or not; reads all of it."""
        return frozenset(self._read(self._recorder.select_topics))

    def close(self) -> None:
        if self._is_inherited():
            return  # the connection is the parent's, and so is its end
        forks.release(self._recorder)
        self._recorder.close()

    def _latest_cycle(self, account: str, symbol: str, position_side: str) -> int:
        """Return the highest cycle that exists, or 0; a cycle once seen is where the next search begins."""
        key = (account, symbol, position_side)
        found = latest_cycle(
            lambda cycle: self._exists(position_id(*key, cycle)), hint=self._cycle_hints.get(key, 0)
        )
        if len(self._cycle_hints) >= HINTS_MAX:
            self._cycle_hints.clear()
        self._cycle_hints[key] = found
        return found

    def _fold(self, aggregate: A) -> A | None:
        for position, _, version, topic, state in self._read(self._recorder.select_stream, aggregate.id):
            if version != aggregate.version + 1:
                raise UnreadableEvent(
                    position, topic, f"version {version} follows version {aggregate.version}"
                )
            aggregate.apply(FOLDING_MAPPER.to_domain_event(position, topic, state))
            aggregate.version = version
        return aggregate if aggregate.version else None

    def _first_events(self, stream_ids: Sequence[UUID]) -> dict[UUID, Any]:
        return {
            UUID(int=int(stream, 16)): MAPPER.to_domain_event(position, topic, state)
            for position, stream, _, topic, state in self._read(self._recorder.select_first, stream_ids)
        }

    def _exists(self, stream_id: UUID) -> bool:
        return bool(self._read(self._recorder.select_first, [stream_id]))

    def _conflict(self, records: Sequence[Record]) -> Conflict:
        """Say why the database refused the records: receipts come first, since a redelivery ends there."""
        receipts = [record.stream_id for record in records if isinstance(record.event, MessageReceived)]
        received = self._first_events(receipts)
        if received:
            return AlreadyReceived(tuple(receipt for receipt in receipts if receipt in received))
        streams = len({record.stream_id for record in records})
        return Conflict(f"one of {streams} streams has moved on; nothing was saved")

    def _is_inherited(self) -> bool:
        return not self.survives_fork and self._process != os.getpid()

    def _check_process(self) -> None:
        if self._is_inherited():
            raise StoreUnavailable(
                f"{self.name} was opened by process {self._process} and is used by process {os.getpid()} after a fork: "
                "fork first, and let each process open it for itself"
            )

    def _read(self, select: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._check_process()
        try:
            return select(*args, **kwargs)
        except EventSourcingError as e:
            raise StoreUnavailable(f"{self.name} cannot be read: {_reason(e)}") from e


def _check_versions(records: Sequence[Record]) -> None:
    versions: dict[UUID, int] = {}
    for record in records:
        before = versions.get(record.stream_id, record.version - 1)
        if record.version != before + 1:
            raise ValueError(
                f"stream {record.stream_id}: version {record.version} follows version {before} in one batch"
            )
        versions[record.stream_id] = record.version


def _reason(error: Exception) -> str:
    """Return the first line of an error: databases append advice."""
    return str(error).partition("\n")[0] or type(error).__name__
