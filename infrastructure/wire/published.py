"""What leaves: the events of the log in the published language, which the events themselves are not.

Everything is taken from the record, so the same log gives the same entries whenever and by whomever they are made.
The results of live messages are published; those of imported messages are not, and of ignored messages only the exits.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec

from exitbrain.application.intake_replay import message_of
from exitbrain.application.ports.dead_letters import RETRY_OF
from exitbrain.application.ports.exit_ledger import LogEntry, UnreadableEvent
from exitbrain.application.ports.publisher import Outgoing, PublishedLanguage
from exitbrain.application.ports.translator import Translator
from exitbrain.domain.exit_plan import ExitPlanCancelled, ExitPlanCompleted, LevelsComputed, LevelsRefused
from exitbrain.domain.identity import plan_id
from exitbrain.domain.messages import TRADE_CLOSED, TRADE_INTENT, BookClose, TradeClosed, TradeIntent
from exitbrain.domain.policy_register import SHIPPED_BY, PolicyActivated, PolicyRegister
from exitbrain.domain.position import PositionClosed
from exitbrain.domain.receipt import Disposition, MessageReceived, RawFields, Reason
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import Origin, Unit, plain, plain_or_none
from exitbrain.infrastructure.redis.streams import Names
from exitbrain.infrastructure.wire import published_decisions
from exitbrain.infrastructure.wire import published_shapes as shapes
from exitbrain.infrastructure.wire.envelope import opened
from exitbrain.infrastructure.wire.placeholders import is_placeholder
from exitbrain.infrastructure.wire.published_exits import exit_ignored
from exitbrain.infrastructure.wire.scalars import has_surrogate

SOURCE = "exitbrain"

_Said = tuple[str, str, msgspec.Struct]
"""The stream, the event type, and the payload."""


class PolicyUnits:
    """Know the unit of each policy; a registered one never changes, so the register is read for a new name only."""

    def __init__(self, register: Callable[[], PolicyRegister]) -> None:
        self._register = register
        self._units: dict[str, Unit] = {}

    def __call__(self, policy: str) -> Unit:
        if policy not in self._units:
            self._units[policy] = self._register().named(policy).policy.unit
        return self._units[policy]


class Published(PublishedLanguage):
    """Translate entries of the log.

    `store` is whose log it is, and the epoch in which it is published: that of the present, also for older entries.
    `unit_of` tells the unit of a policy, `translator` what a message says: the end of a plan is published with the
    account and symbol of the message that ended it. `names` are those of the streams that are written.
    """

    def __init__(
        self,
        store: StoreIdentity,
        unit_of: Callable[[str], Unit],
        translator: Translator,
        names: Names = Names(),
    ) -> None:
        self._store = store
        self._unit_of = unit_of
        self._translator = translator
        self._names = names
        self._levels, self._events = names.adaptive_levels, names.events
        self._dead_letters = {
            source: names.dead_letters_of(source) for source in (TRADE_INTENT, TRADE_CLOSED)
        }
        # What belongs together comes one after the other in the log.
        self._closed_last: tuple[UUID, PositionClosed] | None = None
        self._ids_last: tuple[MessageReceived | None, tuple[str, str]] = None, ("", "")

    @property
    def streams(self) -> tuple[str, ...]:
        return self._names.published

    @property
    def topics(self) -> tuple[str, ...]:
        return (
            LevelsComputed.TOPIC,
            LevelsRefused.TOPIC,
            ExitPlanCancelled.TOPIC,
            ExitPlanCompleted.TOPIC,
            PositionClosed.TOPIC,
            PolicyActivated.TOPIC,
            MessageReceived.TOPIC,
        )

    def entries(self, entry: LogEntry, receipt: MessageReceived | None) -> list[Outgoing]:
        event = entry.event
        if isinstance(event, PolicyActivated):
            return _policy_activated(entry, event, self._store, self._names.events)
        if isinstance(event, MessageReceived):
            receipt = event
        if receipt is None or receipt.origin is not Origin.LIVE:
            return []
        match event:
            case LevelsComputed() | LevelsRefused():
                return self._decision(entry, event, receipt)
            case PositionClosed():
                self._closed_last = entry.stream_id, event
                closed = _closed(entry, event, self._store)
                return self._about(entry, receipt, (self._events, "position_closed", closed))
            case ExitPlanCancelled():
                said = self._ended(entry, event, receipt)
                return self._about(entry, receipt, (self._events, "plan_cancelled", said))
            case ExitPlanCompleted():
                said = self._ended(entry, event, receipt)
                return self._about(entry, receipt, (self._events, "plan_completed", said))
            case MessageReceived() if event.reason is not None:  # it was refused or ignored
                return self._not_accepted(entry, event, event.reason)
        return []

    def _not_accepted(self, entry: LogEntry, receipt: MessageReceived, reason: Reason) -> list[Outgoing]:
        """Return the dead letter of a message that was refused, and what an exit that ended nothing met."""
        letter, ignored = (
            _dead_letter(entry, receipt, self._store, self._dead_letters.get(receipt.source)),
            receipt.ignored_exit,
        )
        said = [] if letter is None else [letter]
        if ignored is not None:
            said.append(
                (self._events, "exit_ignored", exit_ignored(entry, receipt, reason, ignored, self._store))
            )
        return self._about(entry, receipt, *said) if said else []

    def _about(self, entry: LogEntry, receipt: MessageReceived, *said: _Said) -> list[Outgoing]:
        """Return entries that carry the ids of the message that led to them."""
        if self._ids_last[0] is not receipt:
            self._ids_last = receipt, _ids(receipt.fields)
        return _outgoing(entry, receipt.recorded_at, self._ids_last[1], *said)

    def _decision(
        self, entry: LogEntry, event: LevelsComputed | LevelsRefused, receipt: MessageReceived
    ) -> list[Outgoing]:
        facts = published_decisions.facts_of(event, entry, self._store, self._unit_of(event.policy.name))
        if isinstance(event, LevelsRefused):
            refused = published_decisions.refused(event, facts)
            return self._about(entry, receipt, (self._events, "levels_refused", refused))
        levels, short = published_decisions.computed(event, facts)
        return self._about(
            entry,
            receipt,
            (self._levels, shapes.ADAPTIVE_LEVELS, levels),
            (self._events, "levels_computed", short),
        )

    def _ended(
        self, entry: LogEntry, event: ExitPlanCancelled | ExitPlanCompleted, receipt: MessageReceived
    ) -> shapes.PlanEnded:
        position_id = next(one for one in receipt.touched if plan_id(one) == entry.stream_id)
        account, symbol = self._subject_of(position_id, receipt, entry)
        return shapes.PlanEnded(
            store_id=self._store.store_id,
            epoch=self._store.epoch,
            log_position=entry.position,
            recorded_at=event.stamp.recorded_at,
            occurred_at=event.stamp.occurred_at,
            account=account,
            symbol=symbol,
            position_id=position_id,
            plan_id=entry.stream_id,
            reason=event.reason,
        )

    def _subject_of(self, position_id: UUID, receipt: MessageReceived, entry: LogEntry) -> tuple[str, str]:
        """Return account and symbol of a position that ended: the event before says it, else its message."""
        if self._closed_last is not None and self._closed_last[0] == position_id:
            closed = self._closed_last[1]
            return closed.account, closed.symbol
        translation = self._translator.translate(message_of(receipt))
        if not isinstance(translation, TradeIntent | TradeClosed | BookClose):
            raise UnreadableEvent(
                entry.position, entry.event.TOPIC, "its message can no longer be translated"
            )
        return receipt.account, translation.symbol


def _policy_activated(
    entry: LogEntry, event: PolicyActivated, store: StoreIdentity, stream: str
) -> list[Outgoing]:
    """Return the entry of an activation; the one that begins a store changes nothing for anybody."""
    if event.receipt_id is None and event.by == SHIPPED_BY:
        return []
    said = shapes.PolicyActivated(
        store_id=store.store_id,
        epoch=store.epoch,
        log_position=entry.position,
        recorded_at=event.recorded_at,
        policy=event.name,
        scope=event.scope,
        by=event.by,
    )
    return _outgoing(entry, event.recorded_at, ("", ""), (stream, "policy_activated", said))


def _closed(entry: LogEntry, event: PositionClosed, store: StoreIdentity) -> shapes.PositionClosed:
    return shapes.PositionClosed(
        store_id=store.store_id,
        epoch=store.epoch,
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


def _dead_letter(
    entry: LogEntry, receipt: MessageReceived, store: StoreIdentity, stream: str | None
) -> _Said | None:
    if receipt.disposition is not Disposition.REFUSED or receipt.refusal is None or stream is None:
        return None
    refusal, fields = receipt.refusal, receipt.fields
    said = shapes.MessageRefused(
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
        refusal=shapes.RefusedValue(refusal.field, refusal.value, refusal.allowed),
        fields=fields.values,
        encoded=fields.encoded,
        length=fields.length,
        retry_of=fields.values.get(RETRY_OF),
    )
    return stream, "message_refused", said


def _outgoing(entry: LogEntry, recorded_at: datetime, ids: tuple[str, str], *said: _Said) -> list[Outgoing]:
    trace_id, correlation_id = ids
    timestamp = recorded_at.isoformat()
    return [
        Outgoing(
            stream,
            {
                "event_type": event_type,
                "payload": _encode(payload).decode(),
                "trace_id": trace_id,
                "timestamp": timestamp,
                "source": SOURCE,
                "correlation_id": correlation_id,
            },
            entry.position,
        )
        for stream, event_type, payload in said
    ]


_encode = msgspec.json.Encoder().encode


class _Ids(msgspec.Struct):
    trace_id: str | None = None
    correlation_id: str | None = None


_ids_in = msgspec.json.Decoder(_Ids).decode
_ID_NAMES = frozenset(_Ids.__struct_fields__)


def _ids(fields: RawFields) -> tuple[str, str]:
    """Return trace and correlation id of a message: those of its payload, else those around it, else empty text."""
    try:
        inside = _ids_in(fields.values["payload"])
    except (KeyError, ValueError, RecursionError):  # the other shapes, whatever comes in them
        said = opened(fields, _ID_NAMES).said
        return _id(said.get("trace_id")), _id(said.get("correlation_id"))
    around = fields.values if not fields.encoded else {}
    return (
        _id(inside.trace_id) or _id(around.get("trace_id")),
        _id(inside.correlation_id) or _id(around.get("correlation_id")),
    )


def _id(value: object) -> str:
    if not isinstance(value, str) or is_placeholder(value) or has_surrogate(value):
        return ""
    return value
