"""The recorded decisions straight from the stored bytes, decoded as far as a replay needs.

The outcome of a decision stays undecoded: a replay encodes what it computed and compares bytes. Equal bytes are
equal bits, since doubles are written in the shortest text that reads back to the same 64 bits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

import msgspec

from exitbrain.application.ports.decision_log import RecordedDecision, UnreadableDecision
from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.raw_log import RawLog
from exitbrain.domain.decision import JudgedLevels
from exitbrain.domain.exit_plan import Revised
from exitbrain.domain.guards import Freshness
from exitbrain.domain.levels import LevelInputs
from exitbrain.domain.policy import PolicyRef
from exitbrain.domain.values import TimeOrigin
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.paper.decisions import TOPICS, DecodedDecision


class _Context(msgspec.Struct, gc=False):
    occurred_at: datetime
    time_origin: TimeOrigin
    recorded_at: datetime
    snapshot: str | None
    max_intent_age_s: float


class _Stored(msgspec.Struct, gc=False):
    revision: int
    quantity: Decimal | None
    harvest: tuple[float, float, float] | None
    symbol: str
    policy: msgspec.Raw
    inputs: LevelInputs
    context: _Context
    levels: msgspec.Raw


_decoder = msgspec.json.Decoder(_Stored)
_levels_decoder = msgspec.json.Decoder(JudgedLevels)
_policy_decoder = msgspec.json.Decoder(PolicyRef)
_encoder = msgspec.json.Encoder()


@lru_cache(maxsize=1024)  # a store has few policies and very many decisions
def _policy_of(stored: bytes) -> PolicyRef:
    return _policy_decoder.decode(stored)


@dataclass(slots=True)
class StoredDecision:
    """One decision as the store holds it."""

    log_position: int
    plan_id: UUID
    stored: _Stored

    @property
    def revision(self) -> int:
        return self.stored.revision

    @property
    def symbol(self) -> str:
        return self.stored.symbol

    @property
    def occurred_at(self) -> datetime:
        return self.stored.context.occurred_at

    @property
    def policy(self) -> PolicyRef:
        return _policy_of(bytes(self.stored.policy))

    @property
    def inputs(self) -> LevelInputs:
        return self.stored.inputs

    @property
    def freshness(self) -> Freshness:
        context = self.stored.context
        if context.time_origin is TimeOrigin.RECORDED_AT:
            return Freshness(None, context.max_intent_age_s)
        return Freshness(
            (context.recorded_at - context.occurred_at).total_seconds(), context.max_intent_age_s
        )

    @property
    def header(self) -> Revised:
        return Revised(self.stored.revision, self.stored.quantity, self.stored.harvest)

    @property
    def snapshot(self) -> str | None:
        return self.stored.context.snapshot

    def equals(self, levels: JudgedLevels) -> bool:
        return _encoder.encode(levels) == memoryview(self.stored.levels)

    def levels(self) -> JudgedLevels:
        return _levels_decoder.decode(self.stored.levels)


class StoredDecisions:
    """Read the decisions of a store from its raw log."""

    def __init__(self, log: RawLog) -> None:
        self._log = log

    def decisions(
        self, *, after: int = 0, upto: int | None = None
    ) -> Iterator[RecordedDecision | UnreadableDecision]:
        for position, stream, _, topic, state in self._log.rows(after, upto=upto, topics=TOPICS):
            plan_id = UUID(int=int(stream, 16))
            try:
                if state.startswith(MAPPER.head_of(topic)):
                    yield StoredDecision(position, plan_id, _decoder.decode(state))
                else:
                    yield DecodedDecision(position, plan_id, MAPPER.to_domain_event(position, topic, state))
            except (msgspec.MsgspecError, ValueError) as damaged:
                yield UnreadableDecision(position, str(damaged))
            except UnreadableEvent as unreadable:
                yield UnreadableDecision(position, unreadable.why)
