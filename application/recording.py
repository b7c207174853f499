"""Recording: messages in, decisions kept. Each message has one receipt, saved in one transaction with its effects."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from msgspec import Struct

from exitbrain.application.belief import is_far_ahead
from exitbrain.application.handling import Context, Decided, State, receipt_id_of
from exitbrain.application.intake import Intake
from exitbrain.application.intake_replay import stream_id_of
from exitbrain.application.originals import Originals
from exitbrain.application.outcome import Outcome, PolicyInForce
from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.exit_ledger import Conflict, ExitLedger, Place
from exitbrain.application.ports.instruments import Instruments
from exitbrain.application.remembered import Held, HeldCache, Market, Tail
from exitbrain.application.subject import Key, Subject, keys_met, subject_of
from exitbrain.domain.aggregate import Record
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.claim import KeyClaimed
from exitbrain.domain.configuration import DecisionSettings, IntakeConfigured
from exitbrain.domain.identity import CONFIGURATION_ID, REGISTER_ID, claim_id, position_id
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.messages import NO_TIME, ActivatePolicy, IncomingMessage, Translation
from exitbrain.domain.performance import PnLWindow
from exitbrain.domain.position import BOTH, Position
from exitbrain.domain.receipt import Disposition, MessageReceived, Reason
from exitbrain.domain.values import EntryId, Origin, changed

BATCH_ATTEMPTS = 2
"""How often a batch is decided as a whole before it is halved: one by one would take as many commits as messages."""

LOOK_BACK = 10_000
"""How many events at a time are looked through for a receipt, from the end of the log."""

ATTEMPTS = 10
"""How often one message is decided again after another writer was faster, before the conflict is raised."""

Saved = Callable[[Sequence[Record], int], None]
"""Told of records that were saved, in their order and without a gap, and the log position of the last."""


class _Read(Struct, frozen=True):
    """A message as it was read: what it says, the id of its receipt, whose state it meets."""

    message: IncomingMessage
    translation: Translation
    receipt_id: UUID
    subject: Subject | None


class Recorder:
    """Take messages, decide them on the state of the ledger, save each batch as one transaction.

    Blocking and for one thread. Several recorders may write to one ledger: who is slower decides again, and
    `conflicts` counts how often that happened. `saved` is told of everything that was saved here. `build` is the version
    of the software, which is kept with the settings.
    """

    def __init__(
        self,
        ledger: ExitLedger,
        intake: Intake,
        instruments: Instruments,
        clock: Clock,
        settings: DecisionSettings,
        *,
        build: str = "",
        cache_size: int = 10_000,
        saved: Saved | None = None,
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._instruments = instruments
        self._clock = clock
        self._settings = settings
        self._saved = saved
        self._build = build
        self._configured: int | None = None
        self._held = HeldCache(ledger, cache_size)
        self._tail = Tail(ledger)
        self._originals = Originals(ledger, intake)
        self._register = ledger.register()
        self._stored_snapshots: set[str] = set()
        self.conflicts = 0

    def state_of(self, message: IncomingMessage) -> State:
        """Return the state that a message meets now, whoever wrote it."""
        self._held.clear()
        read = self._read(message)
        draft = _Draft(self, [read], at=None)
        return State(self._register) if read.subject is None else draft.state(read, read.subject)

    def context(self, at: datetime | None = None) -> Context:
        """Return the context of a decision that is recorded at that time; keeps the settings where they are new."""
        recorded_at = at or self._clock.now()
        return Context(recorded_at, self._settings, self._configuration(recorded_at))

    def handle(self, message: IncomingMessage, *, at: datetime | None = None) -> Outcome:
        """Record one message and return its outcome: of one received before the original, as a duplicate."""
        return self.handle_batch([message], at=at)[0]

    def handle_batch(
        self, messages: Sequence[IncomingMessage], *, at: datetime | None = None
    ) -> list[Outcome]:
        """Record messages in their order, as one transaction where nobody interferes.

        Later messages of a position decide on the uncommitted state of the earlier ones. When the save meets a
        conflict, nothing of the batch was saved and it is decided again, after a while in halves. `at` is
        the time of recording (aware, UTC); the clock is asked for each message where it is None.
        """
        return self._insist([self._read(message) for message in messages], at)

    def put_in_force(self, message: IncomingMessage, *, at: datetime | None = None) -> PolicyInForce:
        """Record the wish to put a policy in force, and count the open plans that it is about."""
        outcome = self.handle(message, at=at)
        asked = self._intake.translate(message)
        if not isinstance(asked, ActivatePolicy) or outcome.disposition is Disposition.REFUSED:
            return PolicyInForce(outcome, 0)
        self._catch_up()
        return PolicyInForce(
            outcome,
            sum(
                count
                for symbol, count in self._tail.open_positions().items()
                if self._register.decides(asked.scope, symbol)
            ),
        )

    def outcome_of(self, message: IncomingMessage) -> Outcome | None:
        """Return the original outcome of a message that was recorded before, marked as a duplicate; else None."""
        receipt_id = self._receipt_id(message)
        earlier = self._ledger.receipts([receipt_id]).get(receipt_id)
        if earlier is None:
            return None
        if _is_same(message, earlier):
            return self._originals.outcome(receipt_id, earlier)
        return self.outcome_of(_under_a_name_of_its_own(message))

    def received(self, messages: Sequence[IncomingMessage]) -> list[bool]:
        """Return for each message whether it was recorded before: under its entry id, or as what reused that id."""
        ids = [self._receipt_id(message) for message in messages]
        found = self._ledger.receipts(ids)
        return [
            (earlier := found.get(receipt_id)) is not None
            and (_is_same(message, earlier) or self._is_received_as_reused(message))
            for message, receipt_id in zip(messages, ids, strict=True)
        ]

    def newest_received(self, source: str) -> EntryId | None:
        """Return the newest entry of a logical stream that was recorded live, looking from the end of the log.

        An id that lay too far ahead to be believed is not the newest of anything.
        """
        ahead_s = self._settings.max_clock_ahead_s
        upto = self._ledger.head()
        while upto > 0:
            after = max(0, upto - LOOK_BACK)
            page = self._ledger.log(after, upto=upto, topics=(MessageReceived.TOPIC,))
            ids = [_live_id(entry.event, source, ahead_s) for entry in page]
            if newest := max((one for one in ids if one is not None), default=None):
                return newest
            upto = after
        return None

    def _receipt_id(self, message: IncomingMessage) -> UUID:
        has_id = message.stream_id is not None  # then the time that the message tells is not asked for
        return receipt_id_of(message, NO_TIME if has_id else self._intake.translate(message).time)

    def _is_received_as_reused(self, message: IncomingMessage) -> bool:
        receipt_id = self._receipt_id(_under_a_name_of_its_own(message))
        return receipt_id in self._ledger.receipts([receipt_id])

    def _read(self, message: IncomingMessage) -> _Read:
        translation = self._intake.translate(message)
        receipt_id = receipt_id_of(message, translation.time)
        return _Read(message, translation, receipt_id, subject_of(translation, self._settings))

    def _insist(self, batch: Sequence[_Read], at: datetime | None) -> list[Outcome]:
        """Record a batch among other writers: the smaller it is, the sooner it is done before they are."""
        for _ in range(BATCH_ATTEMPTS if len(batch) > 1 else ATTEMPTS - 1):
            try:
                return self._record(batch, at)
            except Conflict:
                self._forget()
        if len(batch) <= 1:
            return self._record(batch, at)
        half = len(batch) // 2
        return [*self._insist(batch[:half], at), *self._insist(batch[half:], at)]

    def _record(self, batch: Sequence[_Read], at: datetime | None) -> list[Outcome]:
        self._configuration(at)
        draft = _Draft(self, batch, at)
        outcomes = [draft.outcome_of(read) for read in batch]
        if draft.records:
            self._save(draft.records, absent=draft.absent)
        draft.keep()
        return outcomes

    def _save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> None:
        last = self._ledger.save(records, absent=absent)
        self._tail.follow(records, last)
        if self._saved is not None:
            self._saved(records, last)

    def _configuration(self, at: datetime | None) -> int:
        """Return the version of the settings in force, which are saved first where they differ from those before."""
        attempts = 0
        while self._configured is None:
            attempts += 1
            try:
                self._configured = self._kept_configuration(at or self._clock.now())
            except Conflict:  # another writer kept its own at the same moment
                if attempts == ATTEMPTS:
                    raise
        return self._configured

    def _kept_configuration(self, at: datetime) -> int:
        history = self._ledger.history(CONFIGURATION_ID)
        version = len(history)
        kept = history[-1].event if history else None
        if isinstance(kept, IntakeConfigured) and (kept.build, kept.settings) == (
            self._build,
            self._settings,
        ):
            return version
        changed = IntakeConfigured(self._build, self._settings, at)
        self._save([Record(CONFIGURATION_ID, version + 1, changed)])
        return version + 1

    def _catch_up(self) -> int:
        """Read what the log has grown by: results for the windows, changes of the register by anyone."""
        position = self._tail.catch_up()
        if self._tail.register_changed:
            self._register = self._ledger.register()
            self._tail.register_changed = False
        return position

    def _forget(self) -> None:
        """Drop what another writer may have changed, after a conflict has shown that there is one.

        The rest is read from the log, which only grows.
        """
        self.conflicts += 1
        self._held.clear()


class _Draft:
    """A batch in the making: what it has decided so far, over what the ledger holds."""

    def __init__(self, recorder: Recorder, batch: Sequence[_Read], at: datetime | None) -> None:
        self._recorder = recorder
        self._ledger = recorder._ledger
        self._at = at
        self._received = self._ledger.receipts([read.receipt_id for read in batch])
        self._claims = self._claims_of(batch)
        self._window_position = recorder._catch_up()
        self._register = recorder._register
        self._windows: dict[str, tuple[PnLWindow, int]] = {}
        self._held: dict[Market, Held] = {}
        self._read_again: set[Market] = set()
        self._snapshots: set[str] = set()
        self._decided: dict[UUID, Outcome] = {}
        self.records: list[Record] = []
        self.absent: set[Place] = set()

    def outcome_of(self, read: _Read) -> Outcome:
        """Decide one message on top of the earlier ones of the batch, unless it was received before."""
        earlier = self._received.get(read.receipt_id)
        if earlier is None:
            decided = self._decide(read)
            self._take(decided, read)
            return decided.outcome
        if _is_same(read.message, earlier):
            return self._original(read.receipt_id, earlier)
        return self._outcome_of_reused_id(read.message)

    def _original(self, receipt_id: UUID, earlier: MessageReceived) -> Outcome:
        """Return the outcome of a message that was received before, be it earlier in this batch."""
        if receipt_id in self._decided:
            return changed(self._decided[receipt_id], duplicate=True)
        return self._recorder._originals.outcome(receipt_id, earlier)

    def keep(self) -> None:
        """Remember, once the batch is saved, what it made of the positions and snapshots."""
        recorder = self._recorder
        for market, held in self._held.items():
            recorder._held.put(market, held)
        recorder._stored_snapshots |= self._snapshots

    def _outcome_of_reused_id(self, message: IncomingMessage) -> Outcome:
        """Record a message whose entry id was used before for another content, under an id that tells them apart.

        It happens when a stream was flushed or a file edited. Nothing is lost; such a message has no stream order.
        """
        read = self._recorder._read(_under_a_name_of_its_own(message))
        if read.receipt_id not in self._received:
            self._received.update(self._ledger.receipts([read.receipt_id]))
        return self.outcome_of(read)

    def _claims_of(self, batch: Sequence[_Read]) -> dict[UUID, KeyClaimed]:
        """Return those business keys of the messages that were used before."""
        subjects = [read.subject for read in batch if read.subject is not None and read.subject.keys]
        claims = [claim for subject in subjects for claim in _claim_ids(subject, subject.keys).values()]
        return self._ledger.claimed(claims) if claims else {}

    def _decide(self, read: _Read) -> Decided:
        recorder, message, translation, subject = self._recorder, read.message, read.translation, read.subject
        context = recorder.context(self._at)
        if subject is None:
            if isinstance(translation, ActivatePolicy):  # where nothing is to be written, it must still be so
                self.absent.add((REGISTER_ID, self._register.version + 1))
            return recorder._intake.decide_translated(message, translation, State(self._register), context)
        state = self.state(read, subject)
        decided = recorder._intake.decide_translated(message, translation, state, context)
        if not _rests_on_what_it_met(decided):
            if subject.is_exit and state.before is not None:  # it was looked at, to tell whose exit it is
                self.absent.add((state.before.id, state.before.version + 1))
            return decided
        market = (subject.account, subject.symbol)
        known = market in self._held or market in self._read_again
        if not known and decided.outcome.reason in _OFTEN_ABOUT_OTHERS:
            # A stale cache would only cost a conflict; but what is ignored is often about what others have written.
            self._read_again.add(market)
            self._recorder._held.drop(market)
            self._claims |= self._ledger.claimed(list(_claim_ids(subject, subject.keys).values()))
            state = self.state(read, subject)
            decided = recorder._intake.decide_translated(message, translation, state, context)
        # It writes to nothing that it was decided on, so only this reveals that another writer was faster.
        self.absent |= _next_places(read.translation, subject, state)
        return decided

    def state(self, read: _Read, subject: Subject) -> State:
        """Return what a message about this subject meets, the uncommitted part of the batch included."""
        recorder = self._recorder
        market = (subject.account, subject.symbol)
        position, plan, before = self._held.get(market) or recorder._held.get(market)
        window, uncommitted = self._windows.get(subject.account) or (
            recorder._tail.window_of(subject.account),
            0,
        )
        instrument = recorder._instruments.instrument(subject.symbol)
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
        """Return the other account that alone holds the symbol of an exit which meets no open position."""
        if position is not None and position.is_open:
            return None
        holders = set(self._recorder._tail.holders(subject.symbol))
        for (account, symbol), (latest, _, _) in self._held.items():
            if symbol == subject.symbol:
                (holders.add if latest is not None and latest.is_open else holders.discard)(account)
        holders.discard(subject.account)
        return holders.pop() if len(holders) == 1 else None

    def _is_stored(self, instrument: Instrument | None) -> bool:
        if instrument is None:
            return False
        content = instrument.content_hash
        if content in self._snapshots or content in self._recorder._stored_snapshots:
            return True
        if self._ledger.instrument(content) is None:
            return False
        self._recorder._stored_snapshots.add(content)
        return True

    def _claimed(
        self, translation: Translation, subject: Subject, *cycles: Position | None
    ) -> Mapping[Key, KeyClaimed]:
        keys = keys_met(translation, subject, *cycles)
        if not keys:
            return _UNCLAIMED
        ids = _claim_ids(subject, keys)
        if len(keys) > len(subject.keys):  # those of a cycle could not be looked up before
            self._claims |= self._ledger.claimed([ids[key] for key in keys[len(subject.keys) :]])
        return {key: self._claims[claim] for key, claim in ids.items() if claim in self._claims}

    def _take(self, decided: Decided, read: _Read) -> None:
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


def _is_same(message: IncomingMessage, earlier: MessageReceived) -> bool:
    """Return whether the receipt under the entry id of a message is that of this message.

    An entry without its content, on either side, is the entry of that id: what was trimmed under the hands of one
    worker can be held by another, and its content must not come as something new, after what is newer.
    """
    trimmed = message.broken is not None and message.broken.reason is Reason.TRIMMED
    return trimmed or earlier.reason is Reason.TRIMMED or earlier.fields == message.fields


def _under_a_name_of_its_own(message: IncomingMessage) -> IncomingMessage:
    """Return a message whose entry id was used before for another content, under an id that tells them apart."""
    length = "" if message.fields.length is None else str(message.fields.length)
    content = (repr(sorted(message.fields.values.items())) + length).encode("utf-8", "surrogatepass")
    digest = sha256(content).hexdigest()
    return changed(message, entry_id=f"{message.entry_id}#{digest[:16]}", stream_id=None)


def _live_id(event: ExitEvent, source: str, ahead_s: float) -> EntryId | None:
    """Return the stream id of a receipt of that logical stream that was recorded live, where it is believed."""
    if not isinstance(event, MessageReceived) or event.source != source or event.origin is not Origin.LIVE:
        return None
    entry_id = stream_id_of(event.entry_id)
    return None if entry_id is None or is_far_ahead(entry_id, event.recorded_at, ahead_s) else entry_id


def _claim_ids(subject: Subject, keys: Sequence[Key]) -> dict[Key, UUID]:
    """Return the ids under which the business keys of a message are claimed."""
    return {key: claim_id(key[0], subject.account, subject.symbol, key[1]) for key in keys}


def _next_places(translation: Translation, subject: Subject, state: State) -> set[Place]:
    """Return the places that are empty as long as nobody changes what a message about this subject met."""
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
"""The reasons that are often about what another writer has done, of which this one has not heard yet."""


def _rests_on_what_it_met(decided: Decided) -> bool:
    """Return whether another writer may have made untrue in the meantime what was decided without a change."""
    outcome = decided.outcome
    return outcome.ignored_exit is not None or outcome.reason in _ABOUT_WHAT_WAS_MET
