"""The store a run begins with: a new one, or one into which some round trips were imported before."""

from collections.abc import Iterator
from functools import cache
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.recording import opening
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.memory import InMemoryRecorder
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.world import MAX_BYTES, THIS_STORE, StoppedClock


@cache
def history(round_trips: int) -> tuple[StoredEvent, ...]:
    """Return the events of a store that has seen so many round trips."""
    ledger = StoredLedger(InMemoryRecorder(), "the store")
    clock = StoppedClock()
    opening.begin(ledger, clock, "simulation", store_id=THIS_STORE)
    intake = Intake(BuiltInFormulas(), WireTranslator())
    Recorder(ledger, intake, NoInstruments(), clock, DecisionSettings()).handle_batch(
        [message for number in range(round_trips) for message in _round_trip(number)]
    )
    return stored_events(ledger)


def stored_events(ledger: StoredLedger) -> tuple[StoredEvent, ...]:
    """Return everything in a store, to be put into another."""
    return tuple(
        StoredEvent(UUID(stream), version, topic, state) for _, stream, version, topic, state in ledger.rows()
    )


def _round_trip(number: int) -> Iterator[IncomingMessage]:
    opened = {"symbol": f"S{number}USDT", "side": "BUY", "leverage": "10"}
    closed = {"symbol": f"S{number}USDT", "pnl_percent": str(number - 1.4)}
    for source, fields in (("trade.intent", opened), ("trade.closed", closed)):
        stream = f"quantum:stream:{source}"
        yield from_fields(stream, None, fields, origin=Origin.IMPORT, max_bytes=MAX_BYTES)
