"""Find the decision a user means, by any id that leads to one, or by symbol and time."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry, StreamLog
from exitbrain.application.ports.index import DecisionsWanted, LogIndex
from exitbrain.application.queries.lookup import Ambiguous, NotFound, effects, entry_at, id_text
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import Decision

_NAMED = 3
"""How many things the sentence of SeveralFit names."""


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
    decision. A whole id wins over the beginning of another. Raises NotFound or SeveralFit.
    """
    index.check_readable((MessageReceived.TOPIC, *DECISION_TOPICS))
    fitting = list(_fitting(ledger, index, wanted.strip()))
    if not fitting:
        raise NotFound(
            f"this store holds no decision, plan, position, receipt or entry {wanted!r};"
            " for the latest decision of a symbol give SYMBOL --at TIME"
        )
    fitting = [one for one in fitting if one.is_whole] or fitting
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
        return _decision(entry_at(ledger, place.position))
    if not index.decisions(DecisionsWanted(symbol=symbol, limit=1)):
        raise NotFound(f"this store holds no decision of symbol {symbol!r}")
    raise NotFound(f"{symbol} has no decision up to {at.isoformat()}")


def _fitting(ledger: StreamLog, index: LogIndex, text: str) -> Iterator[Fitting]:
    """Yield everything that a text fits: decisions, then plans and positions, then messages, each in log order."""
    prefix = id_text(text)
    for decided in index.decisions_by_id(prefix):
        found = _decision(entry_at(ledger, decided.position))
        yield Fitting("decision", str(found.decision_id), prefix == found.decision_id.hex, None, (found,))
    for place in index.plans_by_id(prefix):
        decisions = [each for each in ledger.entries(place.plan_id) if isinstance(each.event, Decision)]
        latest = tuple(_decision(each) for each in decisions[-1:])
        ids: dict[Kind, UUID] = {"plan": place.plan_id, "position": place.position_id}
        for kind, id_ in ids.items():
            if latest and id_.hex.startswith(prefix):
                yield Fitting(kind, str(id_), prefix == id_.hex, None, latest)
    for received in index.receipts_by_id(text, prefix):
        entry = entry_at(ledger, received.position)
        message = entry.event
        assert isinstance(message, MessageReceived)
        led_to = [each for each in effects(ledger, entry) if isinstance(each.event, Decision)]
        whole = text == message.entry_id or prefix == entry.stream_id.hex
        yield Fitting("message", message.entry_id, whole, message, tuple(map(_decision, led_to)))


def _decision(entry: LogEntry) -> FoundDecision:
    assert isinstance(entry.event, Decision)
    return _found(entry, entry.event)


def _found(entry: LogEntry, decision: Decision) -> FoundDecision:
    id_ = decision_id(entry.stream_id, decision.revision)
    return FoundDecision(id_, entry.stream_id, decision, entry.position)


def _separate(one: Fitting) -> tuple[Fitting, ...]:
    """Return the decisions of a message, each by itself."""
    return tuple(Fitting("decision", str(each.decision_id), False, None, (each,)) for each in one.decisions)


def _led_to_none(wanted: str, fitting: list[Fitting]) -> NotFound | SeveralFit:
    received = [one.received for one in fitting if one.received is not None]
    if len(received) > 1:
        return SeveralFit(wanted, tuple(fitting))
    message = received[0]
    outcome = " ".join(filter(None, (message.disposition, message.reason)))
    return NotFound(
        f"message {message.entry_id} of {message.source} led to no decision: {outcome};"
        f" exitbrain receipt {message.entry_id} shows it"
    )
