"""The recorded decisions, as fast as they can be read for replay."""

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
    """One decision as the record holds it: what went in, and a way to compare what came out."""

    @property
    def log_position(self) -> int:
        """Where the log holds it."""

    @property
    def plan_id(self) -> UUID:
        """The plan it belongs to."""

    @property
    def revision(self) -> int:
        """Its revision there."""

    @property
    def symbol(self) -> str:
        """The symbol of its position."""

    @property
    def occurred_at(self) -> datetime:
        """When its message occurred."""

    @property
    def policy(self) -> PolicyRef:
        """The policy that was in force; raises UnreadableEvent where that part is damaged."""

    @property
    def engine(self) -> str:
        """The name of the engine that computed it."""

    @property
    def inputs(self) -> LevelInputs:
        """What went in."""

    @property
    def freshness(self) -> Freshness:
        """The age of its message."""

    @property
    def quantity(self) -> Decimal | None:
        """What the harvest fractions refer to, as recorded."""

    @property
    def harvest(self) -> tuple[float, float, float] | None:
        """The harvest fractions as recorded; None where the levels were refused."""

    @property
    def snapshot(self) -> str | None:
        """The content hash of the instrument snapshot it read."""

    def equals(self, levels: JudgedLevels) -> bool:
        """Return whether the record holds exactly this outcome, and the quantity and harvest that follow from it.

        The same bits, written as this version writes them.
        """

    def levels(self) -> JudgedLevels:
        """Return the recorded outcome; raises UnreadableEvent where that part is damaged."""


class UnreadableDecision(Struct, frozen=True):
    """A decision whose stored form cannot be read, and why."""

    log_position: int
    why: str


class DecisionLog(Protocol):
    """Read the recorded decisions in log order."""

    def decisions(
        self, *, after: int = 0, upto: int | None = None
    ) -> Iterator[RecordedDecision | UnreadableDecision]:
        """Yield every decision between two log positions; one that cannot be read is yielded as such."""
