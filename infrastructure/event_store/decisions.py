"""Read recorded decisions from the stored bytes, decoding only what a replay needs.

The outcome of a decision stays undecoded: a replay encodes what it computed and compares bytes. Equal bytes are
equal bits, since doubles are written in the shortest text that reads back to the same 64 bits.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

import msgspec

from exitbrain.application.ports.decision_log import RecordedDecision, UnreadableDecision
from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.raw_log import RawLog
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.plans.decision import JudgedLevels, freshness_of
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.values import TimeOrigin
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecision
from exitbrain.infrastructure.event_store.mapper import MAPPER


class _Context(msgspec.Struct, gc=False):
    occurred_at: datetime
    time_origin: TimeOrigin
    recorded_at: datetime
    snapshot: str | None
    max_intent_age_s: float


class StoredDecision(msgspec.Struct, gc=False):
    """A stored `RecordedDecision`, decoded in one pass."""

    revision: int
    quantity: Decimal | None
    harvest: tuple[float, float, float] | None
    symbol: str
    stored_policy: msgspec.Raw = msgspec.field(name="policy")
    engine: str
    inputs: LevelInputs
    context: _Context
    # Not part of the stored text, set by who decodes it.
    log_position: int = 0
    topic: str = ""
    stream: str = ""
    state: bytes = b""

    @property
    def plan_id(self) -> UUID:
        return UUID(self.stream)

    @property
    def occurred_at(self) -> datetime:
        return self.context.occurred_at

    @property
    def policy(self) -> PolicyRef:
        try:
            return _policy_of(bytes(self.stored_policy))
        except _DAMAGED as damaged:
            raise UnreadableEvent(self.log_position, self.topic, str(damaged)) from damaged

    @property
    def freshness(self) -> Freshness:
        told = self.context
        return freshness_of(told.time_origin, told.occurred_at, told.recorded_at, told.max_intent_age_s)

    @property
    def snapshot(self) -> str | None:
        return self.context.snapshot

    def equals(self, levels: JudgedLevels) -> bool:
        if self.harvest != levels.harvest or self.quantity != self.inputs.quantity:
            return False
        # The outcome is the last field of a decision.
        return self.state.endswith(b'"levels":%b}' % _encode(levels))

    def levels(self) -> JudgedLevels:
        try:
            return _decode_outcome(self.state).levels
        except _DAMAGED as damaged:
            raise UnreadableEvent(self.log_position, self.topic, str(damaged)) from damaged


class _Outcome(msgspec.Struct):
    levels: JudgedLevels


_DAMAGED = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding raises: text that is no JSON, of another shape, not UTF-8, or brackets without end."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredDecision).decode
_decode_outcome = msgspec.json.Decoder(_Outcome).decode
_decode_policy = msgspec.json.Decoder(PolicyRef).decode


@lru_cache(maxsize=1024)  # a store has few policies and very many decisions
def _policy_of(stored: bytes) -> PolicyRef:
    return _decode_policy(stored)


class StoredDecisions:
    """Read the decisions of a store from its raw log."""

    def __init__(self, log: RawLog) -> None:
        self._log = log

    def decisions(
        self, *, after: int = 0, upto: int | None = None
    ) -> Iterator[RecordedDecision | UnreadableDecision]:
        heads = {topic: MAPPER.head_of(topic) for topic in DECISION_TOPICS}
        for position, stream, _, topic, state in self._log.rows(after, upto=upto, topics=DECISION_TOPICS):
            try:
                if not state.startswith(heads[topic]):
                    event = MAPPER.to_domain_event(position, topic, state)
                    yield DecodedDecision(position, UUID(stream), event)
                    continue
                decision = _decode(state)
            except _DAMAGED as damaged:
                yield UnreadableDecision(position, str(damaged))
            except UnreadableEvent as unreadable:
                yield UnreadableDecision(position, unreadable.why)
            else:
                decision.log_position = position
                decision.topic = topic
                decision.stream = stream
                decision.state = state
                yield decision
