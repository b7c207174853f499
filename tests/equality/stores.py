"""Seeded runs, each in an SQLite store with a fixed id and clock: stored bytes, published entries and ids."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.equality import subject
from tests.equality.pins import Findings, Groups

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
LATE = timedelta(milliseconds=250)
"""How long after its time a message of a run is recorded."""

IMPORTED, IMPORTED_SEED = 150, 15
"""How many messages the imported run has, and their seed: there are candles that agree with them."""

SHOWN = 3
"""How many ids of a kind are pinned as they are, beside the hash over all."""

_Message = tuple[str, str, dict[str, object]]


@dataclass(frozen=True)
class Row:
    """An event as it lies in the table."""

    stream_id: str
    version: int
    topic: str
    state: str


@dataclass(frozen=True)
class Run:
    """What a seeded run left behind."""

    rows: list[Row]
    published: dict[str, list[dict[str, str]]]


@dataclass(frozen=True)
class Story:
    """How a store is begun and what happens then; instruments say ticks, steps and brackets."""

    policy: str
    instruments: Callable[[], object] | None
    messages: Callable[[], Iterator[_Message]]
    live: bool = True
    between: Callable[[subject.World, int], None] | None = None
    """Called before the message of that number."""

    begins_again: bool = False
    """Whether the streams are begun anew at the end, under another epoch."""


def _of_seed(count: int, seed: int, symbols: int) -> Callable[[], Iterator[_Message]]:
    def messages() -> Iterator[_Message]:
        for one in subject.synthetic.messages(count, seed=seed, symbols=symbols):
            yield one["stream"], one["stream_id"], one["fields"]

    return messages


def _example_messages() -> Iterator[_Message]:
    for line in (EXAMPLES / "messages.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        yield one["stream"], one["stream_id"], one["fields"]


def _odd_messages() -> Iterator[_Message]:
    """Yield one message for each of many things that can become of one."""
    entry: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "entry_price": 90000.0,
        "quantity": "0.02",
        "leverage": 10,
    }
    report: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "LONG",
        "exit_price": "90900",
        "pnl_percent": "1.0",
        "order_id": "7",
    }
    said: list[tuple[str, dict[str, object]]] = [
        ("trade.intent", entry),
        ("trade.intent", {**entry, "side": "SELL", "reduce_only": True, "price": 90900.0}),
        ("trade.closed", report),
        ("trade.closed", report),
        ("trade.closed", {"symbol": "ETHUSDT", "exit_price": "-1"}),
        ("trade.closed", {"symbol": "ETHUSDT", "exit_price": "2990"}),
        ("trade.closed", {"symbol": "", "exit_price": "2990"}),
        ("trade.intent", {"payload": "no JSON"}),
        ("trade.intent", {"payload": "\udcff", "symbol": "ETHUSDT"}),
        ("trade.intent", {**entry, "leverage": "high"}),
        ("trade.intent", {**entry, "side": "HOLD"}),
        ("trade.intent", {**entry, "symbol": "BTC\x1b[31m"}),
        ("trade.intent", {**entry, "symbol": "BTC/USDT:USDT", "paper": True}),
        (
            "trade.intent",
            {"symbol": "ETHUSDT", "side": "SELL", "entry_price": 3000, "position_size_usd": 500},
        ),
        ("trade.intent", {**entry, "symbol": "XRPUSDT", "timestamp": "2025-12-31T00:00:00Z"}),
        ("trade.intent", {**entry, "symbol": "XRPUSDT", "timestamp": "2026-01-02T00:00:00+02:00"}),
        ("trade.intent", {"symbol": "XRPUSDT", "action": "CLOSE", "price": "90500"}),
        ("trade.intent", {**entry, "symbol": "DOGEUSDT", "position_side": "LONG", "retry_of": "1-0"}),
        ("trade.intent", {**entry, "symbol": "DOGEUSDT", "quantity": "1e-9", "volatility_factor": 25}),
        ("trade.intent", {"text": "x" * 70_000}),
    ]
    for number, (stream, fields) in enumerate(said):
        yield f"quantum:stream:{stream}", f"{1767268800000 + 1000 * number}-0", fields


def _example_instruments() -> object:
    return json.loads((EXAMPLES / "instruments.json").read_text(encoding="utf-8"))


def _with_ticks(world: subject.World, number: int) -> None:
    """Change policies and book closes, beside what the messages do."""
    if number == 150:
        world.put_in_force("v3.5", scope="ETHUSDT", by="risk desk", why="a trial")
    if number == 220:
        other = subject.variant("v3.6-wide", "v3.6", world, base_sl=0.008, spacing=1.25)
        world.put_in_force(other, by="risk desk", why="wider stops")
    if number == 221:
        world.put_in_force("v3.6-wide", by="risk desk", why="said twice")
    if number in {180, 181, 280}:
        fields = {"symbol": "BTCUSDT", "price": "90000", "why": "closed by hand", "by": "alice"}
        subject.take(world, "book.close", None, {**fields, "timestamp": str(number)}, live=True)


def _without_ticks(world: subject.World, number: int) -> None:
    if number == 150:
        world.put_in_force("v3.5-fraction", by="risk desk", why="fractions")
    if number == 240:
        world.put_in_force("v3.6", scope="S9USDT", by="risk desk", why="one symbol")


STORIES: dict[str, Story] = {
    "ticks": Story(
        "v3.6", subject.synthetic.instruments, _of_seed(300, 13, 8), between=_with_ticks, begins_again=True
    ),
    "no ticks": Story("v3.5", None, _of_seed(300, 14, 12), between=_without_ticks),
    "imported": Story(
        "v3.6", subject.synthetic.instruments, _of_seed(IMPORTED, IMPORTED_SEED, 8), live=False
    ),
    "odd": Story("v3.6", subject.synthetic.instruments, _odd_messages),
    "examples, cured": Story("v3.6", _example_instruments, _example_messages, live=False),
    "examples": Story("v3.5", None, _example_messages, live=False),
}
"""The runs by their name; the last two hold the golden log, that of the documentation."""


def run_story(story: Story, file: Path) -> Run:
    """Let a story happen in a new store at a path."""
    instruments = None
    if story.instruments is not None:
        instruments = file.with_suffix(".instruments.json")
        instruments.write_text(json.dumps(story.instruments()), encoding="utf-8")
    messages = list(story.messages())
    with subject.store_at(file, story.policy, instruments, _time_of(messages[0]) - LATE) as world:
        publication = subject.Publication(world)
        for number, message in enumerate(messages, start=1):
            world.clock.at = _time_of(message) + LATE
            if story.between is not None:
                story.between(world, number)
            stream, entry_id, fields = message
            subject.take(world, stream, entry_id, fields, live=story.live)
        publication.publish()
        if story.begins_again:
            publication.begin_again()
        published = {stream: publication.entries(stream) for stream in subject.PUBLISHED}
    return Run(rows_of(file), published)


def rows_of(file: Path) -> list[Row]:
    """Return every event of an SQLite store, in the order of the log."""
    columns = "originator_id, originator_version, topic, state"
    with closing(sqlite3.connect(file)) as database:
        found = database.execute(f"SELECT {columns} FROM stored_events ORDER BY rowid")  # noqa: S608 - a constant
        return [Row(one, version, topic, bytes(state).decode()) for one, version, topic, state in found]


def stored_bytes(runs: dict[str, Run]) -> Groups:
    """Return the state of every event, of all in their order and of each topic, and under which id they are stored."""
    groups: Groups = {}
    for name, run in runs.items():
        groups[f"{name}: all"] = [row.state for row in run.rows]
        groups[f"{name}: ids, versions, topics"] = [
            f"{row.stream_id} {row.version} {row.topic}" for row in run.rows
        ]
        for topic in sorted({row.topic for row in run.rows}):
            groups[f"{name}: {topic}"] = [row.state for row in run.rows if row.topic == topic]
    for sample in sorted(subject.SAMPLES.iterdir()):
        groups[f"sample {sample.name}"] = [sample.read_text(encoding="utf-8")]
    return groups


def published_entries(runs: dict[str, Run]) -> Groups:
    """Return every field of every published entry, by run and stream, and again by event type."""
    groups: Groups = {}
    for name, run in runs.items():
        for stream, entries in run.published.items():
            groups[f"{name}: {stream}"] = [json.dumps(fields) for fields in entries]
            for kind in sorted({fields["event_type"] for fields in entries}):
                of_kind = [json.dumps(fields) for fields in entries if fields["event_type"] == kind]
                groups[f"{name}: {stream}, {kind}"] = of_kind
    return groups


def identities(runs: dict[str, Run]) -> tuple[Findings, Groups]:
    """Return the ids and hashes of a run: the first few as they are, and all of them."""
    first: Findings = {}
    every: Groups = {}
    for name, run in runs.items():
        for kind, ids in _ids_of(run).items():
            every[f"{name}: {kind}"] = ids
            first[f"{name}: {kind}"] = ids[:SHOWN]
    return first, every


def _ids_of(run: Run) -> dict[str, list[str]]:
    def streams(event: str) -> list[str]:
        return list(dict.fromkeys(row.stream_id for row in run.rows if row.topic == f"exitbrain.{event}"))

    decisions = [
        json.loads(fields["payload"])["decision_id"]
        for fields in run.published["quantum:stream:exitbrain.events"]
        if fields["event_type"] in {"levels_computed", "levels_refused"}
    ]
    return {
        "receipts": streams("MessageReceived"),
        "claimed keys": streams("KeyClaimed"),
        "positions": streams("PositionOpened"),
        "plans": streams("ExitPlanOpened"),
        "snapshots": streams("InstrumentSnapshotTaken"),
        "hashes of snapshots": [
            subject.content_hash(row.topic, row.state.encode())
            for row in run.rows
            if row.topic.endswith(".InstrumentSnapshotTaken")
        ],
        "policies": [
            f"{policy['name']} {policy['fingerprint']} {policy['parameters_hash']}"
            for policy in (json.loads(r.state) for r in run.rows if r.topic.endswith(".PolicyRegistered"))
        ],
        "decisions": decisions,
    }


def _time_of(message: _Message) -> datetime:
    return datetime.fromtimestamp(int(message[1].partition("-")[0]) / 1000, UTC)
