"""Translate events of the log into the published language.

Everything comes from the record, so the same log always gives the same entries. Only results of live messages
are published, not of imported ones; of ignored messages, only exits.
"""

from collections.abc import Callable
from uuid import UUID

import msgspec

from exitbrain.application.ports.exit_ledger import LogEntry, UnreadableEvent
from exitbrain.application.ports.publisher import Outgoing, PublishedLanguage
from exitbrain.application.ports.translator import Translator
from exitbrain.application.recording.received import message_of
from exitbrain.domain.catalogue import PUBLISHED_TOPICS
from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT, BookClose, TradeClosed, TradeIntent
from exitbrain.domain.messages.receipt import MessageReceived, RawFields
from exitbrain.domain.policies.register import PolicyActivated, PolicyRegister
from exitbrain.domain.positions.events import PositionClosed
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import Origin, Unit
from exitbrain.infrastructure.wire.envelope import opened
from exitbrain.infrastructure.wire.placeholders import is_placeholder
from exitbrain.infrastructure.wire.published_messages import MessageRefused
from exitbrain.infrastructure.wire.published_payload import Destination, Payload, PublishedStore
from exitbrain.infrastructure.wire.published_shapes import PAYLOADS
from exitbrain.infrastructure.wire.scalars import has_surrogate
from exitbrain.infrastructure.wire.stream_names import Names

SOURCE = "exitbrain"


class PolicyUnits:
    """Look up the unit of a policy. Units never change, so the register is read only for a new name."""

    def __init__(self, register: Callable[[], PolicyRegister]) -> None:
        self._register = register
        self._units: dict[str, Unit] = {}

    def __call__(self, policy: str) -> Unit:
        if policy not in self._units:
            self._units[policy] = self._register().named(policy).policy.unit
        return self._units[policy]


class Published(PublishedLanguage):
    """Translate log entries for publication.

    `store` owns the log and gives the current epoch, also for older entries. `unit_of` returns the unit of a
    policy. `translator` reads messages: the end of a plan is published with the account and symbol of the
    message that ended it. `names` are the names of the streams written.
    """

    def __init__(
        self,
        store: StoreIdentity,
        unit_of: Callable[[str], Unit],
        translator: Translator,
        names: Names = Names(),
    ) -> None:
        self._store = PublishedStore(store, unit_of, self._subject_of)
        self._translator = translator
        self._names = names
        self._streams = {
            Destination.ADAPTIVE_LEVELS: names.adaptive_levels,
            Destination.EVENTS: names.events,
        }
        self._dead_letters = {
            source: names.dead_letters_of(source) for source in (TRADE_INTENT, TRADE_CLOSED)
        }
        # Related events are adjacent in the log.
        self._closed_last: tuple[UUID, PositionClosed] | None = None
        self._ids_last: tuple[MessageReceived | None, tuple[str, str]] = None, ("", "")

    @property
    def streams(self) -> tuple[str, ...]:
        return self._names.published

    @property
    def topics(self) -> tuple[str, ...]:
        return PUBLISHED_TOPICS

    def entries(self, entry: LogEntry, receipt: MessageReceived | None) -> list[Outgoing]:
        event = entry.event
        if isinstance(event, MessageReceived):
            receipt = event
        if isinstance(event, PolicyActivated):
            receipt = None  # it is published whatever asked for it, without the ids of a message
        elif receipt is None or receipt.origin is not Origin.LIVE:
            return []
        payloads = PAYLOADS.get(type(event))
        if payloads is None:
            return []
        if isinstance(event, PositionClosed):
            self._closed_last = entry.stream_id, event
        made = payloads.make(event, entry, receipt, self._store)
        told = [
            (event_type, payload)
            for event_type, payload in zip(event.PUBLISHED_AS, made, strict=True)
            if payload is not None
        ]
        return self._outgoing(entry, receipt, told) if told else []

    def _stream_of(self, payload: Payload) -> str | None:
        if isinstance(payload, MessageRefused):
            return self._dead_letters.get(payload.source)
        return self._streams[payload.GOES_TO]

    def _outgoing(
        self, entry: LogEntry, receipt: MessageReceived | None, told: list[tuple[str, Payload]]
    ) -> list[Outgoing]:
        """Return entries with the ids of the message that caused them."""
        if self._ids_last[0] is not receipt:
            self._ids_last = receipt, ("", "") if receipt is None else _ids(receipt.fields)
        trace_id, correlation_id = self._ids_last[1]
        timestamp = (told[0][1] if receipt is None else receipt).recorded_at.isoformat()
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
            for event_type, payload in told
            if (stream := self._stream_of(payload)) is not None
        ]

    def _subject_of(self, position_id: UUID, receipt: MessageReceived, entry: LogEntry) -> tuple[str, str]:
        """Return account and symbol of an ended position, from the event before, else from its message."""
        if self._closed_last is not None and self._closed_last[0] == position_id:
            closed = self._closed_last[1]
            return closed.account, closed.symbol
        translation = self._translator.translate(message_of(receipt))
        if not isinstance(translation, TradeIntent | TradeClosed | BookClose):
            raise UnreadableEvent(
                entry.position, entry.event.TOPIC, "its message can no longer be translated"
            )
        return receipt.account, translation.symbol


_encode = msgspec.json.Encoder().encode


class _Ids(msgspec.Struct):
    trace_id: str | None = None
    correlation_id: str | None = None


_ids_in = msgspec.json.Decoder(_Ids).decode
_ID_NAMES = frozenset(_Ids.__struct_fields__)


def _ids(fields: RawFields) -> tuple[str, str]:
    """Return trace and correlation id of a message from its payload, else from around it, else empty text."""
    try:
        inside = _ids_in(fields.values["payload"])
    except (KeyError, ValueError, RecursionError):  # any other shape
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
