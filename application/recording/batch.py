"""Batch: messages decided together, each on the uncommitted state of the earlier ones."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Self
from uuid import UUID

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import Place
from exitbrain.application.ports.instruments import Instruments
from exitbrain.application.recording.caches import Held, Market, RecordingCaches
from exitbrain.application.recording.decided import Context, Decided, State
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.stamping import receipt_id_of
from exitbrain.application.recording.subject import Key, Subject, keys_met, subject_of
from exitbrain.domain.events import Record
from exitbrain.domain.identity import REGISTER_ID, claim_id, position_id
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.claim import KeyClaimed
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import ActivatePolicy, IncomingMessage, Translation
from exitbrain.domain.messages.receipt import MessageReceived, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.positions.performance import PnLWindow
from exitbrain.domain.positions.position import BOTH, Position
from exitbrain.domain.values import changed


class Read(Struct, frozen=True):
    """A translated message with the id of its receipt and the account and symbol it is about."""

    message: IncomingMessage
    translation: Translation
    receipt_id: UUID
    subject: Subject | None

    @classmethod
    def of(cls, message: IncomingMessage, intake: Intake, settings: DecisionSettings) -> Self:
        """Translate a message and find its subject under these settings."""
        translation = intake.translate(message)
        receipt_id = receipt_id_of(message, translation.time)
        return cls(message, translation, receipt_id, subject_of(translation, settings))


class Batch:
    """Decide a batch of messages, each on the ledger and on what the batch has decided so far."""

    def __init__(
        self,
        batch: Sequence[Read],
        *,
        known: RecordingCaches,
        intake: Intake,
        instruments: Instruments,
        settings: DecisionSettings,
        context: Callable[[], Context],
    ) -> None:
        self._known = known
        self._ledger = known.ledger
        self._intake = intake
        self._instruments = instruments
        self._settings = settings
        self._context = context
        self._received = self._ledger.receipts([read.receipt_id for read in batch])
        self._claims = self._claims_of(batch)
        self._window_position = known.catch_up()
        self._register = known.register
        self._windows: dict[str, tuple[PnLWindow, int]] = {}
        self._held: dict[Market, Held] = {}
        self._read_again: set[Market] = set()
        self._snapshots: set[str] = set()
        self._decided: dict[UUID, MessageResult] = {}
        self.records: list[Record] = []
        self.absent: set[Place] = set()

    def outcome_of(self, read: Read) -> MessageResult:
        """Decide one message after the earlier ones of the batch, unless it was received before."""
        earlier = self._received.get(read.receipt_id)
        if earlier is None:
            decided = self._decide(read)
            self._take(decided, read)
            return decided.outcome
        if is_same(read.message, earlier):
            return self._original(read.receipt_id, earlier)
        return self._outcome_of_reused_id(read.message)

    def _original(self, receipt_id: UUID, earlier: MessageReceived) -> MessageResult:
        """Return the outcome of a message that was received before, or earlier in this batch."""
        if receipt_id in self._decided:
            return changed(self._decided[receipt_id], duplicate=True)
        return self._known.originals.outcome(receipt_id, earlier)

    def keep(self) -> None:
        """Cache the new positions and snapshots after the batch was saved."""
        for market, held in self._held.items():
            self._known.held.put(market, held)
        self._known.stored_snapshots |= self._snapshots

    def _outcome_of_reused_id(self, message: IncomingMessage) -> MessageResult:
        """Record a message whose entry id was used before for other content, under an id of its own.

        This happens when a stream was flushed or a file edited. Nothing is lost, but the message has no
        stream order.
        """
        renamed = Read.of(under_a_name_of_its_own(message), self._intake, self._settings)
        if renamed.receipt_id not in self._received:
            self._received.update(self._ledger.receipts([renamed.receipt_id]))
        return self.outcome_of(renamed)

    def _claims_of(self, batch: Sequence[Read]) -> dict[UUID, KeyClaimed]:
        """Return the business keys of the messages that were used before."""
        subjects = [read.subject for read in batch if read.subject is not None and read.subject.keys]
        claims = [claim for subject in subjects for claim in _claim_ids(subject, subject.keys).values()]
        return self._ledger.claimed(claims) if claims else {}

    def _decide(self, read: Read) -> Decided:
        message, translation, subject = read.message, read.translation, read.subject
        context = self._context()
        if subject is None:
            if isinstance(translation, ActivatePolicy):  # "nothing to write" must still be true when saved
                self.absent.add((REGISTER_ID, self._register.version + 1))
            return self._intake.decide_translated(message, translation, State(self._register), context)
        state = self.state(read, subject)
        decided = self._intake.decide_translated(message, translation, state, context)
        if not _rests_on_what_it_met(decided):
            if subject.is_exit and state.before is not None:  # it was read to find whose exit this is
                self.absent.add((state.before.id, state.before.version + 1))
            return decided
        market = (subject.account, subject.symbol)
        known = market in self._held or market in self._read_again
        if not known and decided.outcome.reason in _OFTEN_ABOUT_OTHERS:
            # A stale cache usually costs only a conflict, but an ignored message writes nothing to conflict.
            self._read_again.add(market)
            self._known.held.drop(market)
            self._claims |= self._ledger.claimed(list(_claim_ids(subject, subject.keys).values()))
            state = self.state(read, subject)
            decided = self._intake.decide_translated(message, translation, state, context)
        # It writes to none of the streams it was decided on, so only this reveals a faster writer.
        self.absent |= _next_places(read.translation, subject, state)
        return decided

    def state(self, read: Read, subject: Subject) -> State:
        """Return the state for a message about this subject, including the uncommitted part of the batch."""
        market = (subject.account, subject.symbol)
        position, plan, before = self._held.get(market) or self._known.held.get(market)
        window, uncommitted = self._windows.get(subject.account) or (
            self._known.tail.window_of(subject.account),
            0,
        )
        instrument = self._instruments.instrument(subject.symbol)
        asks = subject.is_exit or subject.keys
        return State(
            register=self._register,
            position=position,
            plan=plan,
            window=window,
            window_position=self._window_position,
            uncommitted=uncommitted,
            instrument=instrument,
            snapshot_stored=self._is_stored(instrument),
            claimed=self._claimed(read.translation, subject, position, before) if asks else _UNCLAIMED,
            before=before,
            held_by=self._held_by(subject, position) if subject.is_exit else None,
        )

    def _held_by(self, subject: Subject, position: Position | None) -> str | None:
        """Return the only other account that holds the symbol, for an exit without an open position."""
        if position is not None and position.is_open:
            return None
        holders = set(self._known.tail.holders(subject.symbol))
        for (account, symbol), (latest, _, _) in self._held.items():
            if symbol == subject.symbol:
                (holders.add if latest is not None and latest.is_open else holders.discard)(account)
        holders.discard(subject.account)
        return holders.pop() if len(holders) == 1 else None

    def _is_stored(self, instrument: Instrument | None) -> bool:
        if instrument is None:
            return False
        content = instrument.content_hash
        return content in self._snapshots or self._known.is_stored(content)

    def _claimed(
        self, translation: Translation, subject: Subject, *cycles: Position | None
    ) -> Mapping[Key, KeyClaimed]:
        keys = keys_met(translation, subject, *cycles)
        if not keys:
            return _UNCLAIMED
        ids = _claim_ids(subject, keys)
        if len(keys) > len(subject.keys):  # the keys of a cycle could not be looked up earlier
            self._claims |= self._ledger.claimed([ids[key] for key in keys[len(subject.keys) :]])
        return {key: self._claims[claim] for key, claim in ids.items() if claim in self._claims}

    def _take(self, decided: Decided, read: Read) -> None:
        for record in decided.records:
            if isinstance(record.event, KeyClaimed):
                self._claims[record.stream_id] = record.event
            elif isinstance(record.event, MessageReceived):
                self._received[record.stream_id] = record.event
                self._decided[record.stream_id] = decided.outcome
        self.records.extend(decided.records)
        self._register = decided.state.register
        subject = read.subject
        if subject is None or len(decided.records) == 1:
            return
        state = decided.state
        self._held[(subject.account, subject.symbol)] = (state.position, state.plan, state.before)
        self._windows[subject.account] = (state.window, state.uncommitted)
        if state.snapshot_stored and state.instrument is not None:
            self._snapshots.add(state.instrument.content_hash)


def is_same(message: IncomingMessage, earlier: MessageReceived) -> bool:
    """Return whether the receipt under a message's entry id belongs to this message.

    An entry whose content is gone, on either side, counts as the same: one worker may see it trimmed while
    another holds its content, and that content must not be decided as new, after newer messages.
    """
    trimmed = message.broken is not None and message.broken.reason is Reason.TRIMMED
    return trimmed or earlier.reason is Reason.TRIMMED or earlier.fields == message.fields


def under_a_name_of_its_own(message: IncomingMessage) -> IncomingMessage:
    """Give a message whose entry id was used before for other content an id that tells them apart."""
    length = "" if message.fields.length is None else str(message.fields.length)
    content = (repr(sorted(message.fields.values.items())) + length).encode("utf-8", "surrogatepass")
    digest = sha256(content).hexdigest()
    return changed(message, entry_id=f"{message.entry_id}#{digest[:16]}", stream_id=None)


def _claim_ids(subject: Subject, keys: Sequence[Key]) -> dict[Key, UUID]:
    """Return the ids under which the business keys of a message are claimed."""
    return {key: claim_id(key[0], subject.account, subject.symbol, key[1]) for key in keys}


def _next_places(translation: Translation, subject: Subject, state: State) -> set[Place]:
    """Return the places that stay empty until a writer changes the state for this subject."""
    account, symbol, position = subject.account, subject.symbol, state.position
    cycle = 0 if position is None else position.cycle
    places = {(position_id(account, symbol, BOTH, cycle + 1), 1)}
    places |= {(one.id, one.version + 1) for one in (position, state.before) if one is not None}
    keys = keys_met(translation, subject, position, state.before)
    return places | {
        (claim, 1) for key, claim in _claim_ids(subject, keys).items() if key not in state.claimed
    }


_UNCLAIMED: Mapping[Key, KeyClaimed] = {}

_ABOUT_WHAT_WAS_MET = (Reason.SUPERSEDED, Reason.HEDGE_MODE, Reason.ENGINE_FAILED)

_OFTEN_ABOUT_OTHERS = (Reason.NO_OPEN_POSITION, Reason.SUPERSEDED, Reason.EARLIER_CYCLE, Reason.HEDGE_MODE)
"""Reasons often caused by another writer's changes that this one has not read yet."""


def _rests_on_what_it_met(decided: Decided) -> bool:
    """Return whether another writer may have invalidated a decision that changed nothing."""
    outcome = decided.outcome
    return outcome.ignored_exit is not None or outcome.reason in _ABOUT_WHAT_WAS_MET
