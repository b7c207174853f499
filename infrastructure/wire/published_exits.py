"""Payload of an exit that ended nothing: what it said, and the positions it found."""

from uuid import UUID

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.messages import receipt as receipts
from exitbrain.domain.messages.receipt import IgnoredExit, MessageReceived, Reason
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import Side, TimeOrigin, Whose, plain_or_none
from exitbrain.infrastructure.wire.published_payload import Moment, Payload


class CandidatePosition(Struct):
    """A position the exit could have meant; `ended_by` and `ended_at` are null while it is open."""

    position_id: UUID
    cycle: int
    side: Side
    entry_price: str | None
    quantity: str | None
    opened_at: Moment
    ended_by: str | None
    ended_at: Moment | None


class ExitIgnored(Payload, kw_only=True):
    """An exit that ended nothing: what it said, and the positions it found, null if none.

    `occurred_at` and `entry_id` belong to the message; `time_origin` is the source of its time. `kind` is
    CLOSE, REDUCE or FLAT for an intent (EXIT if refused unread), REPORT for a `trade.closed`, BOOK for an
    operator's `book close`. `side` is the side to end or reported as ended, null if not named; `symbol` is
    empty if unreadable. `open` is the position that was open, `last` the one that ended before it, and `rule`
    decided which of them was meant. `held_by` is another account that alone holds the symbol. `expected`
    means that no action is needed: a repeat, or the report of a position that had already ended.
    """

    occurred_at: Moment
    time_origin: TimeOrigin
    source: str
    entry_id: str
    receipt_id: UUID
    reason: Reason
    expected: bool
    account: str
    symbol: str
    kind: str
    side: Side | None
    order_id: str
    price: str | None
    rule: Whose | None
    held_by: str | None
    open: CandidatePosition | None
    last: CandidatePosition | None


def exit_ignored(
    entry: LogEntry, receipt: MessageReceived, reason: Reason, ignored: IgnoredExit, store: StoreIdentity
) -> ExitIgnored:
    """Return the payload of an exit that ended nothing, from its receipt in that log entry."""
    return ExitIgnored(
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


def _cycle(met: receipts.Cycle | None) -> CandidatePosition | None:
    if met is None:
        return None
    return CandidatePosition(
        position_id=met.position_id,
        cycle=met.cycle,
        side=met.side,
        entry_price=plain_or_none(met.entry_price),
        quantity=plain_or_none(met.quantity),
        opened_at=met.opened_at,
        ended_by=met.ended_by,
        ended_at=met.ended_at,
    )
