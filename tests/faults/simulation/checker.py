"""The checker: reads the log and the streams that a run left, and names every promise that was broken."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from uuid import UUID

from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.received import message_of
from exitbrain.application.replay.context import ContextAudit
from exitbrain.application.replay.decisions import DecisionReplay
from exitbrain.application.replay.intake import IntakeReplay
from exitbrain.domain.messages.configuration import DecisionSettings, IntakeConfigured
from exitbrain.domain.messages.message import POLICY_ACTIVATE, IntentKind, TradeClosed, TradeIntent
from exitbrain.domain.messages.receipt import Disposition, MessageReceived, Reason
from exitbrain.domain.plans.exit_plan import LevelsComputed, LevelsRefused
from exitbrain.domain.positions.events import CloseReported, PositionClosed, PositionOpened, PositionReduced
from exitbrain.domain.values import EntryId, Origin, Whose
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.faults.simulation.expected import Expected
from tests.faults.simulation.faults import BY_STRANGERS, Kind
from tests.faults.simulation.ports import GROUPS
from tests.faults.simulation.schedule import Evidence
from tests.faults.simulation.streams import Fields

LEVELS_STREAM = "quantum:stream:exitbrain.adaptive_levels"
DEAD_LETTER_STREAMS = {
    "trade.intent": "quantum:dlq:trade.intent",
    "trade.closed": "quantum:dlq:trade.closed",
}

REAL_ORDER_IDS = ("o", "900000")
"""How those order ids of a run begin that are neither placeholders nor counters."""

AHEAD_S = DecisionSettings().max_clock_ahead_s

STRANGE = {"turn_without_expiry", "position_lost", "position_set_back", "entries_skipped"}
"""What is told of strangers."""

FORGETTING = (Kind.FAIL_OVER, Kind.FLUSH)
"""What a server does that looks like them."""

DISTURBING = {
    Kind.FAIL_OVER,
    Kind.FLUSH,
    Kind.GROUP_LOST,
    Kind.TRIM,
    Kind.REORDER,
    Kind.CONFUSED,
    Kind.TWIN,
    Kind.CONFLICT,
}
"""Faults after which the entries of a stream need not be received in their order."""

Content = tuple[tuple[str, str], ...]
MessageKey = tuple[str, str, Content]
"""Stream, entry id and content: what makes a message itself."""


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise in words; none when the run kept them all."""
    return [*evidence.complaints, *_Check(evidence).all()]


class _Check:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._server = evidence.server
        self._ledger = StoredLedger(evidence.store, "the store")
        self._translator = WireTranslator()
        self._log = list(self._ledger.log())
        self._receipts = {e.stream_id: e.event for e in self._log if isinstance(e.event, MessageReceived)}
        self._positions = {e.stream_id: e.position for e in self._log if e.stream_id in self._receipts}

    def all(self) -> Iterator[str]:
        yield from self._each_message_has_one_receipt()
        yield from self._each_opening_has_one_decision()
        yield from self._undecidable_is_what_confuses()
        yield from self._business_keys_are_used_once()
        yield from self._no_exit_is_ignored_silently()
        yield from self._a_round_trip_has_one_result()
        yield from self._older_never_follows_newer()
        yield from self._nothing_far_ahead_mutes_what_follows()
        yield from self._streams_are_received_in_order()
        yield from self._one_position_is_open_at_most()
        yield from self._streams_hold_what_the_log_says()
        yield from self._decisions_are_published_once_and_in_order()
        yield from self._dead_letters_are_those_refused()
        yield from self._replays_are_exact()
        yield from self._what_strangers_did_is_told()

    def _each_message_has_one_receipt(self) -> Iterator[str]:
        received: Counter[MessageKey] = Counter()
        trimmed: Counter[tuple[str, str]] = Counter()
        for receipt in self._receipts.values():
            if receipt.origin is Origin.LIVE and receipt.source != POLICY_ACTIVATE:
                if receipt.reason is Reason.TRIMMED:
                    trimmed[receipt.stream, receipt.entry_id] += 1
                else:
                    entry_id = receipt.entry_id.partition("#")[0]
                    received[receipt.stream, entry_id, _content(receipt.fields.values)] += 1
        produced = {
            (one.stream, f"{one.key[0]}-{one.key[1]}", _content(one.fields))
            for one in self._evidence.produced
        }
        for key in sorted(produced):
            if received[key] > 1:
                yield f"{received[key]} receipts for {key[:2]}"
        for key in sorted(received.keys() - produced):
            yield f"a receipt for a message nobody sent: {key[:2]}"
        for key in sorted(self._must_have_receipts()):
            if not received[key] and not trimmed[key[:2]]:
                yield f"no receipt for {key[:2]}"
        contents = Counter(key[:2] for key in produced)
        for key in received:
            trimmed[key[:2]] += received[key]
        for place, count in sorted(trimmed.items()):
            if count > contents[place]:
                yield f"{count} receipts for {place}, a trimmed one among them"

    def _must_have_receipts(self) -> set[MessageKey]:
        """Return the messages still in their streams, and those that were acknowledged."""
        kept = {
            (stream, f"{key[0]}-{key[1]}", _content(fields))
            for stream in GROUPS
            if stream in self._server.streams
            for key, fields in self._server.streams[stream].entries.items()
        }
        acknowledged = {
            (stream, f"{key[0]}-{key[1]}", _content(fields))
            for stream, key, fields in self._server.acknowledged
            if fields is not None
        }
        return kept | acknowledged

    def _each_opening_has_one_decision(self) -> Iterator[str]:
        decisions = Counter(
            cause
            for entry in self._log
            if isinstance(entry.event, LevelsComputed | LevelsRefused)
            for cause in entry.event.causes
        )
        for receipt_id, receipt in self._receipts.items():
            translation = self._translator.translate(message_of(receipt))
            opens = isinstance(translation, TradeIntent) and translation.kind is IntentKind.OPEN
            wanted = int(opens and receipt.disposition is Disposition.ACCEPTED)
            if decisions[receipt_id] != wanted:
                yield f"{decisions[receipt_id]} decisions for {receipt.entry_id}, expected {wanted}"

    def _undecidable_is_what_confuses(self) -> Iterator[str]:
        if not self._evidence.faults.counts[Kind.CONFUSED]:
            for receipt in self._receipts.values():
                if receipt.reason is Reason.UNDECIDABLE:
                    yield f"{receipt.entry_id} was given up though nothing about it is confusing"

    def _business_keys_are_used_once(self) -> Iterator[str]:
        used: set[tuple[str, ...]] = set()
        settings = {e.version: e.event.settings for e in self._log if isinstance(e.event, IntakeConfigured)}
        for receipt_id, receipt in self._receipts.items():
            translation = self._translator.translate(message_of(receipt))
            if receipt.disposition is not Disposition.ACCEPTED:
                continue
            keys: list[tuple[str, ...]] = []
            if isinstance(translation, TradeClosed) and not self._reduced_by(receipt_id):
                order_id = receipt.fields.values.get("order_id", "")
                if order_id.startswith(REAL_ORDER_IDS) and not translation.paper:
                    keys.append(("order_id", receipt.account, translation.symbol, order_id))
            field = settings[receipt.configured].dedupe_by
            if isinstance(translation, TradeClosed | TradeIntent) and field:
                exits = "exit" if isinstance(translation, TradeClosed) or translation.is_exit else "entry"
                own_id = translation.ids.get(field)
                if own_id:
                    keys.append((field, receipt.account, translation.symbol, receipt.source, exits, own_id))
            for key in keys:
                if key in used:
                    yield f"{key} counted twice"
                used.add(key)

    def _reduced_by(self, receipt_id: UUID) -> bool:
        """Return whether a message reduced a position, which uses up no order id."""
        return any(
            isinstance(entry.event, PositionReduced) and entry.event.stamp.cause_id == receipt_id
            for entry in self._log
        )

    def _no_exit_is_ignored_silently(self) -> Iterator[str]:
        for receipt in self._receipts.values():
            reported = receipt.source == "trade.closed" and receipt.disposition is not Disposition.ACCEPTED
            if reported and receipt.ignored_exit is None:
                yield f"{receipt.entry_id} ended nothing, and nothing tells of it"
            told = receipt.ignored_exit
            if told and told.open and told.side is None and receipt.reason is Reason.NO_OPEN_POSITION:
                yield f"{receipt.entry_id} found no open position beside cycle {told.open.cycle}"

    def _a_round_trip_has_one_result(self) -> Iterator[str]:
        results = Counter(
            entry.stream_id
            for entry in self._log
            if isinstance(entry.event, PositionClosed | CloseReported) and entry.event.result is not None
        )
        yield from (f"position {one} has {count} results" for one, count in results.items() if count > 1)

    def _older_never_follows_newer(self) -> Iterator[str]:
        newest: dict[tuple[str, str], EntryId] = {}
        for receipt in self._receipts.values():
            message = message_of(receipt)
            translation = self._translator.translate(message)
            accepted = receipt.disposition is Disposition.ACCEPTED
            if not self._is_believed(message.stream_id, receipt) or not accepted:
                continue
            if message.stream_id is None or not isinstance(translation, TradeIntent):
                continue
            key = (message.source, translation.symbol)
            if key in newest and message.stream_id < newest[key]:
                yield f"{key[1]}: {message.stream_id} took effect after the newer {newest[key]}"
            newest[key] = message.stream_id

    @staticmethod
    def _is_believed(entry_id: EntryId | None, receipt: MessageReceived) -> bool:
        return entry_id is not None and entry_id.ms <= 1000 * (receipt.recorded_at.timestamp() + AHEAD_S)

    def _nothing_far_ahead_mutes_what_follows(self) -> Iterator[str]:
        """Look for what was too old beside an id or a time that is not to be believed, or beside nothing at all."""
        newest: dict[tuple[str, str, str], EntryId] = {}
        opened = {e.stream_id: e.event for e in self._log if isinstance(e.event, PositionOpened)}
        for receipt in self._receipts.values():
            message = message_of(receipt)
            translation = self._translator.translate(message)
            if not isinstance(translation, TradeIntent | TradeClosed):
                continue
            key, entry_id = (receipt.account, translation.symbol, receipt.source), message.stream_id
            older = entry_id is not None and entry_id < newest.get(key, EntryId(0, 0))
            if receipt.reason is Reason.SUPERSEDED and not older:
                yield f"{receipt.entry_id} of {translation.symbol} was muted: nothing newer is believed"
            if entry_id is not None and self._is_believed(entry_id, receipt):
                newest[key] = max(entry_id, newest.get(key, entry_id))
            met = receipt.ignored_exit
            if receipt.reason is not Reason.EARLIER_CYCLE or met is None:
                continue
            if met.rule is Whose.STREAM_ORDER and met.open is not None:
                at = opened[met.open.position_id].stamp.entry_id
                if not self._is_believed(at, receipt):
                    yield f"{receipt.entry_id} of {translation.symbol} was muted by an opening at {at}"
            ends = [met.last.ended_at if met.last else None, met.open.opened_at if met.open else None]
            latest = receipt.recorded_at + timedelta(seconds=AHEAD_S)
            if met.rule is Whose.PAYLOAD_TIME and all(end is None or end > latest for end in ends):
                yield f"{receipt.entry_id} of {translation.symbol} was muted until {ends[0]}"

    def _streams_are_received_in_order(self) -> Iterator[str]:
        if any(self._evidence.faults.counts[kind] for kind in DISTURBING):
            return
        newest: dict[str, EntryId] = {}
        for receipt in self._receipts.values():
            message = message_of(receipt)
            if message.stream_id is None:
                continue
            if message.stream_id < newest.get(message.stream, message.stream_id):
                yield f"{message.stream_id} was received after the newer {newest[message.stream]}"
            newest[message.stream] = message.stream_id

    def _one_position_is_open_at_most(self) -> Iterator[str]:
        is_open: dict[tuple[str, str], UUID] = {}
        cycles: Counter[tuple[str, str]] = Counter()
        for entry in self._log:
            event = entry.event
            if isinstance(event, PositionOpened):
                key = (event.account, event.symbol)
                cycles[key] += 1
                if key in is_open:
                    yield f"{event.symbol}: two positions are open"
                if event.cycle != cycles[key]:
                    yield f"{event.symbol}: cycle {event.cycle} follows {cycles[key] - 1}"
                is_open[key] = entry.stream_id
            elif (
                isinstance(event, PositionClosed) and is_open.pop((event.account, event.symbol), None) is None
            ):
                yield f"{event.symbol}: closed while none was open"

    def _streams_hold_what_the_log_says(self) -> Iterator[str]:
        expected = Expected(self._ledger, self._evidence.language)
        for stream in self._evidence.language.streams:
            found = self._published(stream)
            wanted = expected.contents(stream, self._begun(stream))
            if found != wanted:
                yield f"{stream} holds {len(found)} entries that are not the {len(wanted)} of the log"

    def _decisions_are_published_once_and_in_order(self) -> Iterator[str]:
        begun = self._begun(LEVELS_STREAM)
        told = [json.loads(fields["payload"])["log_position"] for fields in self._published(LEVELS_STREAM)]
        if told != sorted(set(told)):
            yield f"decisions are published twice or out of order: {told}"
        live = {
            entry.position
            for entry in self._log
            if isinstance(entry.event, LevelsComputed) and entry.event.context.origin is Origin.LIVE
        }
        if missing := sorted(p for p in live - set(told) if p > begun):
            yield f"decisions are not published: {missing}"
        if foreign := sorted(set(told) - live):
            yield f"published, but no live decisions: {foreign}"

    def _dead_letters_are_those_refused(self) -> Iterator[str]:
        for source, stream in DEAD_LETTER_STREAMS.items():
            refused = [
                receipt_id
                for receipt_id, receipt in self._receipts.items()
                if receipt.disposition is Disposition.REFUSED
                and receipt.origin is Origin.LIVE
                and receipt.source == source
                and self._positions[receipt_id] > self._begun(stream)
            ]
            if (found := len(self._published(stream))) != len(refused):
                yield f"{stream} holds {found} dead letters for {len(refused)} refused messages"

    def _replays_are_exact(self) -> Iterator[str]:
        engine = BuiltInFormulas()
        for report in (
            DecisionReplay(
                Policies(self._ledger), Snapshots(self._ledger), DecodedDecisions(self._ledger), engine
            ).run(),
            IntakeReplay(self._ledger, Intake(engine, self._translator), MAPPER.to_stored_event).run(),
            ContextAudit(self._ledger, self._translator).run(),
        ):
            if not report.clean or report.exact != report.decisions:
                yield f"replay is not exact: {report.first_drift}"

    def _what_strangers_did_is_told(self) -> Iterator[str]:
        troubles, counts = self._evidence.troubles, self._evidence.faults.counts
        if troubles & STRANGE and not any(counts[kind] for kind in (*BY_STRANGERS, *FORGETTING)):
            yield f"told of strangers, and there were none: {sorted(troubles & STRANGE)}"

    def _published(self, stream: str) -> list[Fields]:
        return list(self._server.streams[stream].entries.values()) if stream in self._server.streams else []

    def _begun(self, stream: str) -> int:
        return self._server.published[stream].begun if stream in self._server.published else 0


def _content(fields: dict[str, str]) -> Content:
    return tuple(sorted(fields.items()))


def receipts_of(evidence: Evidence) -> Iterator[MessageReceived]:
    """Yield every receipt of the log."""
    for entry in StoredLedger(evidence.store, "the store").log():
        if isinstance(entry.event, MessageReceived):
            yield entry.event


def logs_of(evidence: Evidence) -> Iterable[bytes]:
    """Yield every byte of the log and the streams, in a form that two runs of one seed must share."""
    for row in StoredLedger(evidence.store, "the store").rows():
        yield repr(row).encode()
    for name, stream in sorted(evidence.server.streams.items()):
        yield repr((name, list(stream.entries.items()), stream.groups)).encode()
    yield repr(sorted(evidence.server.published.items())).encode()
