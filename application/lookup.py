"""Look things up: positions, the history of a plan, a receipt with its effects. Each reads through the log."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar, get_args
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.domain.configuration import IntakeConfigured
from exitbrain.domain.exit_plan import (
    Decision,
    ExitPlanCancelled,
    ExitPlanCompleted,
    ExitPlanOpened,
    ExitPlanResized,
    LevelsComputed,
    LevelsRefused,
)
from exitbrain.domain.identity import decision_id
from exitbrain.domain.policy_register import RegisterEvent
from exitbrain.domain.position import (
    CloseReported,
    Position,
    PositionClosed,
    PositionEvent,
    PositionOpened,
    Result,
)
from exitbrain.domain.receipt import MessageReceived
from exitbrain.domain.store import EpochRaised, StoreOpened

T = TypeVar("T")

Progress = Callable[[int], None]
"""Gets log positions now and then."""

DECISIONS = (LevelsComputed.TOPIC, LevelsRefused.TOPIC)
HistoricEvent = (
    PositionEvent
    | ExitPlanOpened
    | LevelsComputed
    | LevelsRefused
    | ExitPlanResized
    | ExitPlanCompleted
    | ExitPlanCancelled
)
"""What the history of a plan and its position is made of."""

_HISTORIC_TOPICS = tuple(event.TOPIC for event in get_args(HistoricEvent))
_POSITION_TOPICS = tuple(event.TOPIC for event in get_args(PositionEvent))

_NOT_OF_A_MESSAGE = (
    MessageReceived,
    StoreOpened,
    EpochRaised,
    IntakeConfigured,
)


class NotFound(Exception):
    """What was looked for is not in the store."""


class Ambiguous(Exception):
    """Several things begin with what was looked for."""


@dataclass(slots=True)
class FoundPosition:
    """A round trip with its end, if it has ended, its report where that came later, and the latest computed levels."""

    position: Position
    closed: PositionClosed | None = None
    reported: CloseReported | None = None
    decision: LevelsComputed | None = None

    @property
    def result(self) -> Result | None:
        """Return what the round trip brought, None where nothing says so."""
        for said in (self.closed, self.reported):
            if said is not None and said.result is not None:
                return said.result
        return None


@dataclass(frozen=True, slots=True)
class FoundDecision:
    """A recorded decision and where it stands."""

    decision_id: UUID
    plan_id: UUID
    decision: Decision


@dataclass(frozen=True, slots=True)
class PlanHistory:
    """Everything that happened to a plan and its position, in log order."""

    plan_id: UUID
    opened: ExitPlanOpened
    entries: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class FoundReceipt:
    """A receipt and the events that were saved in its transaction."""

    entry: LogEntry
    effects: tuple[LogEntry, ...]

    @property
    def receipt(self) -> MessageReceived:
        """Return the receipt itself."""
        received: MessageReceived = self.entry.event
        return received


def positions(
    ledger: ExitLedger, *, closed: bool = False, symbol: str | None = None, progress: Progress | None = None
) -> list[FoundPosition]:
    """Return the open positions, or all of them, in the order they were opened."""
    found: dict[UUID, FoundPosition] = {}
    for entry in _read(ledger, (*_POSITION_TOPICS, LevelsComputed.TOPIC), progress):
        event = entry.event
        if isinstance(event, LevelsComputed):
            if event.position_id in found:
                found[event.position_id].decision = event
            continue
        if isinstance(event, PositionOpened) and symbol in (None, event.symbol):
            found[entry.stream_id] = FoundPosition(Position(entry.stream_id))
        if entry.stream_id not in found:
            continue
        found[entry.stream_id].position.apply(event)
        if isinstance(event, PositionClosed):
            found[entry.stream_id].closed = event
            if not closed:
                del found[entry.stream_id]
        elif isinstance(event, CloseReported):
            found[entry.stream_id].reported = event
    return list(found.values())


def decision(ledger: ExitLedger, wanted: str, *, progress: Progress | None = None) -> FoundDecision:
    """Return the decision whose id is, or begins with, `wanted`; raises NotFound or Ambiguous."""
    prefix = _id_text(wanted)
    found: list[FoundDecision] = []
    for entry in _read(ledger, DECISIONS, progress):
        id_ = decision_id(entry.stream_id, entry.event.revision)
        if id_.hex.startswith(prefix):
            found.append(FoundDecision(id_, entry.stream_id, entry.event))
    return _only(found, "decision", wanted, lambda one: str(one.decision_id))


def plan_history(ledger: ExitLedger, wanted: str, *, progress: Progress | None = None) -> PlanHistory:
    """Return the history of the plan whose id, or whose position's, is or begins with `wanted`.

    Raises NotFound or Ambiguous.
    """
    prefix = _id_text(wanted)
    candidates = [
        entry
        for entry in _read(ledger, (ExitPlanOpened.TOPIC,), progress)
        if entry.stream_id.hex.startswith(prefix) or entry.event.position_id.hex.startswith(prefix)
    ]
    plan = _only(candidates, "plan or position", wanted, lambda entry: str(entry.stream_id))
    streams = (plan.stream_id, plan.event.position_id)
    entries = [entry for entry in _read(ledger, _HISTORIC_TOPICS, progress) if entry.stream_id in streams]
    return PlanHistory(plan.stream_id, plan.event, tuple(entries))


def receipt(
    ledger: ExitLedger, wanted: str, *, stream: str | None = None, progress: Progress | None = None
) -> FoundReceipt:
    """Return the receipt of an entry id, or with that receipt id, or whose entry or receipt id begins so.

    A whole id wins over one that only begins like it. Raises NotFound or Ambiguous.
    """
    prefix = _id_text(wanted)
    whole: list[LogEntry] = []
    begun: list[LogEntry] = []
    for entry in _read(ledger, (MessageReceived.TOPIC,), progress):
        received: MessageReceived = entry.event
        if stream is not None and stream not in (received.source, received.stream):
            continue
        if wanted == received.entry_id or prefix == entry.stream_id.hex:
            whole.append(entry)
        elif received.entry_id.startswith(wanted) or entry.stream_id.hex.startswith(prefix):
            begun.append(entry)
    found = _only(
        whole or begun,
        "receipt",
        wanted,
        lambda entry: f"{entry.event.entry_id} of {entry.event.source}",
    )
    return FoundReceipt(found, tuple(_effects(ledger, found)))


def _effects(ledger: ExitLedger, receipt: LogEntry) -> Iterator[LogEntry]:
    """Yield what was saved with a receipt: the log holds it right behind."""
    for entry in ledger.log(receipt.position):
        event = entry.event
        of_another = isinstance(event, RegisterEvent) and event.receipt_id != receipt.stream_id
        if of_another or isinstance(event, _NOT_OF_A_MESSAGE):
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
