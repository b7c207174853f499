"""Broken variants of the live path, each with one promise taken away: the checker must see what it costs."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from eventsourcing.persistence import StoredEvent

from exitbrain.application.live.publishing import Publishing
from exitbrain.application.live.supervisor import LoopFailed, LoopState, Step, Supervisor
from exitbrain.application.live.worker import Worker
from exitbrain.application.ports.exit_ledger import Place, StoreUnavailable
from exitbrain.application.ports.message_source import Delivery, Lease
from exitbrain.application.ports.publisher import Outgoing, PublishedPosition, Stated
from exitbrain.application.recording.decided import Context, Decided, State
from exitbrain.application.recording.intake import Intake
from exitbrain.domain.messages.message import IncomingMessage, Translation
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.values import changed
from tests.faults.simulation.live_worker import Parts
from tests.faults.simulation.ports import FaultyRecorder, SimulatedPublisher, SimulatedSource
from tests.faults.simulation.streams import EntryKey, Handed


class AcknowledgesFirst(Worker):
    """Acknowledge a batch before it is committed."""

    async def _commit(self) -> None:
        if not self._batch:
            self._batch = await self._buffer.take(self._settings.batch_max, self._settings.wait_s)
            await self._source.acknowledge(self._batch)
        await super()._commit()


class LosesBatches(Worker):
    """Take a batch for done when the store cannot be reached."""

    async def _commit(self) -> None:
        try:
            await super()._commit()
        except StoreUnavailable:
            batch, self._batch = self._batch, []
            await self._source.acknowledge(batch)


class NeverReclaims(Worker):
    """Leave to the dead what they hold."""

    async def _reclaim(self) -> None:
        return


class NeverLooks(Publishing):
    """Take for granted that a stream keeps what was once published."""

    def _is_due_to_look(self) -> bool:
        return False


class PublishesBlindly(SimulatedPublisher):
    """Publish without comparing the position."""

    async def publish(
        self, stream: str, entries: Sequence[Outgoing], *, after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        return await super().publish(stream, entries, after=await self.published(stream), upto=upto)


class TellsAttemptsApart(SimulatedSource):
    """Give a message a new identity at each delivery, so that no receipt recognises it."""

    def _deliveries(self, handed: list[Handed]) -> list[Delivery]:
        return [
            changed(one, message=changed(one.message, entry_id=f"{one.entry_id}#{one.attempt}"))
            for one in super()._deliveries(handed)
        ]


class LeavesToOthers(SimulatedSource):
    """Take the lease and leave to others what they hold."""

    def _held_by_others(self, stream: str) -> list[EntryKey]:
        return []


class LeavesLeasesToStrangers(SimulatedSource):
    """Wait for the end of a lease that has none."""

    def _look_at_lease(self) -> Lease | None:
        return None


class TakesLostForNew(SimulatedPublisher):
    """Take a stream without a position for one that begins."""

    async def newest(self, stream: str) -> PublishedPosition | None:
        return None


class ReadsWithoutLease(SimulatedSource):
    """Read whoever holds the lease."""

    def _holder(self) -> str | None:
        return self.consumer


class LetsOlderOverwrite(Intake):
    """Forget which entry of a position is the newest."""

    def decide_translated(
        self, message: IncomingMessage, translation: Translation, state: State, context: Context
    ) -> Decided:
        if state.position is not None:
            position = state.position.copy()
            position.newest_entries = {}
            state = changed(state, position=position)
        return super().decide_translated(message, translation, state, context)


class BelievesAnything(Intake):
    """Believe every id and every time, however far ahead."""

    def decide_translated(
        self, message: IncomingMessage, translation: Translation, state: State, context: Context
    ) -> Decided:
        believing = changed(context, settings=changed(context.settings, max_clock_ahead_s=math.inf))
        return super().decide_translated(message, translation, state, believing)


class IgnoresExitsSilently(Intake):
    """Keep no word of an exit that ended nothing."""

    def decide_translated(
        self, message: IncomingMessage, translation: Translation, state: State, context: Context
    ) -> Decided:
        decided = super().decide_translated(message, translation, state, context)
        receipt, *effects = decided.records
        assert isinstance(receipt.event, MessageReceived)
        silent = changed(receipt, event=changed(receipt.event, ignored_exit=None))
        return changed(decided, records=(silent, *effects))


class IgnoresOnOldKnowledge(FaultyRecorder):
    """Save what was ignored although the reason may hold no longer."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], *, absent: Sequence[Place] = ()
    ) -> Sequence[int] | None:
        return super().insert_events(stored_events)


class LetsLoopsHang(Supervisor):
    """Let a loop that gave up hang without a word."""

    async def _run(self, state: LoopState, step: Step, every_s: float) -> None:
        try:
            await super()._run(state, step, every_s)
        except LoopFailed:
            await asyncio.Event().wait()

    def _report_stalls(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Variant:
    """A broken variant, and a part of what the checker must say of it.

    `since` is the first seed that shows it when this was written; the search goes on from there, should it move.
    """

    parts: Parts
    seen_as: str
    since: int = 0


VARIANTS = {
    "acknowledges before the commit": Variant(Parts(worker=AcknowledgesFirst), "no receipt for"),
    "loses a batch when the store is away": Variant(Parts(worker=LosesBatches), "no receipt for"),
    "never claims what the dead hold": Variant(Parts(worker=NeverReclaims), "not done"),
    "never asks where the streams stand": Variant(Parts(publishing=NeverLooks), "not done"),
    "publishes without compare-and-set": Variant(
        Parts(publisher=PublishesBlindly), "published twice or out of order"
    ),
    "does not recognise a redelivery": Variant(Parts(source=TellsAttemptsApart), "receipts for"),
    "takes the lease and not what others hold": Variant(
        Parts(source=LeavesToOthers), "was received after the newer", since=731
    ),
    "leaves the lease to a stranger": Variant(Parts(source=LeavesLeasesToStrangers), "not done"),
    "takes a lost position for a beginning": Variant(
        Parts(publisher=TakesLostForNew), "that are not the", since=25
    ),
    "reads out of turn": Variant(Parts(source=ReadsWithoutLease), "was received after the newer", since=1135),
    "lets an older intent overwrite": Variant(
        Parts(intake=LetsOlderOverwrite), "took effect after the newer", since=15
    ),
    "believes any id and any time": Variant(Parts(intake=BelievesAnything), "was muted"),
    "ignores exits silently": Variant(Parts(intake=IgnoresExitsSilently), "nothing tells of it"),
    "ignores on old knowledge": Variant(Parts(store=IgnoresOnOldKnowledge), "replay is not exact", since=15),
    "lets loops hang silently": Variant(Parts(supervisor=LetsLoopsHang), "stand still unseen", since=363),
}
