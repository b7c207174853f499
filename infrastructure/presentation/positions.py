"""Positions with their latest levels."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from exitbrain.application.queries.lookup import FoundPosition
from exitbrain.domain.identity import plan_id
from exitbrain.domain.levels.levels import LEVELS
from exitbrain.domain.policies.register import PolicyRegister
from exitbrain.domain.values import plain, plain_or_none
from exitbrain.infrastructure.presentation.decisions import LatestDecision, latest_decision
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.presentation.table import ShownTable
from exitbrain.infrastructure.presentation.wording import number, percent, short


class PositionDescription(Struct):
    """One round trip; prices and quantities are decimal strings, null if unknown."""

    position_id: str
    plan_id: str
    account: str
    symbol: str
    position_side: str
    cycle: int
    side: str
    state: Literal["open", "closed"]
    leverage: float
    entry_price: str | None
    quantity: str | None
    opened_at: datetime
    closed_at: datetime | None
    reason: str | None
    pnl_percent: str | None
    decision: LatestDecision | None


class PositionsReport(Struct):
    """Positions in the order they were opened."""

    positions: list[PositionDescription]


def positions_report(found: Sequence[FoundPosition], register: PolicyRegister) -> PositionsReport:
    """Return positions for `--json`."""
    return PositionsReport([_description(one, register) for one in found])


def _description(found: FoundPosition, register: PolicyRegister) -> PositionDescription:
    position, closed, result = found.position, found.closed, found.result
    return PositionDescription(
        position_id=str(position.id),
        plan_id=str(plan_id(position.id)),
        account=position.account,
        symbol=position.symbol,
        position_side=position.position_side,
        cycle=position.cycle,
        side=position.side.value,
        state="open" if closed is None else "closed",
        leverage=position.leverage,
        entry_price=plain_or_none(position.entry_price),
        quantity=plain_or_none(position.quantity),
        opened_at=position.opened.at,
        closed_at=None if closed is None else closed.stamp.occurred_at,
        reason=None if closed is None else closed.reason,
        pnl_percent=None if result is None else plain(result.pnl_percent),
        decision=None if found.decision is None else latest_decision(found.decision, register),
    )


def positions_table(report: PositionsReport, title: str) -> ShownTable:
    """Return the positions as a table."""
    table = ShownTable(title)
    table.text("Plan")
    table.prose("Account", drop=1)
    table.text("Symbol", "Side")
    table.number("Leverage", drop=6)
    table.number("Entry")
    table.number("Quantity", drop=4)
    table.text("Opened (UTC)", drop=5)
    for level in LEVELS:
        table.number(level.upper(), drop=3 if level in ("tp2", "tp3") else 0)
    table.prose("Policy", drop=2)
    table.prose("State")
    for one in report.positions:
        latest = one.decision
        distances = [""] * len(LEVELS) if latest is None else [_distance(latest, level) for level in LEVELS]
        table.row(
            one.plan_id[:8],
            one.account,
            one.symbol,
            one.side,
            number(one.leverage),
            _shortened(one.entry_price),
            _shortened(one.quantity),
            f"{one.opened_at:%Y-%m-%d %H:%M:%S}",
            *distances,
            "" if latest is None else latest.policy,
            one.state if one.reason is None else printable(f"{one.state}: {one.reason}"),
        )
    return table


def _distance(latest: LatestDecision, level: str) -> str:
    raw: float = getattr(latest, level)
    return number(raw) if latest.unit is None else percent(latest.unit.to_fraction(raw))


def _shortened(amount: str | None) -> str:
    return "unknown" if amount is None else short(Decimal(amount))
