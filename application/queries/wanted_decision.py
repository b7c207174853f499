"""Find the decision a user means, by any id that leads to one, or by symbol and time."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry, StreamLog
from exitbrain.application.ports.index import DecisionsWanted, LogIndex
from exitbrain.application.queries.lookup import Ambiguous, NotFound, effects_of, entry_at
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import Decision

_NAMED = 3
"""How many things the sentence of SeveralFit names."""

_MANY = 1000
"""How many things may fit a text before none of them is read."""


Kind = Literal["decision", "plan", "position", "message"]


class FoundDecision(Struct, frozen=True):
    """A recorded decision with its id, its plan and its log position."""

    decision_id: UUID
    plan_id: UUID
    decision: Decision
    log_position: int


class Fitting(Struct, frozen=True):
    """A part of the record that a text fits, and its decision: of a plan or position the latest.

    `name` is its whole id, of a message its entry id. `decisions` is empty for a message that led to none.
    """

    kind: Kind
    name: str
    is_whole: bool
    received: MessageReceived | None
    decisions: tuple[FoundDecision, ...]


class SeveralFit(Ambiguous):
    """A text fits several parts of the record that lead to different decisions; `fitting` lists them."""

    def __init__(self, wanted: str, fitting: tuple[Fitting, ...]) -> None:
        some = ", ".join(f"{one.kind} {one.name}" for one in fitting[:_NAMED])
        more = ", ..." if len(fitting) > _NAMED else ""
        super().__init__(f"{wanted!r} fits {len(fitting)} of this store ({some}{more}); give more of the id")
        self.fitting = fitting


def decision_meant(ledger: StreamLog, index: LogIndex, wanted: str) -> FoundDecision:
    """Return the decision that an id, or the beginning of one, leads to.

    The id is that of a decision, plan, position, receipt or stream entry; a plan or position leads to its latest
    decision. A whole id wins over the beginning of another. Raises NotFound or Ambiguous, and SeveralFit if those
    that fit are few enough to be read.
    """
    index.check_readable((MessageReceived.TOPIC, *DECISION_TOPICS))
    return only_decision(wanted, _fitting(ledger, index, wanted))


def only_decision(wanted: str, fitting: Sequence[Fitting]) -> FoundDecision:
    """Return the one decision to which everything that a text fits leads; raises NotFound or SeveralFit."""
    if not fitting:
        raise NotFound(
            f"this store holds no decision, plan, position, receipt or entry {wanted!r};"
            " for the latest decision of a symbol give SYMBOL --at TIME"
        )
    leading = [one for one in fitting if one.decisions]
    if not leading:
        raise _led_to_none(wanted, fitting)
    found = {each.decision_id: each for one in leading for each in one.decisions}
    if len(found) == 1:
        return next(iter(found.values()))
    raise SeveralFit(wanted, tuple(leading) if len(leading) > 1 else _separate(leading[0]))


def decision_at(ledger: ExitLedger, index: LogIndex, symbol: str, at: datetime) -> FoundDecision:
    """Return the decision of a symbol that occurred last, not later than `at` (aware); raises NotFound."""
    index.check_readable(DECISION_TOPICS)
    place = index.decision_at(symbol, at)
    if place is not None:
        return _found(entry_at(ledger, place.position))
    if not index.decisions(DecisionsWanted(symbol=symbol, limit=1)):
        raise NotFound(f"this store holds no decision of symbol {symbol!r}")
    raise NotFound(f"{symbol} has no decision up to {at.isoformat()}")


class _Place(Struct, frozen=True):
    """Something that a text fits: its kind and id, where it lies, and whether the text is the whole id."""

    log_position: int
    kind: Kind
    id_: UUID
    is_whole: bool
    plan_id: UUID | None = None


def _fitting(ledger: StreamLog, index: LogIndex, wanted: str) -> list[Fitting]:
    """Return everything that the text fits in log order: what it is the whole id of, else what it begins."""
    places = list(_places(index, wanted))
    places = [place for place in places if place.is_whole] or places
    if len(places) > _MANY:
        raise Ambiguous(f"{wanted!r} fits {len(places)} ids of this store; give more of the id")
    places.sort(key=lambda place: place.log_position)
    return [_read(ledger, place) for place in places]


def _places(index: LogIndex, wanted: str) -> Iterator[_Place]:
    text, prefix = wanted.strip(), wanted.strip().lower().replace("-", "")
    for one in index.decisions_by_id(prefix):
        yield _Place(one.position, "decision", one.decision_id, prefix == one.decision_id.hex)
    for plan in index.plans_by_id(prefix):
        ids: dict[Kind, UUID] = {"plan": plan.plan_id, "position": plan.position_id}
        for kind, id_ in ids.items():
            if id_.hex.startswith(prefix):
                yield _Place(plan.position, kind, id_, prefix == id_.hex, plan.plan_id)
    for receipt in index.receipts_by_id(text, prefix):
        whole = text == receipt.entry_id or prefix == receipt.receipt_id.hex
        yield _Place(receipt.position, "message", receipt.receipt_id, whole)


def _read(ledger: StreamLog, place: _Place) -> Fitting:
    if place.plan_id is not None:
        found = [_found(one) for one in ledger.entries(place.plan_id) if isinstance(one.event, Decision)]
        return Fitting(place.kind, str(place.id_), place.is_whole, None, tuple(found[-1:]))
    entry = entry_at(ledger, place.log_position)
    if isinstance(entry.event, MessageReceived):
        led_to = tuple(_found(one) for one in effects_of(ledger, entry) if isinstance(one.event, Decision))
        return Fitting(place.kind, entry.event.entry_id, place.is_whole, entry.event, led_to)
    return Fitting(place.kind, str(place.id_), place.is_whole, None, (_found(entry),))


def _found(entry: LogEntry) -> FoundDecision:
    decision = entry.event
    if not isinstance(decision, Decision):
        raise NotFound(f"this store holds no decision at log position {entry.position} any more")
    id_ = decision_id(entry.stream_id, decision.revision)
    return FoundDecision(id_, entry.stream_id, decision, entry.position)


def _separate(one: Fitting) -> tuple[Fitting, ...]:
    """Return the decisions of a message, each by itself."""
    return tuple(Fitting("decision", str(each.decision_id), False, None, (each,)) for each in one.decisions)


def _led_to_none(wanted: str, fitting: Sequence[Fitting]) -> NotFound | SeveralFit:
    received = [one.received for one in fitting if one.received is not None]
    if len(received) > 1:
        return SeveralFit(wanted, tuple(fitting))
    message = received[0]
    outcome = " ".join(filter(None, (message.disposition, message.reason)))
    return NotFound(
        f"message {message.entry_id} of {message.source} led to no decision: {outcome};"
        f" exitbrain receipt {message.entry_id} shows it"
    )
