"""What is published of an exit that ended nothing: what it said, and the positions it met."""

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.receipt import Cycle, IgnoredExit, MessageReceived, Reason
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import plain_or_none
from exitbrain.infrastructure.wire import published_shapes as shapes


def exit_ignored(
    entry: LogEntry, receipt: MessageReceived, reason: Reason, ignored: IgnoredExit, store: StoreIdentity
) -> shapes.ExitIgnored:
    """Return the payload of an exit that ended nothing, from its receipt at that entry of the log."""
    return shapes.ExitIgnored(
        store_id=store.store_id,
        epoch=store.epoch,
        log_position=entry.position,
        recorded_at=receipt.recorded_at,
        occurred_at=receipt.occurred_at,
        time_origin=receipt.time_origin,
        source=receipt.source,
        entry_id=receipt.entry_id,
        receipt_id=entry.stream_id,
        reason=reason,
        expected=ignored.expected,
        account=ignored.account,
        symbol=ignored.symbol,
        kind=ignored.kind,
        side=ignored.side,
        order_id=ignored.order_id,
        price=plain_or_none(ignored.price),
        rule=ignored.rule,
        held_by=ignored.held_by,
        open=_cycle(ignored.open),
        last=_cycle(ignored.last),
    )


def _cycle(met: Cycle | None) -> shapes.CandidatePosition | None:
    if met is None:
        return None
    return shapes.CandidatePosition(
        position_id=met.position_id,
        cycle=met.cycle,
        side=met.side,
        entry_price=plain_or_none(met.entry_price),
        quantity=plain_or_none(met.quantity),
        opened_at=met.opened_at,
        ended_by=met.ended_by,
        ended_at=met.ended_at,
    )
