"""Look-ups: positions, the history of a plan, a receipt with its effects.

The index says where they lie, the events what they are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry, StreamLog
from exitbrain.application.ports.index import LogIndex, Progress
from exitbrain.domain.catalogue import BEGINNING_TOPICS, ExitEvent, topics_about
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.events import About
from exitbrain.domain.identity import plan_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import ExitPlanOpened, LevelsComputed, PlanEvent
from exitbrain.domain.policies.register import RegisterEvent
from exitbrain.domain.positions.events import CloseReported, PositionClosed, Result
from exitbrain.domain.positions.position import Position, PositionEvent

T = TypeVar("T")

ENTRIES_PER_POSITION = 40
"""So many entries of the log are read in the time that one position takes by its stream, measured on SQLite."""

HistoricEvent = PositionEvent | PlanEvent
"""An event in the history of a plan and its position."""


class NotFound(ExitBrainError):
    """The wanted item is not in the store."""


class Ambiguous(ExitBrainError):
    """Several ids begin with the wanted text."""


class WantedId:
    """An id, or the beginning of one, to find while the log is read; `what` names its kind in messages."""

    def __init__(self, what: str, wanted: str) -> None:
        self._what = what
        self._wanted = wanted
        self._prefix = _id_text(wanted)
        self._found: dict[UUID, None] = {}

    def fits(self, id_: UUID) -> bool:
        """Return whether this id matches, and remember it."""
        if not id_.hex.startswith(self._prefix):
            return False
        self._found[id_] = None
        return True

    def check_found(self) -> None:
        """Raise NotFound or Ambiguous unless exactly one id matched."""
        _only(list(self._found), self._what, self._wanted, str)


@dataclass(slots=True)
class FoundPosition:
    """A round trip with its latest computed levels and, if there are any, its end and a later report."""

    position: Position
    closed: PositionClosed | None = None
    reported: CloseReported | None = None
    decision: LevelsComputed | None = None

    @property
    def result(self) -> Result | None:
        """Return the result of the round trip, None if unknown."""
        for said in (self.closed, self.reported):
            if said is not None and said.result is not None:
                return said.result
        return None


class HistoryEntry(Struct, frozen=True):
    """An event of a plan or its position, with its log position."""

    position: int
    stream_id: UUID
    event: HistoricEvent


class PlanHistory(Struct, frozen=True):
    """All events of a plan and its position, in log order."""

    plan_id: UUID
    opened: ExitPlanOpened
    entries: tuple[HistoryEntry, ...]


class FoundReceipt(Struct, frozen=True):
    """A receipt and the events that were saved in its transaction."""

    entry: LogEntry
    receipt: MessageReceived
    effects: tuple[LogEntry, ...]


def positions(
    ledger: StreamLog,
    index: LogIndex,
    *,
    closed: bool = False,
    symbol: str | None = None,
    progress: Progress | None = None,
) -> list[FoundPosition]:
    """Return the open positions, or all of them, in the order they were opened."""
    index.check_readable((*topics_about(About.POSITION), LevelsComputed.TOPIC))
    places = index.all_positions(symbol=symbol) if closed else index.open_positions(symbol=symbol)
    ids = [place.position_id for place in places]
    if len(ids) * ENTRIES_PER_POSITION > index.upto:
        found = read_from_log(ledger, ids, progress)
    else:
        found = read_by_stream(ledger, index, ids)
    # One that the index holds open may have been closed since.
    return [one for one in found if closed or one.closed is None]


def read_by_stream(ledger: StreamLog, index: LogIndex, ids: Sequence[UUID]) -> list[FoundPosition]:
    """Return these positions; reads the events of each."""
    return [_position(ledger, index, id_) for id_ in ids]


def read_from_log(
    ledger: ExitLedger, ids: Sequence[UUID], progress: Progress | None = None
) -> list[FoundPosition]:
    """Return these positions; reads the log once, which is faster when they are many."""
    found = {id_: FoundPosition(Position(id_)) for id_ in ids}
    topics = (*topics_about(About.POSITION), LevelsComputed.TOPIC)
    for number, entry in enumerate(ledger.log(topics=topics)):
        if progress is not None and number % 1000 == 0:
            progress(entry.position)
        event = entry.event
        if isinstance(event, LevelsComputed):
            if event.position_id in found:
                found[event.position_id].decision = event
        elif entry.stream_id in found:
            _apply(found[entry.stream_id], event)
    return list(found.values())


def _position(ledger: StreamLog, index: LogIndex, position_id: UUID) -> FoundPosition:
    found = FoundPosition(Position(position_id))
    for entry in ledger.entries(position_id):
        _apply(found, entry.event)
    latest = index.latest_computed(plan_id(position_id))
    if latest is not None:
        event = entry_at(ledger, latest.position).event
        found.decision = event if isinstance(event, LevelsComputed) else None
    return found


def _apply(found: FoundPosition, event: ExitEvent) -> None:
    if not isinstance(event, PositionEvent):
        return
    found.position.apply(event)
    if isinstance(event, PositionClosed):
        found.closed = event
    elif isinstance(event, CloseReported):
        found.reported = event


def plan_history(ledger: StreamLog, index: LogIndex, wanted: str) -> PlanHistory:
    """Return the history of the plan whose id or position id is, or begins with, `wanted`.

    Raises NotFound or Ambiguous.
    """
    index.check_readable(topics_about(About.POSITION, About.PLAN))
    place = _only(
        index.plans_by_id(_id_text(wanted)), "plan or position", wanted, lambda one: str(one.plan_id)
    )
    entries = [
        HistoryEntry(entry.position, entry.stream_id, entry.event)
        for stream in (place.plan_id, place.position_id)
        for entry in ledger.entries(stream)
        if isinstance(entry.event, HistoricEvent)
    ]
    entries.sort(key=lambda entry: entry.position)
    opened = next((one.event for one in entries if isinstance(one.event, ExitPlanOpened)), None)
    if opened is None:
        raise NotFound(f"this store holds no plan or position {wanted!r} any more")
    return PlanHistory(place.plan_id, opened, tuple(entries))


def receipt(ledger: ExitLedger, index: LogIndex, wanted: str, *, stream: str | None = None) -> FoundReceipt:
    """Return the receipt whose entry id or receipt id is, or begins with, `wanted`.

    A full match wins over a partial one. Raises NotFound or Ambiguous.
    """
    index.check_readable((MessageReceived.TOPIC,))
    prefix = _id_text(wanted)
    begun = [
        place
        for place in index.receipts_by_id(wanted, prefix)
        if stream is None or stream in (place.source, place.stream)
    ]
    whole = [place for place in begun if wanted == place.entry_id or prefix == place.receipt_id.hex]
    place = _only(whole or begun, "receipt", wanted, lambda one: f"{one.entry_id} of {one.source}")
    entry = entry_at(ledger, place.position)
    if not isinstance(entry.event, MessageReceived):
        raise NotFound(f"this store holds no receipt {wanted!r} any more")
    return FoundReceipt(entry, entry.event, tuple(effects_of(ledger, entry)))


def entry_at(ledger: ExitLedger, position: int) -> LogEntry:
    """Return the entry at a log position; raises NotFound if there is none any more."""
    for entry in ledger.log(position - 1, upto=position):
        return entry
    raise NotFound(f"this store holds no event at log position {position} any more")


def effects_of(ledger: ExitLedger, receipt: LogEntry) -> Iterator[LogEntry]:
    """Yield the events saved with a receipt: they follow it in the log."""
    for entry in ledger.log(receipt.position):
        event = entry.event
        of_another = isinstance(event, RegisterEvent) and event.receipt_id != receipt.stream_id
        if of_another or event.TOPIC in BEGINNING_TOPICS:
            return
        yield entry


def _id_text(wanted: str) -> str:
    return wanted.strip().lower().replace("-", "")


def _only(found: list[T], what: str, wanted: str, name: Callable[[T], str]) -> T:
    if not found:
        raise NotFound(f"this store holds no {what} {wanted!r}")
    if len(found) > 1:
        some = ", ".join(name(one) for one in found[:3])
        raise Ambiguous(
            f"{wanted!r} fits {len(found)} of this store ({some}{', ...' if len(found) > 3 else ''})"
        )
    return found[0]
