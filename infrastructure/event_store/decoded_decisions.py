"""The recorded decisions of any ledger, for replay: decoded events, compared bit for bit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from exitbrain.application.ports.decision_log import RecordedDecision, UnreadableDecision
from exitbrain.application.ports.exit_ledger import ExitLedger, UnreadableEvent
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.plans.decision import JudgedLevels
from exitbrain.domain.plans.difference import first_difference
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.policies.policy import PolicyRef


@dataclass(frozen=True, slots=True)
class DecodedDecision:
    """One decision as a decoded event."""

    log_position: int
    plan_id: UUID
    event: Decision

    @property
    def revision(self) -> int:
        return self.event.revision

    @property
    def symbol(self) -> str:
        return self.event.symbol

    @property
    def occurred_at(self) -> datetime:
        return self.event.context.occurred_at

    @property
    def policy(self) -> PolicyRef:
        return self.event.policy

    @property
    def engine(self) -> str:
        return self.event.engine

    @property
    def inputs(self) -> LevelInputs:
        return self.event.inputs

    @property
    def freshness(self) -> Freshness:
        return self.event.context.freshness

    @property
    def quantity(self) -> Decimal | None:
        return self.event.quantity

    @property
    def harvest(self) -> tuple[float, float, float] | None:
        return self.event.harvest

    @property
    def snapshot(self) -> str | None:
        return self.event.context.snapshot

    def equals(self, levels: JudgedLevels) -> bool:
        recorded = (self.quantity, self.harvest, self.event.levels)
        return first_difference(recorded, (self.inputs.quantity, levels.harvest, levels)) is None

    def levels(self) -> JudgedLevels:
        return self.event.levels


class DecodedDecisions:
    """Read the decisions of a ledger through its log; the way for ledgers that have no stored bytes to read."""

    def __init__(self, ledger: ExitLedger) -> None:
        self._ledger = ledger

    def decisions(
        self, *, after: int = 0, upto: int | None = None
    ) -> Iterator[RecordedDecision | UnreadableDecision]:
        while True:
            try:
                for entry in self._ledger.log(after, upto=upto, topics=DECISION_TOPICS):
                    if isinstance(entry.event, Decision):
                        yield DecodedDecision(entry.position, entry.stream_id, entry.event)
            except UnreadableEvent as unreadable:
                after = unreadable.position
                yield UnreadableDecision(unreadable.position, unreadable.why)
            else:
                return
