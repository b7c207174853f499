"""The index of the log: where the things that people look up lie in it. It finds; the events say what they are."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec import Struct

Progress = Callable[[int], None]
"""Called with a log position from time to time."""


class DecisionPlace(Struct, frozen=True):
    """A decision and its log position."""

    position: int
    decision_id: UUID
    plan_id: UUID


class PositionPlace(Struct, frozen=True):
    """A position (round trip), with the log positions at which it opened and ended; `closed` is None while open."""

    opened: int
    position_id: UUID
    closed: int | None


class PlanPlace(Struct, frozen=True):
    """An exit plan, the position that it protects, and the log position at which it was opened."""

    position: int
    plan_id: UUID
    position_id: UUID


class ReceiptPlace(Struct, frozen=True):
    """A receipt and its log position; `source` and `stream` are those of its message."""

    position: int
    receipt_id: UUID
    entry_id: str
    source: str
    stream: str


class DecisionsWanted(Struct, frozen=True):
    """Which decisions to list. None leaves a filter out.

    `guard` keeps the decisions whose report has that guard in `state`, `failed` or `unknown`. `before` is the cursor:
    only decisions with a lower log position.
    """

    symbol: str | None = None
    account: str | None = None
    policy: str | None = None
    cause: str | None = None
    guard: str | None = None
    state: str = "failed"
    before: int | None = None
    limit: int = 100


class ReceiptsWanted(Struct, frozen=True):
    """Which receipts to list. None leaves a filter out; `before` is the cursor, as for decisions."""

    disposition: str | None = None
    reason: str | None = None
    order_id: str | None = None
    before: int | None = None
    limit: int = 100


class Counts(Struct, frozen=True):
    """How many decisions each policy, cause and guard has, and how many receipts each disposition.

    A guard is counted by its name and state, `failed` or `unknown`.
    """

    policies: dict[str, int]
    causes: dict[str, int]
    dispositions: dict[str, int]
    guards: dict[tuple[str, str], int]


class LogIndex(Protocol):
    """Find things in the log, once `catch_up` was called. Answers are as of the log position `upto`; lists newest first."""

    @property
    def upto(self) -> int:
        """Return the log position up to which the log was read; known after `catch_up`."""

    def catch_up(self, progress: Progress | None = None) -> int:
        """Read what the log has gained, and return how many events that were."""

    def check_readable(self, topics: Sequence[str]) -> None:
        """Raise UnreadableEvent if an event of these topics could not be read."""

    def decisions(self, wanted: DecisionsWanted) -> list[DecisionPlace]:
        """Return the decisions that pass every filter."""

    def decisions_by_id(self, beginning: str) -> list[DecisionPlace]:
        """Return the decisions whose id, as hex digits, begins so, oldest first."""

    def latest_computed(self, plan_id: UUID) -> DecisionPlace | None:
        """Return the latest decision of a plan that gave levels."""

    def latest_per_symbol(self) -> dict[str, DecisionPlace]:
        """Return the latest decision of each symbol."""

    def decision_at(self, symbol: str, at: datetime) -> DecisionPlace | None:
        """Return the decision of a symbol whose message occurred last, not later than `at` (aware)."""

    def open_positions(self, *, symbol: str | None = None, at: int | None = None) -> list[PositionPlace]:
        """Return the positions that were open at a log position, None for now, in the order they were opened."""

    def all_positions(self, *, symbol: str | None = None) -> list[PositionPlace]:
        """Return all positions, open and closed, in the order they were opened."""

    def plans_by_id(self, beginning: str) -> list[PlanPlace]:
        """Return the plans whose id, or whose position's id, begins so, oldest first."""

    def receipts(self, wanted: ReceiptsWanted) -> list[ReceiptPlace]:
        """Return the receipts that pass every filter."""

    def receipts_by_id(self, entry_id: str, receipt_id: str) -> list[ReceiptPlace]:
        """Return the receipts whose entry id begins so, or whose receipt id does, oldest first."""

    def counts(self) -> Counts:
        """Count decisions and receipts."""
