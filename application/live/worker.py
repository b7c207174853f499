"""The worker: read, commit, acknowledge, publish; reclaim what others left behind.

A message is acknowledged only after its receipt is committed, and published only from the log. So a crash
between two steps may repeat a step but never loses a message: the receipt detects a redelivery, the published
position an entry that is already published.

Workers on one group share one lease. A worker without it keeps asking for it and finishes the messages it has
read. It does not publish, since the holder does.
"""

import asyncio
from collections.abc import Sequence

from msgspec import Struct

from exitbrain.application.live.buffer import Buffer
from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.place import PlaceCheck
from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.stopwatch import Stopwatch
from exitbrain.application.live.supervisor import Journal, Supervisor
from exitbrain.application.ports.live_recording import LiveRecording, Undecided
from exitbrain.application.ports.message_source import Delivery, MessageSource, SourceUnavailable
from exitbrain.domain.messages.result import MessageResult


class WorkerSettings(Struct, frozen=True):
    """Settings of a worker: sizes in messages, times in seconds.

    `attempts_max` is how often a message whose handling fails is delivered before it is finally refused.
    """

    batch_max: int = 256
    buffer_max: int = 1024
    wait_s: float = 0.5
    reclaim_every_s: float = 5.0
    reap_every_s: float = 30.0
    attempts_max: int = 5
    stop_within_s: float = 1.5


class Worker:
    """Run the live path until stopped. Must be created inside a running event loop."""

    def __init__(
        self,
        source: MessageSource,
        place: PlaceCheck,
        recording: LiveRecording,
        publishing: Publishing,
        supervisor: Supervisor,
        journal: Journal,
        settings: WorkerSettings,
    ) -> None:
        self._source = source
        self._place = place
        self._recording = recording
        self._publishing = publishing
        self._supervisor = supervisor
        self._journal = journal
        self._settings = settings
        self._buffer: Buffer[Delivery] = Buffer(settings.buffer_max)
        self._batch: list[Delivery] = []
        self._recorded: Buffer[tuple[Delivery, MessageResult | Undecided]] = Buffer(settings.buffer_max)
        self._committed = asyncio.Event()
        self._opened = asyncio.Event()
        self._placed = False
        self._held_lease = False
        self._read_max = settings.batch_max
        self.lease = LeaseWatch(journal)

    @property
    def in_hand(self) -> int:
        """Return the number of messages read and not settled yet."""
        return len(self._buffer) + len(self._batch) + len(self._recorded)

    async def run(self) -> None:
        """Work until stopped; raises LoopFailed when a loop cannot go on."""
        supervisor, settings = self._supervisor, self._settings
        supervisor.start("read", self._read)
        supervisor.start("commit", self._commit)
        supervisor.start("acknowledge", self._acknowledge)
        supervisor.start("publish", self._publish)
        supervisor.start("reclaim", self._reclaim, every_s=settings.reclaim_every_s)
        supervisor.start("reap", self._reap, every_s=settings.reap_every_s)
        try:
            await supervisor.watch()
        finally:
            supervisor.stop()
            await supervisor.join(settings.stop_within_s)

    async def _read(self) -> None:
        if not self._opened.is_set():
            # A store that may not publish must not read either, so this is checked first.
            await self._publishing.stand_by()
            await self._source.open()
            self._opened.set()
        if not await self._soon(self._publishing.begun):
            return
        await self._look_at_lease()
        room = await self._buffer.wait_for_room(self._settings.wait_s)
        if room:
            watch = Stopwatch()
            deliveries = await self._read_up_to(min(room, self._read_max))
            self._note_lease()
            for repair in self._source.repairs():
                self._journal.trouble(repair.name, **repair.facts)
            await self._buffer.put(deliveries)
            if deliveries:
                self._note("read", len(deliveries), watch)

    async def _read_up_to(self, limit: int) -> list[Delivery]:
        """Read entries; halve the limit after each failure, down to one, and double it after each success."""
        try:
            deliveries = await self._source.read(limit, self._settings.wait_s)
        except SourceUnavailable:
            self._read_max = max(1, limit // 2)
            raise
        self._read_max = min(self._settings.batch_max, 2 * self._read_max)
        return deliveries

    async def _look_at_lease(self) -> None:
        """Before taking the lease, make sure that no entry delivered to other consumers is lost."""
        lease = None if self._source.holds_lease else await self._source.lease()
        self.lease.look(lease, asyncio.get_running_loop().time())
        if not self._placed or (lease is None and not self._source.holds_lease):
            await self._place.run()
            self._placed = True

    def _note_lease(self) -> None:
        holds_lease = self._source.holds_lease
        if holds_lease != self._held_lease:
            self._held_lease = holds_lease
            self._journal.event("turn_taken" if holds_lease else "turn_lost", consumer=self._source.consumer)
            self._committed.set()  # the previous holder may have left commits unpublished

    async def _commit(self) -> None:
        if not await self._recorded.wait_for_room(self._settings.wait_s):
            return
        # If the store is unreachable, the batch stays here and is tried again by the next step.
        if not self._batch:
            self._batch = await self._buffer.take(self._settings.batch_max, self._settings.wait_s)
        if not self._batch:
            return
        batch, watch = self._batch, Stopwatch()
        outcomes = await self._recording.record([delivery.message for delivery in batch])
        self._batch = []
        self._committed.set()
        self._note("committed", len(batch), watch)
        await self._recorded.put(list(zip(batch, outcomes, strict=True)))
        if self._supervisor.stopping:  # the loop that acknowledges may have ended
            await self._acknowledge()

    async def _acknowledge(self) -> None:
        # A separate loop, so that the next batch does not wait for this; a lost batch is delivered again.
        batch = await self._recorded.take(self._settings.batch_max, self._settings.wait_s)
        if not batch:
            return
        await self._tell_and_acknowledge(
            [(delivery, outcome) for delivery, outcome in batch if isinstance(outcome, MessageResult)]
        )
        # Undecided messages come last, one by one: an unreachable store must not delay the others.
        for delivery, outcome in batch:
            if isinstance(outcome, Undecided) and (refused := await self._given_up(delivery, outcome)):
                await self._tell_and_acknowledge([(delivery, refused)])

    async def _tell_and_acknowledge(self, settled: Sequence[tuple[Delivery, MessageResult]]) -> None:
        if settled:
            self._journal.event("messages", outcomes=[outcome for _, outcome in settled])
            watch = Stopwatch()
            await self._source.acknowledge([delivery for delivery, _ in settled])
            self._note("acknowledged", len(settled), watch)

    async def _given_up(self, delivery: Delivery, undecided: Undecided) -> MessageResult | None:
        """Return the refusal of a message that cannot be decided; None while it will be delivered again."""
        facts = {"stream": delivery.stream, "entry_id": delivery.entry_id, "error": undecided.error}
        self._journal.trouble("message_undecided", attempt=delivery.attempt, **facts)
        if delivery.attempt < self._settings.attempts_max:
            return None
        return await self._recording.give_up(undecided)

    def _note(self, name: str, entries: int, watch: Stopwatch) -> None:
        filled = len(self._buffer) / self._settings.buffer_max
        self._journal.event(name, entries=entries, seconds=watch.seconds, filled=filled)

    async def _publish(self) -> None:
        if not await self._soon(self._opened):  # until then it is unknown whether this store may publish
            return
        self._committed.clear()
        if self._publishing.begun.is_set() and not self._source.holds_lease:
            await self._publishing.stand_by()
        elif await self._publishing.step():
            return
        await self._soon(self._committed)  # only a hint; the log is read in any case

    async def _soon(self, event: asyncio.Event) -> bool:
        """Return whether an event is set, waiting for it briefly."""
        if not event.is_set():
            try:
                async with asyncio.timeout(self._settings.wait_s):
                    await event.wait()
            except TimeoutError:
                return False
        return True

    async def _reclaim(self) -> None:
        if not self._placed:
            return
        if self._buffer.room and self._source.holds_lease:
            limit = min(self._buffer.room, self._read_max)
            claimed: Sequence[Delivery] = await self._source.reclaim(limit)
            if claimed:
                self._journal.event("reclaimed", entries=len(claimed))
                await self._buffer.put(claimed)
        for backlog in await self._source.backlog():
            self._journal.event("backlog", stream=backlog.stream, lag=backlog.lag, pending=backlog.pending)

    async def _reap(self) -> None:
        if self._placed:
            for name in await self._source.reap():
                self._journal.event("consumer_removed", consumer=name)
