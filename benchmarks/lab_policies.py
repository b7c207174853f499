"""Other policies on recorded decisions: a thousand policies over a hundred thousand decisions in one pass."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import numpy as np

from benchmarks.measure import Figure, best_of
from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recording import opening
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.recorder import Recorder
from exitbrain.application.whatif.decisions import Counterfactual, LeftOut, RowCounterfactual
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.events import Record
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.variant import variant_of
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.demo.synthetic import instruments, lines
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decoded_decisions import DecodedDecisions
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.lab.column_builder import columns_of
from exitbrain.infrastructure.lab.snapshots import SnapshotColumns
from exitbrain.infrastructure.lab.sweep import Sweep
from exitbrain.infrastructure.lab.sweep_rows import RecordedRows
from exitbrain.infrastructure.wire.jsonl import read_messages
from exitbrain.infrastructure.wire.translator import WireTranslator

DECISIONS, DISTINCT = 100_000, 5_000
SAMPLE, SAMPLE_POLICIES = 300, 10


def figures() -> Iterator[Figure]:
    """Yield the sweep over decisions in distances, and over decisions rounded to ticks."""
    yield _sweep(NoInstruments(), "no instrument known")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "instruments.json"
        file.write_text(json.dumps(instruments()), encoding="utf-8")
        yield _sweep(InstrumentsFile(file), "ticks, steps and brackets known")


def _sweep(known: Instruments, what: str) -> Figure:
    ledger, few = _ledger(known, 2 * DISTINCT), _ledger(known, SAMPLE)
    policies = [
        variant_of(V3_6, {"base_sl": 0.002 + stop * 1e-4, "spacing": 1.1 + step * 0.02})
        for stop in range(100)
        for step in range(10)
    ]
    recorded = _recorded(ledger, DISTINCT)
    many = recorded.part(np.arange(DECISIONS) % len(recorded.columns))
    sample = policies[:: len(policies) // SAMPLE_POLICIES]

    taken = best_of(3, lambda: _in_columns(policies, many))
    scalar = best_of(2, lambda: _by_row(few, sample))
    rows = _by_row(few, sample)
    if _in_columns(sample, _recorded(few, SAMPLE)) != rows:
        raise AssertionError("the two gave different answers")
    answers = rows.answers[0].decisions * len(sample)
    return Figure(
        f"1,000 policies on 100,000 decisions, {what}: changes, guards, safe and unsafe plans",
        "s",
        taken,
        "scalar loop over a sample",
        scalar / answers * len(policies) * DECISIONS,
        "10",
        "1",
        f"{len(policies):,} variants of v3.6 on {DECISIONS:,} decisions of v3.5 ({len(recorded.columns):,} distinct), "
        f"two threads; the sample of {answers:,} answers is equal to the bit",
    )


def _ledger(known: Instruments, count: int) -> InMemoryLedger:
    ledger, clock = InMemoryLedger(), SystemClock()
    opening.begin(ledger, clock, "benchmark", store_id=uuid4())
    recorder = Recorder(ledger, Intake(BuiltInFormulas(), WireTranslator()), known, clock, DecisionSettings())
    messages = list(read_messages(lines(count, symbols=8, refused=False), max_bytes=65_536))
    for start in range(0, len(messages), 500):
        recorder.handle_batch(messages[start : start + 500])
    return ledger


def _stored(ledger: InMemoryLedger, count: int) -> Iterator[RawRow]:
    for number, entry in enumerate(ledger.log(topics=DECISION_TOPICS)):
        if number == count:
            return
        event = MAPPER.to_stored_event(Record(entry.stream_id, entry.version, entry.event))
        yield entry.position, UUID(int=entry.stream_id.int).hex, entry.version, event.topic, event.state


def _recorded(ledger: InMemoryLedger, count: int) -> RecordedRows:
    columns = columns_of(_stored(ledger, count))
    found = [ledger.instrument(content_hash) for content_hash in columns.snapshot.values]
    snapshots = SnapshotColumns.of([each or Instrument("unknown") for each in found])
    return RecordedRows(columns, (V3_5,), np.zeros(len(columns), dtype=np.int64), snapshots)


def _in_columns(policies: Sequence[Policy], recorded: RecordedRows) -> Counterfactual:
    sweep = Sweep(policies)
    sweep.take(recorded)
    return sweep.answer(LeftOut(0, 0, 0))


def _by_row(ledger: InMemoryLedger, policies: Sequence[Policy]) -> Counterfactual:
    return RowCounterfactual(
        Policies(ledger), Snapshots(ledger), DecodedDecisions(ledger), BuiltInFormulas()
    ).run(policies)
