"""Fast reading of recorded decisions for replay."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.plans.decision import JudgedLevels
from exitbrain.domain.policies.policy import PolicyRef


class RecordedDecision(Protocol):
    """One recorded decision: its inputs, and a way to compare its outcome."""

    @property
    def log_position(self) -> int:
        """Its log position."""

    @property
    def plan_id(self) -> UUID:
        """The plan it belongs to."""

    @property
    def revision(self) -> int:
        """The revision of the plan."""

    @property
    def symbol(self) -> str:
        """The symbol of its position."""

    @property
    def occurred_at(self) -> datetime:
        """When its message occurred."""

    @property
    def policy(self) -> PolicyRef:
        """The policy in force; raises UnreadableEvent if that part is damaged."""

    @property
    def engine(self) -> str:
        """The name of the engine that computed it."""

    @property
    def inputs(self) -> LevelInputs:
        """The inputs of the computation."""

    @property
    def freshness(self) -> Freshness:
        """The age of its message."""

    @property
    def quantity(self) -> Decimal | None:
        """The recorded quantity that the harvest fractions apply to."""

    @property
    def harvest(self) -> tuple[float, float, float] | None:
        """The recorded harvest fractions; None if the levels were refused."""

    @property
    def snapshot(self) -> str | None:
        """The content hash of the instrument snapshot it read."""

    def equals(self, levels: JudgedLevels) -> bool:
        """Return whether the record holds exactly this outcome, with the quantity and harvest that follow.

        Compares the bits as this version writes them.
        """

    def levels(self) -> JudgedLevels:
        """Return the recorded outcome; raises UnreadableEvent if that part is damaged."""


class UnreadableDecision(Struct, frozen=True):
    """A decision whose stored form cannot be read, and why."""

    log_position: int
    why: str


class DecisionLog(Protocol):
    """Read the recorded decisions in log order."""

    def decisions(
        self, *, after: int = 0, upto: int | None = None
    ) -> Iterator[RecordedDecision | UnreadableDecision]:
        """Yield every decision between two log positions, unreadable ones as UnreadableDecision."""
