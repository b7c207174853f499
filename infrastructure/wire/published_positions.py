"""Payloads of the end of a position and of its plan."""

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.identity import plan_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import ExitPlanCancelled, ExitPlanCompleted
from exitbrain.domain.positions import events as position_events
from exitbrain.domain.values import Assumption, Side, plain, plain_or_none
from exitbrain.infrastructure.wire.published_payload import EventPayloads, PayloadOfPosition, PublishedStore


class PlanEnded(PayloadOfPosition, kw_only=True):
    """An exit plan ended: completed by a close in the market, or cancelled by an intent that ended its position."""

    reason: str


class PositionClosed(PayloadOfPosition, kw_only=True):
    """A round trip ended. Prices and amounts are decimal text, `pnl_percent` a price return, null if unknown.

    `pnl_computed` is true if the result was computed from prices, not reported.
    """

    side: Side
    leverage: float
    reason: str
    entry_price: str | None
    exit_price: str | None
    pnl_percent: str | None
    pnl_computed: bool
    pnl_usd: str | None
    order_id: str
    assumptions: tuple[Assumption, ...]


def _ended(
    event: ExitPlanCancelled | ExitPlanCompleted,
    entry: LogEntry,
    receipt: MessageReceived,
    store: PublishedStore,
) -> tuple[PlanEnded]:
    position_id = next(one for one in receipt.touched if plan_id(one) == entry.stream_id)
    account, symbol = store.subject_of(position_id, receipt, entry)
    said = PlanEnded(
        store_id=store.identity.store_id,
        epoch=store.identity.epoch,
        log_position=entry.position,
        recorded_at=event.stamp.recorded_at,
        occurred_at=event.stamp.occurred_at,
        account=account,
        symbol=symbol,
        position_id=position_id,
        plan_id=entry.stream_id,
        reason=event.reason,
    )
    return (said,)


def _closed(
    event: position_events.PositionClosed, entry: LogEntry, _: MessageReceived, store: PublishedStore
) -> tuple[PositionClosed]:
    said = PositionClosed(
        store_id=store.identity.store_id,
        epoch=store.identity.epoch,
        log_position=entry.position,
        recorded_at=event.stamp.recorded_at,
        occurred_at=event.stamp.occurred_at,
        account=event.account,
        symbol=event.symbol,
        position_id=entry.stream_id,
        plan_id=plan_id(entry.stream_id),
        side=event.side,
        leverage=event.leverage,
        reason=event.reason,
        entry_price=plain_or_none(event.entry_price),
        exit_price=plain_or_none(event.exit_price),
        pnl_percent=None if event.result is None else plain(event.result.pnl_percent),
        pnl_computed=event.result is not None and event.result.computed,
        pnl_usd=plain_or_none(event.pnl_usd),
        order_id=event.order_id,
        assumptions=event.assumptions,
    )
    return (said,)


PAYLOADS: dict[type[ExitEvent], EventPayloads] = {
    ExitPlanCancelled: EventPayloads((PlanEnded,), _ended),
    ExitPlanCompleted: EventPayloads((PlanEnded,), _ended),
    position_events.PositionClosed: EventPayloads((PositionClosed,), _closed),
}
