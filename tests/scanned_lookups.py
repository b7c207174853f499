"""Look-ups: positions, the history of a plan, a receipt with its effects. Each reads the whole log."""

from collections.abc import Callable, Iterator
from typing import TypeVar
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.application.queries.lookup import (
    Ambiguous,
    FoundPosition,
    FoundReceipt,
    HistoricEvent,
    HistoryEntry,
    NotFound,
    PlanHistory,
)
from exitbrain.domain.catalogue import BEGINNING_TOPICS, topics_about
from exitbrain.domain.events import About
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import ExitPlanOpened, LevelsComputed
from exitbrain.domain.policies.register import RegisterEvent
from exitbrain.domain.positions.events import CloseReported, PositionClosed, PositionOpened
from exitbrain.domain.positions.position import Position, PositionEvent

T = TypeVar("T")

Progress = Callable[[int], None]
"""Called with a log position from time to time."""


def positions(
    ledger: ExitLedger, *, closed: bool = False, symbol: str | None = None, progress: Progress | None = None
) -> list[FoundPosition]:
    """Return the open positions, or all of them, in the order they were opened."""
    found: dict[UUID, FoundPosition] = {}
    topics = (*topics_about(About.POSITION), LevelsComputed.TOPIC)
    for entry in _read(ledger, topics, progress):
        event = entry.event
        if isinstance(event, LevelsComputed):
            if event.position_id in found:
                found[event.position_id].decision = event
            continue
        if isinstance(event, PositionOpened) and symbol in (None, event.symbol):
            found[entry.stream_id] = FoundPosition(Position(entry.stream_id))
        if entry.stream_id not in found or not isinstance(event, PositionEvent):
            continue
        found[entry.stream_id].position.apply(event)
        if isinstance(event, PositionClosed):
            found[entry.stream_id].closed = event
            if not closed:
                del found[entry.stream_id]
        elif isinstance(event, CloseReported):
            found[entry.stream_id].reported = event
    return list(found.values())


def plan_history(ledger: ExitLedger, wanted: str, *, progress: Progress | None = None) -> PlanHistory:
    """Return the history of the plan whose id or position id is, or begins with, `wanted`.

    Raises NotFound or Ambiguous.
    """
    prefix = _id_text(wanted)
    candidates = [
        (entry.stream_id, opened)
        for entry in _read(ledger, (ExitPlanOpened.TOPIC,), progress)
        if isinstance(opened := entry.event, ExitPlanOpened)
        and (entry.stream_id.hex.startswith(prefix) or opened.position_id.hex.startswith(prefix))
    ]
    plan, opened = _only(candidates, "plan or position", wanted, lambda one: str(one[0]))
    streams = (plan, opened.position_id)
    entries = [
        HistoryEntry(entry.position, entry.stream_id, event)
        for entry in _read(ledger, topics_about(About.POSITION, About.PLAN), progress)
        if isinstance(event := entry.event, HistoricEvent) and entry.stream_id in streams
    ]
    return PlanHistory(plan, opened, tuple(entries))


def receipt(
    ledger: ExitLedger, wanted: str, *, stream: str | None = None, progress: Progress | None = None
) -> FoundReceipt:
    """Return the receipt whose entry id or receipt id is, or begins with, `wanted`.

    A full match wins over a partial one. Raises NotFound or Ambiguous.
    """
    prefix = _id_text(wanted)
    whole: list[tuple[LogEntry, MessageReceived]] = []
    begun: list[tuple[LogEntry, MessageReceived]] = []
    for entry in _read(ledger, (MessageReceived.TOPIC,), progress):
        received = entry.event
        if not isinstance(received, MessageReceived):
            continue
        if stream is not None and stream not in (received.source, received.stream):
            continue
        if wanted == received.entry_id or prefix == entry.stream_id.hex:
            whole.append((entry, received))
        elif received.entry_id.startswith(wanted) or entry.stream_id.hex.startswith(prefix):
            begun.append((entry, received))
    entry, received = _only(
        whole or begun, "receipt", wanted, lambda one: f"{one[1].entry_id} of {one[1].source}"
    )
    return FoundReceipt(entry, received, tuple(_effects(ledger, entry)))


def _effects(ledger: ExitLedger, receipt: LogEntry) -> Iterator[LogEntry]:
    """Yield the events saved with a receipt: they follow it in the log."""
    for entry in ledger.log(receipt.position):
        event = entry.event
        of_another = isinstance(event, RegisterEvent) and event.receipt_id != receipt.stream_id
        if of_another or event.TOPIC in BEGINNING_TOPICS:
            return
        yield entry


def _read(ledger: ExitLedger, topics: tuple[str, ...], progress: Progress | None) -> Iterator[LogEntry]:
    for number, entry in enumerate(ledger.log(topics=topics)):
        if progress is not None and number % 1000 == 0:
            progress(entry.position)
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
