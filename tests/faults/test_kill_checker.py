"""The checker of the kill runs finds what it looks for: each doctored store or stream is called by its defect."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.opening import begin
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.demo.synthetic import messages
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.wire.incoming import from_fields
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.faults.processes import evidence as gathered
from tests.faults.processes.checker import violations
from tests.faults.processes.evidence import (
    CLOSES,
    EVENTS,
    INCOMING,
    INTENTS,
    LEVELS,
    RECEIPT,
    Entry,
    Evidence,
    Group,
    Row,
)
from tests.faults.processes.replays import drifts
from tests.world import THIS, THIS_STORE

MESSAGES = 200
Doctored = Callable[[Evidence], Evidence]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Return what a run leaves behind in which every promise was kept."""
    return _evidence(tmp_path_factory.mktemp("kept") / "store.db")


def _evidence(path: Path) -> Evidence:
    url = f"sqlite:///{path}"
    streams: dict[str, list[Entry]] = {stream: [] for stream in (*INCOMING, *gathered.OUTGOING)}
    with closing(open_ledger(url, create=True)) as ledger:
        begin(ledger, SystemClock(), "test", store_id=THIS_STORE)
        settings = DecisionSettings(dedupe_by="trace_id")
        intake = Intake(BuiltInFormulas(), WireTranslator())
        recorder = Recorder(ledger, intake, NoInstruments(), SystemClock(), settings)
        incoming = list(_incoming(streams))
        recorder.handle_batch(incoming)
        language = Published(THIS, PolicyUnits(ledger.register), WireTranslator())
        receipt: MessageReceived | None = None
        for entry in ledger.log():
            receipt = entry.event if isinstance(entry.event, MessageReceived) else receipt
            for one in language.entries(entry, receipt):
                streams[one.stream].append(Entry(f"{entry.position}-0", one.fields))
    acknowledged = [(stream, entry.entry_id) for stream in INCOMING for entry in streams[stream]]
    groups = {stream: Group(0, 0) for stream in INCOMING}
    return Evidence(list(gathered.rows(url)), streams, groups, acknowledged)


def _incoming(streams: dict[str, list[Entry]]) -> Iterator[IncomingMessage]:
    for number, message in enumerate(messages(MESSAGES, symbols=10), start=1):
        texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in message["fields"].items()}
        texts["trace_id"] = f"trace-{number}"
        for time in range(1 + (number % 20 == 0)):
            entry = Entry(f"{1_700_000_000_000 + number}-{time}", texts)
            streams[message["stream"]].append(entry)
            yield from_fields(message["stream"], entry.entry_id, texts, origin=Origin.LIVE, max_bytes=65_536)


def _without_row(evidence: Evidence, topic: str, at: int = 3) -> Evidence:
    chosen = [row for row in evidence.rows if row.topic == topic][at]
    return replace(evidence, rows=[row for row in evidence.rows if row is not chosen])


def _with_stream(evidence: Evidence, stream: str, entries: list[Entry]) -> Evidence:
    return replace(evidence, streams=evidence.streams | {stream: entries})


def _changed_row(evidence: Evidence, topic: str, at: int = 3, **changes: object) -> Evidence:
    chosen = [row for row in evidence.rows if row.topic == topic][at]
    changed = replace(chosen, content=chosen.content | changes)
    return replace(evidence, rows=[changed if row is chosen else row for row in evidence.rows])


def _receipt_twice(evidence: Evidence) -> Evidence:
    chosen = next(row for row in evidence.rows if row.topic == RECEIPT)
    twin = replace(chosen, stream_id="0" * 32, position=evidence.rows[-1].position + 1)
    return replace(evidence, rows=[*evidence.rows, twin])


def _decision_twice(evidence: Evidence) -> Evidence:
    chosen = next(row for row in evidence.rows if row.topic == "exitbrain.LevelsComputed")
    twin = Row(evidence.rows[-1].position + 1, "1" * 32, 1, chosen.topic, chosen.content)
    return replace(evidence, rows=[*evidence.rows, twin])


def _opened_again(evidence: Evidence) -> Evidence:
    chosen = next(row for row in evidence.rows if row.topic == "exitbrain.PositionOpened")
    content = chosen.content | {"cycle": 2}
    at = evidence.rows.index(chosen) + 1
    twin = Row(chosen.position, "2" * 32, 1, chosen.topic, content)
    return replace(evidence, rows=[*evidence.rows[:at], twin, *evidence.rows[at:]])


def _decided_late(evidence: Evidence) -> Evidence:
    """Move the receipt of the first close behind everything else."""
    chosen = next(row for row in evidence.rows if row.content.get("stream") == CLOSES)
    rows = [row for row in evidence.rows if row is not chosen]
    return replace(evidence, rows=[*rows, replace(chosen, position=rows[-1].position + 1)])


DOCTORED: dict[str, tuple[Doctored, str]] = {
    "a missing receipt": (lambda e: _without_row(e, RECEIPT), ": 0 receipts"),
    "a second receipt": (_receipt_twice, ": 2 receipts"),
    "a receipt of other content": (
        lambda e: _changed_row(e, RECEIPT, fields={"values": {"payload": json.dumps({"side": "HOLD"})}}),
        "the receipt holds other fields",
    ),
    "a receipt of nothing": (
        lambda e: _with_stream(e, INTENTS, e.streams[INTENTS][1:]),
        "a receipt for a message that is in no stream",
    ),
    "a message lost by the server": (
        lambda e: replace(e, acknowledged=[*e.acknowledged, (INTENTS, "9-9")]),
        "acknowledged by the server and no longer there",
    ),
    "a missing decision": (
        lambda e: _without_row(e, "exitbrain.LevelsComputed"),
        ": 0 decisions instead of 1",
    ),
    "a second decision": (_decision_twice, ": 2 decisions instead of 1"),
    "a decision not published": (
        lambda e: _with_stream(e, LEVELS, e.streams[LEVELS][:5] + e.streams[LEVELS][6:]),
        f"{LEVELS}: exitbrain.adaptive_levels",
    ),
    "a decision published twice": (
        lambda e: _with_stream(e, LEVELS, [*e.streams[LEVELS], e.streams[LEVELS][-1]]),
        "is published 2 times",
    ),
    "decisions out of order": (
        lambda e: _with_stream(
            e, EVENTS, [*e.streams[EVENTS][:5], *reversed(e.streams[EVENTS][5:7]), *e.streams[EVENTS][7:]]
        ),
        "comes after that of",
    ),
    "an event not published": (
        lambda e: _with_stream(e, EVENTS, e.streams[EVENTS][:-1]),
        "is missing",
    ),
    "a dead letter missing": (
        lambda e: _with_stream(e, "quantum:dlq:trade.intent", []),
        "quantum:dlq:trade.intent: message_refused",
    ),
    "a close decided after what came later": (_decided_late, "was decided after"),
    "a gap in versions": (
        lambda e: _without_row(e, "exitbrain.PositionIncreased", 0),
        "version",
    ),
    "a position opened while one is open": (_opened_again, "opened while the one before was open"),
    "a gap in cycles": (
        lambda e: _changed_row(e, "exitbrain.PositionOpened", 0, cycle=7),
        "cycle 7 where 1 was due",
    ),
    "an entry still pending": (
        lambda e: replace(e, groups=e.groups | {INTENTS: Group(1, 0)}),
        "1 entries pending",
    ),
    "an entry never delivered": (
        lambda e: replace(e, groups=e.groups | {INTENTS: Group(0, 1)}),
        "1 never delivered",
    ),
}


def test_a_run_that_kept_every_promise_passes(kept: Evidence) -> None:
    assert violations(kept) == []
    topics = {row.topic for row in kept.rows}
    assert {"exitbrain.LevelsComputed", "exitbrain.PositionIncreased", "exitbrain.PositionClosed"} <= topics
    assert kept.streams["quantum:dlq:trade.intent"]


@pytest.mark.parametrize("defect", DOCTORED)
def test_a_broken_promise_is_found(kept: Evidence, defect: str) -> None:
    doctor, sentence = DOCTORED[defect]
    found = violations(doctor(kept))
    assert any(sentence in one for one in found), found


def test_a_message_that_was_sent_twice_and_taken_twice_is_found(kept: Evidence) -> None:
    resent = next(row for row in kept.rows if row.content.get("reason") == "DUPLICATE_MESSAGE")
    at = [row for row in kept.rows if row.topic == RECEIPT].index(resent)
    trace_id = resent.content["fields"]["values"]["trace_id"]
    found = violations(_changed_row(kept, RECEIPT, at, disposition="ACCEPTED"))
    assert f"{trace_id}: accepted 2 times" in found


def test_a_row_missing_from_the_file_itself_is_found(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    evidence = _evidence(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "DELETE FROM stored_events WHERE rowid = "
            "(SELECT max(rowid) FROM stored_events WHERE topic = 'exitbrain.LevelsComputed')"
        )
    found = violations(replace(evidence, rows=list(gathered.rows(f"sqlite:///{path}"))))
    assert any("0 decisions instead of 1" in one for one in found)
    assert any("without being in the log" in one for one in found)


def test_a_decision_altered_in_the_file_is_found_by_the_replays(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    _evidence(path)
    assert list(drifts(f"sqlite:///{path}")) == []
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE stored_events SET state = CAST(replace(CAST(state AS TEXT), '\"leverage\":10.0', '\"leverage\":11.0') "
            "AS BLOB) WHERE topic = 'exitbrain.LevelsComputed'"
        )
    assert any(one.startswith("decision replay") for one in drifts(f"sqlite:///{path}"))
