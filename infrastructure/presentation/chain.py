"""The chain of a decision: message, receipt, decision, published entry."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from exitbrain.application.queries.wanted_decision import FoundDecision
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.values import Origin


class ChainedMessage(Struct):
    """A message that caused a decision, and its receipt."""

    entry_id: str
    stream: str
    occurred_at: datetime
    receipt_id: str
    outcome: str
    recorded_at: datetime


class PublishedEntries(Struct):
    """The entries that `serve` publishes of a decision: their event types, and the log position they carry."""

    event_types: tuple[str, ...]
    log_position: int


class DecisionChain(Struct):
    """What led to a decision, and what is published of it; null if its message was imported."""

    messages: list[ChainedMessage]
    decision_id: str
    revision: int
    cause: str
    log_position: int
    published: PublishedEntries | None


def chain_of(found: FoundDecision, receipts: Mapping[UUID, MessageReceived]) -> DecisionChain:
    """Return the chain of a decision, given the receipts that caused it."""
    decision = found.decision
    entries = PublishedEntries(decision.PUBLISHED_AS, found.log_position)
    return DecisionChain(
        messages=[
            ChainedMessage(
                entry_id=one.entry_id,
                stream=one.stream,
                occurred_at=one.occurred_at,
                receipt_id=str(receipt_id),
                outcome=one.disposition.value,
                recorded_at=one.recorded_at,
            )
            for receipt_id, one in receipts.items()
        ],
        decision_id=str(found.decision_id),
        revision=decision.revision,
        cause=decision.cause.value,
        log_position=found.log_position,
        published=None if decision.context.origin is Origin.IMPORT else entries,
    )


def chain_text(chain: DecisionChain) -> Iterator[str]:
    """Yield a line for each part of the chain."""
    yield "Chain"
    for one in chain.messages:
        yield f"  message    {one.entry_id} of {one.stream}, occurred {one.occurred_at.isoformat()}"
        yield f"  receipt    {one.receipt_id}, {one.outcome}, recorded {one.recorded_at.isoformat()}"
    what = f"revision {chain.revision}, cause {chain.cause}, log position {chain.log_position}"
    yield f"  decision   {chain.decision_id}, {what}"
    if chain.published is None:
        yield "  published  never, because the message was imported"
    else:
        types = " and ".join(chain.published.event_types)
        yield f"  published  by serve as {types}, with log_position {chain.published.log_position}"
