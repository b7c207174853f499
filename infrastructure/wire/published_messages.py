"""Payloads of a message that was not accepted: its refusal, or the exit that ended nothing."""

from uuid import UUID

from msgspec import Struct

from exitbrain.application.ports.dead_letters import RETRY_OF
from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.messages.receipt import Disposition, MessageReceived, Reason
from exitbrain.domain.store import StoreIdentity
from exitbrain.infrastructure.wire.published_exits import ExitIgnored, exit_ignored
from exitbrain.infrastructure.wire.published_payload import (
    Destination,
    EventPayloads,
    Moment,
    Payload,
    PublishedStore,
)


class RefusedValue(Struct):
    """The unusable field, the given value, and what is allowed."""

    field: str
    value: str
    allowed: str


class MessageRefused(Payload, kw_only=True):
    """A message that cannot be used, with its original fields.

    `encoded` names the fields whose text is `base64` or `json`. `length` is the full size in bytes if only
    the first part of the fields was kept. `retry_of` is the entry id of the message that this one retried.
    """

    GOES_TO = Destination.DEAD_LETTERS

    occurred_at: Moment
    source: str
    stream: str
    entry_id: str
    receipt_id: UUID
    reason: Reason
    refusal: RefusedValue
    fields: dict[str, str]
    encoded: dict[str, str]
    length: int | None
    retry_of: str | None


def _not_accepted(
    receipt: MessageReceived, entry: LogEntry, _: MessageReceived, store: PublishedStore
) -> tuple[MessageRefused | None, ExitIgnored | None]:
    reason, ignored = receipt.reason, receipt.ignored_exit
    if reason is None:
        return None, None
    said = None if ignored is None else exit_ignored(entry, receipt, reason, ignored, store.identity)
    return _refused(receipt, entry, store.identity), said


def _refused(receipt: MessageReceived, entry: LogEntry, store: StoreIdentity) -> MessageRefused | None:
    if receipt.disposition is not Disposition.REFUSED or receipt.refusal is None:
        return None
    refusal, fields = receipt.refusal, receipt.fields
    return MessageRefused(
        store_id=store.store_id,
        epoch=store.epoch,
        log_position=entry.position,
        recorded_at=receipt.recorded_at,
        occurred_at=receipt.occurred_at,
        source=receipt.source,
        stream=receipt.stream,
        entry_id=receipt.entry_id,
        receipt_id=entry.stream_id,
        reason=refusal.reason,
        refusal=RefusedValue(refusal.field, refusal.value, refusal.allowed),
        fields=fields.values,
        encoded=fields.encoded,
        length=fields.length,
        retry_of=fields.values.get(RETRY_OF),
    )


PAYLOADS: dict[type[ExitEvent], EventPayloads] = {
    MessageReceived: EventPayloads((MessageRefused, ExitIgnored), _not_accepted),
}
