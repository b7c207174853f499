"""The data that a look-ahead test reads from a record: messages, decisions and instruments."""

from dataclasses import dataclass, field
from datetime import datetime

from exitbrain.application.lookahead.engines import Ask
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.recording.received import message_of
from exitbrain.domain.identity import decision_id
from exitbrain.domain.levels.instrument import Instrument, InstrumentSnapshotTaken
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import LevelsComputed, LevelsRefused


class RecordedInstruments:
    """Each symbol's first recorded instrument, the same in every run."""

    def __init__(self) -> None:
        self._first: dict[str, Instrument] = {}

    def learn(self, instrument: Instrument) -> None:
        """Add an instrument of the record, unless its symbol is known."""
        self._first.setdefault(instrument.symbol, instrument)

    def instrument(self, symbol: str) -> Instrument | None:
        return self._first.get(symbol)


@dataclass(slots=True)
class RecordExcerpt:
    """The beginning of a record: messages with their times of recording, decisions in log order, instruments."""

    messages: list[tuple[IncomingMessage, datetime]] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    instruments: RecordedInstruments = field(default_factory=RecordedInstruments)


def history_of(ledger: ExitLedger, most: int) -> RecordExcerpt:
    """Return up to `most` first messages of a record, with their decisions; raises UnreadableEvent."""
    history = RecordExcerpt()
    snapshots: dict[str, Instrument] = {}
    for entry in ledger.log():
        match entry.event:
            case MessageReceived() as receipt:
                if len(history.messages) == most:
                    break
                history.messages.append((message_of(receipt), receipt.recorded_at))
            case InstrumentSnapshotTaken() as taken:
                snapshots[taken.instrument.content_hash] = taken.instrument
                history.instruments.learn(taken.instrument)
            case LevelsComputed() | LevelsRefused() as decision:
                snapshot = snapshots.get(decision.context.snapshot or "")
                brackets = () if snapshot is None else tuple(snapshot.brackets)
                subject = f"decision {decision_id(entry.stream_id, decision.revision)}"
                history.asks.append(Ask(subject, decision.inputs, brackets))
    return history
