"""Send messages through a real Redis and a real worker, wait, and read the streams it writes."""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import Any

from redis import Redis

from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import LevelsComputed, LevelsRefused
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.server import POLL_S, Guarded, redis_server
from exitbrain.infrastructure.demo.tour import Done
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.stream_names import Names

NAMES = Names()
LETTERS = tuple(NAMES.dead_letters_of(NAMES.source_of(stream)) for stream in NAMES.incoming)
DONE_WITHIN_S = 30.0


def through_redis(
    program: Path, messages: Sequence[Mapping[str, Any]], events: Mapping[str, int], refused: int, serve: str
) -> Done:
    """Send messages to the worker through our own Redis.

    They must produce these numbers of `events` by type, and `refused` dead letters.
    """
    due = {"dead letters": refused, "adaptive levels": events["levels_computed"], **events}
    with redis_server(program) as url, Redis.from_url(url, decode_responses=True) as client:
        command = [sys.executable, "-m", "exitbrain.infrastructure.cli.main", *serve.split(), "--redis", url]
        worker = Guarded(command, cwd=Path.cwd(), log=Path("worker.log"), environment=os.environ)
        with closing(worker):
            _wait(lambda: all(client.exists(stream) for stream in NAMES.incoming))
            began_s = perf_counter()
            _send(client, messages)
            _wait(lambda: _came_out(client)[0] == due)
            seconds = perf_counter() - began_s
            code = worker.close()
        about: Any = client.info("server")
        counted, in_order = _came_out(client)
        groups: list[Any] = [client.xinfo_groups(stream) for stream in NAMES.incoming]
    return [
        f"{about['server_name']} {about['valkey_version']} and exitbrain serve ran for this step only.",
        f"{len(messages)} messages went in on trade.intent and trade.closed; {seconds:.2f} s later these had been published:",
        f"  {', '.join(f'{counted.get(kind, 0)} {kind}' for kind in due)}",
    ], {
        "each message is acknowledged": [[one["pending"] for one in group] for group in groups] == [[0], [0]],
        "each decision, event and dead letter is published": counted == due,
        "each is published once, in the order of the log": in_order,
        "the worker ended on SIGTERM with exit code 0": code == 0,
    }


def _send(client: Redis, messages: Sequence[Mapping[str, Any]]) -> None:
    """Add messages to their streams as if just sent, each a millisecond after the one before."""
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(milliseconds=len(messages))
    for number, message in enumerate(messages):
        at, fields = first + timedelta(milliseconds=number), dict(message["fields"])
        if "timestamp" in fields:
            fields["timestamp"] = at.isoformat()
        client.xadd(message["stream"], fields, id=f"{int(at.timestamp() * 1000)}-0")


def _came_out(client: Redis) -> tuple[dict[str, int], bool]:
    """Count the entries of the streams the worker writes, and return whether each is in the order of the log."""
    counted: Counter[str] = Counter()
    in_order = True
    for stream in (NAMES.adaptive_levels, NAMES.events, *LETTERS):
        entries: Any = client.xrange(stream)
        places = [json.loads(fields["payload"])["log_position"] for _, fields in entries]
        in_order &= places == sorted(set(places))
        if stream == NAMES.events:
            counted.update(fields["event_type"] for _, fields in entries)
        else:
            counted["dead letters" if stream in LETTERS else "adaptive levels"] += len(entries)
    return dict(counted), in_order


def _wait(reached: Callable[[], bool]) -> None:
    """Wait until it is reached or takes too long; the final checks show which."""
    deadline = monotonic() + DONE_WITHIN_S
    while not reached() and monotonic() < deadline:
        sleep(POLL_S)


def effects(store: str) -> list[tuple[object, ...]]:
    """Return the effects of messages in order, without message ids, times, and anything that depends on their age."""
    found: list[tuple[object, ...]] = []
    with opened(load_settings(store=f"sqlite:///{store}")) as container:
        for entry in container.ledger().log():
            event = entry.event
            if isinstance(event, MessageReceived):
                found.append((event.source, event.disposition, event.reason))
            elif isinstance(event, LevelsComputed | LevelsRefused):
                judged, id_ = event.levels, decision_id(entry.stream_id, event.revision)
                found.append((id_, event.inputs, event.policy, judged.raw, judged.triggers))
            else:
                found.append((type(event).__name__,))
    return found
