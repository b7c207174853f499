"""Recording: each message gets one receipt, saved in one transaction with its effects."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.exit_ledger import Conflict, ExitLedger, Place
from exitbrain.application.ports.instruments import Instruments
from exitbrain.application.recording.batch import Batch, Read, is_same, under_a_name_of_its_own
from exitbrain.application.recording.belief import is_far_ahead
from exitbrain.application.recording.caches import RecordingCaches
from exitbrain.application.recording.decided import Context, State
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.received import stream_id_of
from exitbrain.application.recording.stamping import receipt_id_of
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.events import Record
from exitbrain.domain.identity import CONFIGURATION_ID
from exitbrain.domain.messages.configuration import DecisionSettings, IntakeConfigured
from exitbrain.domain.messages.message import NO_TIME, ActivatePolicy, IncomingMessage
from exitbrain.domain.messages.receipt import Disposition, MessageReceived
from exitbrain.domain.messages.result import MessageResult, PolicyInForce
from exitbrain.domain.values import EntryId, Origin

BATCH_ATTEMPTS = 2
"""How often a batch is decided as a whole before it is halved; single messages would need a commit each."""

LOOK_BACK = 10_000
"""How many events at a time are searched for a receipt, from the end of the log."""

ATTEMPTS = 10
"""How often one message is decided when other writers are faster, before the conflict is raised."""

Saved = Callable[[Sequence[Record], int], None]
"""Called with records that were saved, in order and without a gap, and the log position of the last."""


class Recorder:
    """Decide messages on the state of the ledger and save each batch in one transaction.

    Blocking and for one thread. Several recorders may write to one ledger: the slower one decides again, and
    `conflicts` counts how often. `saved` is called with everything saved here. `build` is the software
    version, which is stored with the settings.
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
        self._known = RecordingCaches(ledger, intake, cache_size)
        self.conflicts = 0

    def state_of(self, message: IncomingMessage) -> State:
        """Return the current state for a message, including the changes of other writers."""
        self._known.held.clear()
        read = self._read(message)
        batch = self._batch([read], at=None)
        return State(self._known.register) if read.subject is None else batch.state(read, read.subject)

    def context(self, at: datetime | None = None) -> Context:
        """Return the context of a decision recorded at this time; saves the settings if they are new."""
        recorded_at = at or self._clock.now()
        return Context(recorded_at, self._settings, self._configuration(recorded_at))

    def handle(self, message: IncomingMessage, *, at: datetime | None = None) -> MessageResult:
        """Record one message and return its outcome; for a duplicate, the original outcome."""
        return self.handle_batch([message], at=at)[0]

    def handle_batch(
        self, messages: Sequence[IncomingMessage], *, at: datetime | None = None
    ) -> list[MessageResult]:
        """Record messages in order, in one transaction unless another writer interferes.

        Later messages of a position decide on the uncommitted state of the earlier ones. On a conflict
        nothing of the batch is saved; it is decided again, and later in halves. `at` is the time of recording
        (aware, UTC); if it is None, the clock is read for each message.
        """
        return self._insist([self._read(message) for message in messages], at)

    def put_in_force(self, message: IncomingMessage, *, at: datetime | None = None) -> PolicyInForce:
        """Record a request to put a policy in force, and count the open plans it applies to."""
        outcome = self.handle(message, at=at)
        asked = self._intake.translate(message)
        if not isinstance(asked, ActivatePolicy) or outcome.disposition is Disposition.REFUSED:
            return PolicyInForce(outcome, 0)
        self._known.catch_up()
        return PolicyInForce(
            outcome,
            sum(
                count
                for symbol, count in self._known.tail.open_positions().items()
                if self._known.register.decides(asked.scope, symbol)
            ),
        )

    def outcome_of(self, message: IncomingMessage) -> MessageResult | None:
        """Return the original outcome of a recorded message, marked as a duplicate, or None."""
        receipt_id = self._receipt_id(message)
        earlier = self._ledger.receipts([receipt_id]).get(receipt_id)
        if earlier is None:
            return None
        if is_same(message, earlier):
            return self._known.originals.outcome(receipt_id, earlier)
        return self.outcome_of(under_a_name_of_its_own(message))

    def received(self, messages: Sequence[IncomingMessage]) -> list[bool]:
        """Return for each message whether it was recorded before, including under a reused entry id."""
        ids = [self._receipt_id(message) for message in messages]
        found = self._ledger.receipts(ids)
        return [
            (earlier := found.get(receipt_id)) is not None
            and (is_same(message, earlier) or self._is_received_as_reused(message))
            for message, receipt_id in zip(messages, ids, strict=True)
        ]

    def newest_received(self, source: str) -> EntryId | None:
        """Return the newest entry of a logical stream recorded live, searching from the end of the log.

        Ids that were too far ahead to be believed are ignored.
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
        has_id = message.stream_id is not None  # then the time in the message is not needed
        return receipt_id_of(message, NO_TIME if has_id else self._intake.translate(message).time)

    def _is_received_as_reused(self, message: IncomingMessage) -> bool:
        receipt_id = self._receipt_id(under_a_name_of_its_own(message))
        return receipt_id in self._ledger.receipts([receipt_id])

    def _read(self, message: IncomingMessage) -> Read:
        return Read.of(message, self._intake, self._settings)

    def _insist(self, batch: Sequence[Read], at: datetime | None) -> list[MessageResult]:
        """Record a batch despite other writers: a smaller batch is more likely to finish before they do."""
        for _ in range(BATCH_ATTEMPTS if len(batch) > 1 else ATTEMPTS - 1):
            try:
                return self._record(batch, at)
            except Conflict:
                self._forget()
        if len(batch) <= 1:
            return self._record(batch, at)
        half = len(batch) // 2
        return [*self._insist(batch[:half], at), *self._insist(batch[half:], at)]

    def _record(self, batch: Sequence[Read], at: datetime | None) -> list[MessageResult]:
        self._configuration(at)
        deciding = self._batch(batch, at)
        outcomes = [deciding.outcome_of(read) for read in batch]
        if deciding.records:
            self._save(deciding.records, absent=deciding.absent)
        deciding.keep()
        return outcomes

    def _batch(self, batch: Sequence[Read], at: datetime | None) -> Batch:
        return Batch(
            batch,
            known=self._known,
            intake=self._intake,
            instruments=self._instruments,
            settings=self._settings,
            context=partial(self.context, at),
        )

    def _save(self, records: Sequence[Record], *, absent: Collection[Place] = ()) -> None:
        last = self._ledger.save(records, absent=absent)
        self._known.tail.follow(records, last)
        if self._saved is not None:
            self._saved(records, last)

    def _configuration(self, at: datetime | None) -> int:
        """Return the version of the settings in force, after saving them if they have changed."""
        attempts = 0
        while self._configured is None:
            attempts += 1
            try:
                self._configured = self._kept_configuration(at or self._clock.now())
            except Conflict:  # another writer saved its settings at the same moment
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

    def _forget(self) -> None:
        """Drop cached state that another writer may have changed, after a conflict.

        The other caches follow the log, which only grows.
        """
        self.conflicts += 1
        self._known.held.clear()


def _live_id(event: ExitEvent, source: str, ahead_s: float) -> EntryId | None:
    """Return the stream id of a live receipt of this logical stream, if it is believed."""
    if not isinstance(event, MessageReceived) or event.source != source or event.origin is not Origin.LIVE:
        return None
    entry_id = stream_id_of(event.entry_id)
    return None if entry_id is None or is_far_ahead(entry_id, event.recorded_at, ahead_s) else entry_id
