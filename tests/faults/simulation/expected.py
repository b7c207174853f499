"""What the streams must hold, told from the log alone."""

from dataclasses import dataclass, field
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.application.ports.publisher import PublishedLanguage, PublishedPosition
from exitbrain.domain.events import Stamp
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import Decision, ExitPlanCancelled, ExitPlanCompleted, LevelsComputed
from exitbrain.domain.values import Origin
from tests.faults.simulation.streams import Fields, StreamServer


@dataclass(slots=True)
class _Said:
    """What the published language says of one entry of the log, by stream."""

    entry: LogEntry
    by_stream: dict[str, list[Fields]]


@dataclass(slots=True)
class Expected:
    """The log in the published language, as far as it was read."""

    ledger: ExitLedger
    language: PublishedLanguage
    position: int = 0
    said: list[_Said] = field(default_factory=list)
    receipts: dict[UUID, MessageReceived] = field(default_factory=dict)

    def catch_up(self) -> None:
        """Read what the log has grown by."""
        for entry in self.ledger.log(self.position):
            self.position = entry.position
            if isinstance(entry.event, MessageReceived):
                self.receipts[entry.stream_id] = entry.event
            by_stream: dict[str, list[Fields]] = {}
            for outgoing in self.language.entries(entry, self._receipt_of(entry)):
                by_stream.setdefault(outgoing.stream, []).append(outgoing.fields)
            self.said.append(_Said(entry, by_stream))

    def is_published(self, server: StreamServer) -> bool:
        """Return whether every stream says that it holds all there is for it."""
        self.catch_up()
        for stream in self.language.streams:
            newest = max((said.entry.position for said in self.said if stream in said.by_stream), default=0)
            position = server.published[stream].position if stream in server.published else None
            if not isinstance(position, PublishedPosition) or position.position < newest:
                return False
        return True

    def contents(self, stream: str, begun: int) -> list[Fields]:
        """Return what a stream holds whose publishing began, without a known position, at a place of the log.

        First the latest live decision of each plan open there, then everything after it, in the order of the log.
        """
        self.catch_up()
        latest: dict[UUID, _Said] = {}
        for said in self.said:
            event = said.entry.event
            if said.entry.position > begun:
                break
            if isinstance(event, LevelsComputed) and event.context.origin is Origin.LIVE:
                latest[said.entry.stream_id] = said
            elif isinstance(event, ExitPlanCompleted | ExitPlanCancelled):
                latest.pop(said.entry.stream_id, None)
        first = sorted(latest.values(), key=lambda said: said.entry.position)
        later = [said for said in self.said if said.entry.position > begun]
        return [fields for said in (*first, *later) for fields in said.by_stream.get(stream, ())]

    def _receipt_of(self, entry: LogEntry) -> MessageReceived | None:
        if isinstance(entry.event, MessageReceived):
            return entry.event
        if isinstance(entry.event, Decision):
            cause = next(iter(entry.event.causes), None)
        else:
            stamp: Stamp | None = getattr(entry.event, "stamp", None)
            cause = None if stamp is None else stamp.cause_id
        return None if cause is None else self.receipts.get(cause)
