"""Messages through a real Redis and the real worker: sent, waited for, read again on the streams that it writes."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import redis

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.exit_plan import ExitPlanCancelled, ExitPlanCompleted, LevelsComputed, LevelsRefused
from exitbrain.domain.position_events import PositionClosed
from exitbrain.domain.receipt import Disposition, MessageReceived
from exitbrain.domain.values import Side
from exitbrain.infrastructure.demo.claims import ClaimFalse, claim
from exitbrain.infrastructure.demo.results import PublishedLevels
from exitbrain.infrastructure.demo.server import POLL_S, Guarded
from exitbrain.infrastructure.redis.streams import Names

NAMES = Names()
"""The worker is run without settings of whoever runs the demonstration, so its names are the usual ones."""

DONE_WITHIN_S = 30.0
WORKER_LOG = "worker.log"
PUBLISHED = (LevelsComputed, LevelsRefused, PositionClosed, ExitPlanCancelled, ExitPlanCompleted)
"""What of a live message is published as an event, beside an exit that ended nothing."""

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CameOut:
    """What the worker wrote to its streams: the fields of each entry."""

    levels: Sequence[Fields]
    events: Sequence[Fields]
    dead_letters: Sequence[Fields]

    def kinds(self) -> dict[str, int]:
        """Return how many events there are of each type."""
        return dict(Counter(fields["event_type"] for fields in self.events))

    def example(self, symbol: str) -> PublishedLevels:
        """Return what the last published levels of a symbol say."""
        payloads = [json.loads(fields["payload"]) for fields in self.levels]
        last = [payload for payload in payloads if payload["symbol"] == symbol][-1]
        levels = last["adaptive_levels"]
        numbers = (levels[name] for name in ("tp1", "tp2", "tp3", "sl", "LSF"))
        return PublishedLevels(symbol, Side(last["side"]), last["leverage"], *numbers)


@contextmanager
def worker(folder: Path, redis_url: str, store: str, instruments: str) -> Iterator[Guarded]:
    """Run `exitbrain serve` in a folder until the context ends."""
    command = [sys.executable, "-m", "exitbrain.infrastructure.cli.main", "serve", "--redis", redis_url]
    command += [
        "--store",
        store,
        "--instruments",
        instruments,
        "--consumer",
        "demo",
        "--health",
        "127.0.0.1:0",
    ]
    # Settings of whoever runs the demonstration must not change the story.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXITBRAIN_")}
    running = Guarded(command, cwd=folder, log=folder / WORKER_LOG, environment=environment)
    try:
        yield running
    finally:
        running.end()


def send(client: redis.Redis, messages: Sequence[Fields]) -> None:
    """Add messages to their streams as if they had come just now, each a millisecond after the one before."""
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(milliseconds=len(messages))
    pipeline = client.pipeline(transaction=False)
    for number, message in enumerate(messages):
        at = first + timedelta(milliseconds=number)
        fields = message["fields"] | (
            {"timestamp": at.isoformat()} if "timestamp" in message["fields"] else {}
        )
        pipeline.xadd(message["stream"], fields, id=f"{int(at.timestamp() * 1000)}-0")
    pipeline.execute()


def await_groups(client: redis.Redis, log: Path) -> None:
    """Wait until the worker has begun to read."""
    _until(
        lambda: all(client.exists(stream) for stream in NAMES.incoming), "the worker reads its streams", log
    )


def await_acknowledged(client: redis.Redis, log: Path) -> None:
    """Wait until the worker has acknowledged every message."""
    _until(
        lambda: all(_acknowledged(client, stream) for stream in NAMES.incoming),
        "every message is acknowledged",
        log,
    )


def await_published(client: redis.Redis, recorded: Sequence[LogEntry], log: Path) -> None:
    """Wait until the last event of the record is published, and every dead letter."""
    due = max(entry.position for entry in recorded if _is_published(entry))
    dead = sum(1 for entry in recorded if _is_refused(entry))

    def reached() -> bool:
        newest: Any = client.xrevrange(NAMES.events, count=1)
        letters = sum(
            int(client.xlen(NAMES.dead_letters_of(NAMES.source_of(stream)))) for stream in NAMES.incoming
        )
        return letters == dead and bool(newest) and json.loads(newest[0][1]["payload"])["log_position"] >= due

    _until(reached, "every decision is published", log)


def came_out(client: redis.Redis) -> CameOut:
    """Return everything on the streams that the worker writes."""
    dead = [
        fields
        for stream in NAMES.incoming
        for fields in _read(client, NAMES.dead_letters_of(NAMES.source_of(stream)))
    ]
    return CameOut(_read(client, NAMES.adaptive_levels), _read(client, NAMES.events), dead)


def check_published(log: Sequence[LogEntry], out: CameOut) -> None:
    """Raise ClaimFalse unless the streams say what the log holds: once, in its order."""
    computed = [entry.position for entry in log if isinstance(entry.event, LevelsComputed)]
    events = [entry.position for entry in log if _is_published(entry)]
    refused = [entry.position for entry in log if _is_refused(entry)]
    claim(
        _positions(out.levels) == computed, "each decision is published exactly once, in the order of the log"
    )
    claim(_positions(out.events) == events, "each event is published exactly once, in the order of the log")
    claim(sorted(_positions(out.dead_letters)) == refused, "each refused message is one dead letter")


def _is_published(entry: LogEntry) -> bool:
    if isinstance(entry.event, MessageReceived):
        return entry.event.ignored_exit is not None
    return isinstance(entry.event, PUBLISHED)


def _is_refused(entry: LogEntry) -> bool:
    return isinstance(entry.event, MessageReceived) and entry.event.disposition is Disposition.REFUSED


def _acknowledged(client: redis.Redis, stream: str) -> bool:
    groups: Any = client.xinfo_groups(stream) if client.exists(stream) else []
    newest: Any = client.xinfo_stream(stream)["last-generated-id"]
    ours = [group for group in groups if group["name"] == NAMES.group_of(stream)]
    return bool(ours) and ours[0]["pending"] == 0 and ours[0]["last-delivered-id"] == newest


def _read(client: redis.Redis, stream: str) -> list[Fields]:
    entries: Any = client.xrange(stream)
    return [fields for _, fields in entries]


def _positions(entries: Sequence[Fields]) -> list[int]:
    return [json.loads(fields["payload"])["log_position"] for fields in entries]


def _until(reached: Callable[[], bool], what: str, log: Path) -> None:
    deadline = monotonic() + DONE_WITHIN_S
    while not reached():
        if monotonic() > deadline:
            said = log.read_text(errors="replace")[-500:]
            raise ClaimFalse(f"{what} within {DONE_WITHIN_S:.0f} s; the worker said: {said}")
        sleep(POLL_S)
