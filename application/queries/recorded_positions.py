"""The recorded positions, each with its level computations and size changes until its end, and who ended it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.translator import Translator
from exitbrain.application.queries.reduction_reasons import reduction_reasons
from exitbrain.application.replay.decisions import EVERYTHING, Selection
from exitbrain.domain.plans.exit_plan import Decision, LevelsComputed, LevelsRefused
from exitbrain.domain.positions.events import (
    PositionClosed,
    PositionIncreased,
    PositionOpened,
    PositionReduced,
)
from exitbrain.domain.values import Side

Step = Decision | PositionIncreased | PositionReduced
"""A change of levels or size while a position was open."""

_EVENTS = (
    PositionOpened,
    PositionIncreased,
    PositionReduced,
    PositionClosed,
    LevelsComputed,
    LevelsRefused,
)


@dataclass(slots=True)
class RecordedPosition:
    """One recorded round trip, filled while the log is read; steps are in log order with their times.

    `reduced_because` holds the reason of each reduction by its receipt, `next_entry_at` the time of the next entry
    of the same account and symbol.
    """

    position_id: UUID
    account: str
    symbol: str
    side: Side
    opened_at: datetime
    entry_price: Decimal | None
    quantity: Decimal | None
    steps: list[tuple[datetime, Step]] = field(default_factory=list)
    closed: PositionClosed | None = None
    reduced_because: dict[UUID, str] = field(default_factory=dict)
    next_entry_at: datetime | None = None

    @property
    def leverage(self) -> float | None:
        """Return the leverage of the first level computation; None if there is none, or it was assumed."""
        decision = next((step for _, step in self.steps if isinstance(step, Decision)), None)
        return None if decision is None or decision.inputs.leverage_assumed else decision.inputs.leverage


def recorded_positions(
    ledger: ExitLedger,
    translator: Translator,
    selection: Selection = EVERYTHING,
    *,
    progress: Callable[[int], None] | None = None,
) -> list[RecordedPosition]:
    """Return the positions opened in the selection, in order of opening.

    `progress` gets a log position from time to time. Raises UnreadableEvent.
    """
    found: dict[UUID, RecordedPosition] = {}
    last: dict[tuple[str, str, str], RecordedPosition] = {}
    for number, entry in enumerate(ledger.log(topics=[event.TOPIC for event in _EVENTS])):
        if progress is not None and number % 1000 == 0:
            progress(entry.position)
        match entry.event:
            case PositionOpened() as opened:
                at, key = opened.stamp.occurred_at, (opened.account, opened.symbol, opened.position_side)
                if (before := last.pop(key, None)) is not None:
                    before.next_entry_at = at
                if selection.takes(at, opened.symbol):
                    found[entry.stream_id] = last[key] = RecordedPosition(
                        position_id=entry.stream_id,
                        account=opened.account,
                        symbol=opened.symbol,
                        side=opened.side,
                        opened_at=at,
                        entry_price=opened.entry_price,
                        quantity=opened.quantity,
                    )
            case PositionClosed() as closed if entry.stream_id in found:
                found[entry.stream_id].closed = closed
            case PositionIncreased() | PositionReduced() as sized if entry.stream_id in found:
                found[entry.stream_id].steps.append((sized.stamp.occurred_at, sized))
            case LevelsComputed() | LevelsRefused() as decision if decision.position_id in found:
                found[decision.position_id].steps.append((decision.context.occurred_at, decision))
    positions = list(found.values())
    _read_reasons(ledger, translator, positions)
    return positions


def _read_reasons(ledger: ExitLedger, translator: Translator, positions: Sequence[RecordedPosition]) -> None:
    reduced = [
        (each, [step for _, step in each.steps if isinstance(step, PositionReduced)]) for each in positions
    ]
    reasons = reduction_reasons(ledger, translator, [step for _, steps in reduced for step in steps])
    for position, steps in reduced:
        position.reduced_because = {step.stamp.cause_id: reasons[step.stamp.cause_id] for step in steps}
