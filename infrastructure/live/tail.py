"""The log as the publisher reads it, on a thread and a connection of its own."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.application.ports.live_recording import LogPage
from exitbrain.domain.exit_plan import ExitPlanCancelled, ExitPlanCompleted, LevelsComputed
from exitbrain.domain.receipt import MessageReceived
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.live.recording import OneThread

RECEIPTS_MAX = 4096


class ThreadedTail:
    """Read the log for the published topics, each entry with the receipt of its message."""

    def __init__(self, thread: OneThread, ledger: ExitLedger, topics: Sequence[str]) -> None:
        self._thread = thread
        self._ledger = ledger
        self._topics = tuple(dict.fromkeys((*topics, MessageReceived.TOPIC)))
        self._receipts: OrderedDict[UUID, MessageReceived] = OrderedDict()

    async def page(self, after: int, limit: int) -> LogPage:
        return await self._thread.run(partial(self._page, after, limit))

    async def open_decisions(self) -> LogPage:
        return await self._thread.run(self._open_decisions)

    def _page(self, after: int, limit: int) -> LogPage:
        head = self._ledger.head()
        if head <= after:
            return LogPage((), after)
        entries = list(islice(self._ledger.log(after, upto=head, topics=self._topics), limit))
        upto = entries[-1].position if len(entries) == limit else head
        return LogPage(tuple(self._with_receipts(entries)), upto)

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
        return LogPage(tuple(self._with_receipts(entries)), head)

    def _with_receipts(
        self, entries: Sequence[LogEntry]
    ) -> Iterator[tuple[LogEntry, MessageReceived | None]]:
        for entry in entries:
            if isinstance(entry.event, MessageReceived):
                self._remember(entry.stream_id, entry.event)
                yield entry, entry.event
            else:
                receipt_id = _cause_of(entry)
                yield entry, None if receipt_id is None else self._receipt(receipt_id)

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


def _cause_of(entry: LogEntry) -> UUID | None:
    stamp = getattr(entry.event, "stamp", None)
    if stamp is not None:
        receipt_id: UUID = stamp.receipt_id
        return receipt_id
    causes: tuple[UUID, ...] = getattr(entry.event, "causes", ())
    return causes[0] if causes else None
