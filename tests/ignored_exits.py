"""Exits that ended nothing, made by hand: what their receipts and outcomes hold."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from exitbrain.domain.events import Record
from exitbrain.domain.identity import position_id, receipt_id
from exitbrain.domain.messages.receipt import (
    Cycle,
    Disposition,
    IgnoredExit,
    MessageReceived,
    RawFields,
    Reason,
    Refusal,
)
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import Origin, Side, TimeOrigin, Whose, changed
from tests.world import NOON, NOON_MS, World

ENTRY_ID = f"{NOON_MS - 1000}-0"
RECEIPT_ID = receipt_id("trade.closed", ENTRY_ID, NOON_MS - 1000)

LAST = Cycle(
    position_id("default", "BTCUSDT", "BOTH", 1),
    1,
    Side.LONG,
    Decimal("90000"),
    Decimal("0.05"),
    NOON - timedelta(minutes=10),
    "FLIPPED",
    NOON - timedelta(seconds=5),
)
OPEN = Cycle(
    position_id("default", "BTCUSDT", "BOTH", 2),
    2,
    Side.SHORT,
    Decimal("90100.50"),
    None,
    NOON - timedelta(seconds=5),
    None,
    None,
)
REPORT = IgnoredExit(
    "default", "BTCUSDT", "REPORT", Side.LONG, "7001", Decimal("90100"), OPEN, LAST, Whose.PAYLOAD_TIME,
    None, False,
)  # fmt: skip
"""A report that was given to the position before, while another is open: somebody should look."""

REFUSAL = Refusal(Reason.BAD_VALUE, "reduce_only", "maybe", "true or false")


def ignored_exit(**changes: Any) -> IgnoredExit:
    """Return REPORT with changes."""
    return changed(REPORT, **changes)


def receipt(
    ignored: IgnoredExit = REPORT,
    reason: Reason = Reason.EARLIER_CYCLE,
    *,
    refusal: Refusal | None = None,
    origin: Origin = Origin.LIVE,
) -> MessageReceived:
    """Return the receipt of a `trade.closed` that ended nothing."""
    return MessageReceived(
        source="trade.closed",
        stream="quantum:stream:trade.closed",
        entry_id=ENTRY_ID,
        fields=RawFields({"symbol": "BTCUSDT", "side": "LONG", "trace_id": "t-1"}, {}),
        origin=origin,
        disposition=Disposition.IGNORED if refusal is None else Disposition.REFUSED,
        reason=reason,
        refusal=refusal,
        broken=False,
        account="default",
        occurred_at=NOON - timedelta(minutes=1),
        time_origin=TimeOrigin.PAYLOAD,
        recorded_at=NOON,
        in_future=False,
        assumptions=(),
        touched=(),
        configured=1,
        snapshot=None,
        server=None,
        ignored_exit=ignored,
        failed_asking=None,
    )


def ignored_outcome(
    ignored: IgnoredExit = REPORT,
    reason: Reason = Reason.EARLIER_CYCLE,
    *,
    refusal: Refusal | None = None,
    duplicate: bool = False,
) -> MessageResult:
    """Return the outcome of such a message, or of its redelivery."""
    received = receipt(ignored, reason, refusal=refusal)
    return MessageResult(
        RECEIPT_ID,
        ENTRY_ID,
        received.disposition,
        reason,
        refusal,
        (),
        duplicate=duplicate,
        ignored_exit=ignored,
        source=received.source,
        occurred_at=received.occurred_at,
    )


def save(world: World, received: MessageReceived) -> UUID:
    """Put a receipt into the log of a world."""
    world.ledger.save([Record(RECEIPT_ID, 1, received)])
    return RECEIPT_ID
