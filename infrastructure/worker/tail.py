"""Read the log for the publisher: recent records from memory, the rest on its own thread."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from uuid import UUID

from exitbrain.application.live.stopwatch import Stopwatch
from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.application.ports.live_recording import LogPage
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import (
    Decision,
    ExitPlanCancelled,
    ExitPlanCompleted,
    LevelsComputed,
    PlanEvent,
)
from exitbrain.domain.positions.position import PositionEvent
from exitbrain.domain.values import CausedBy, Origin
from exitbrain.infrastructure.worker.recent_log import RecentLog
from exitbrain.infrastructure.worker.recording import OneThread

RECEIPTS_MAX = 4096

LOOK_EVERY_S = 0.25
"""How often the store is asked for what others have written, while what we wrote ourselves is known without it."""


class ThreadedTail:
    """Read the log for the published topics, each entry with the receipt of its message.

    What `recent` knows is taken from there, and from the store what others wrote or what is further back.
    """

    def __init__(
        self, thread: OneThread, ledger: ExitLedger, topics: Sequence[str], recent: RecentLog
    ) -> None:
        self._thread = thread
        self._ledger = ledger
        self._topics = frozenset((*topics, MessageReceived.TOPIC))
        self._recent = recent
        self._looked: Stopwatch | None = None
        self._receipts: OrderedDict[UUID, MessageReceived] = OrderedDict()

    async def head(self) -> int:
        return await self._thread.run(self._ledger.head)

    async def page(self, after: int, limit: int) -> LogPage:
        page = self._recent_page(after, limit)
        if page is None or (page.upto == after and not self._has_just_looked()):
            self._looked = Stopwatch()
            page = await self._thread.run(partial(self._page, after, limit))
        return page

    async def open_decisions(self) -> LogPage:
        return await self._thread.run(self._open_decisions)

    def _recent_page(self, after: int, limit: int) -> LogPage | None:
        """Return what is known without the store; None when it has something before that, or a receipt for it."""
        known = self._recent.after(after, limit, self._topics)
        if known is None:
            return None
        entries, upto = known
        try:
            return LogPage(tuple(self._paired(entries, self._receipts.__getitem__)), upto)
        except KeyError:
            return None

    def _has_just_looked(self) -> bool:
        return self._looked is not None and self._looked.seconds < LOOK_EVERY_S

    def _page(self, after: int, limit: int) -> LogPage:
        head = self._ledger.head()
        if head <= after:
            return LogPage((), after)
        entries = list(islice(self._ledger.log(after, upto=head, topics=sorted(self._topics)), limit))
        upto = entries[-1].position if len(entries) == limit else head
        return LogPage(tuple(self._paired(entries, self._receipt)), upto)

    def _open_decisions(self) -> LogPage:
        head = self._ledger.head()
        topics = (LevelsComputed.TOPIC, ExitPlanCompleted.TOPIC, ExitPlanCancelled.TOPIC)
        latest: dict[UUID, LogEntry] = {}
        for entry in self._ledger.log(upto=head, topics=topics):
            if isinstance(entry.event, LevelsComputed):
                if entry.event.context.origin is Origin.LIVE:
                    latest[entry.stream_id] = entry
            else:
                latest.pop(entry.stream_id, None)
        entries = sorted(latest.values(), key=lambda entry: entry.position)
        return LogPage(tuple(self._paired(entries, self._receipt)), head)

    def _paired(
        self, entries: Sequence[LogEntry], receipt_of: Callable[[UUID], MessageReceived | None]
    ) -> Iterator[tuple[LogEntry, MessageReceived | None]]:
        for entry in entries:
            if isinstance(entry.event, MessageReceived):
                self._remember(entry.stream_id, entry.event)
                yield entry, entry.event
            else:
                receipt_id = _receipt_id_of(entry.event)
                yield entry, None if receipt_id is None else receipt_of(receipt_id)

    def _receipt(self, receipt_id: UUID) -> MessageReceived | None:
        known = self._receipts.get(receipt_id)
        if known is None:
            known = self._ledger.receipts([receipt_id]).get(receipt_id)
            if known is not None:
                self._remember(receipt_id, known)
        return known

    def _remember(self, receipt_id: UUID, receipt: MessageReceived) -> None:
        self._receipts[receipt_id] = receipt
        while len(self._receipts) > RECEIPTS_MAX:
            self._receipts.popitem(last=False)


def _receipt_id_of(event: ExitEvent) -> UUID | None:
    """Return the receipt of the message that caused an event; None where something else did, or the event does not say."""
    if isinstance(event, Decision):
        return event.causes[0] if event.causes else None
    if isinstance(event, PositionEvent | PlanEvent) and event.stamp.by is CausedBy.MESSAGE:
        return event.stamp.cause_id
    return None
