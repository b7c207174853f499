"""`exitbrain serve` as a process, from a real Redis to a real store and back."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import redis

from exitbrain.domain.messages.configuration import IntakeConfigured
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import LevelsComputed
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.wire.jsonl import read_messages
from tests.forked import forks
from tests.names import LEASE
from tests.own_time import LIVENESS_S, wait_until
from tests.servers import RedisServer, fresh_database
from tests.world import MAX_BYTES, World

pytestmark = pytest.mark.integration

INTENTS = "quantum:stream:trade.intent"
CLOSES = "quantum:stream:trade.closed"
LEVELS = "quantum:stream:exitbrain.adaptive_levels"
EVENTS = "quantum:stream:exitbrain.events"
LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}
MANY = 2_000
"""More messages than a worker takes in a glance."""


class Served:
    """A worker process, and what it said; it takes from its environment what it is not given."""

    def __init__(self, folder: Path, url: str, store: str, *flags: str, **environment: str) -> None:
        self.log = folder / f"worker-{time.monotonic_ns()}.log"
        command = ["serve", *(["--redis", url] if url else []), *(["--store", store] if store else [])]
        named = flags if "--consumer" in flags else ("--consumer", "test", *flags)
        command += ["--health", "127.0.0.1:0", *named]
        settings = {**os.environ, **environment}
        self.process = forks().start(command, folder, settings, stdout=os.devnull, stderr=self.log)

    def facts(self, event: str) -> list[dict[str, Any]]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [facts for facts in map(json.loads, lines) if facts["event"] == event]

    def stop(self) -> int:
        """End it as a supervisor would; return its exit code. tests/faults/test_stop.py holds how soon it ends."""
        self.process.send_signal(signal.SIGTERM)
        wait_until(lambda: self.process.poll() is not None, self.log.read_text)
        return self.process.wait()


@pytest.fixture(params=["redis-6.2", "current"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    started = RedisServer(request.param, append_only=True)
    yield started
    started.stop()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    workers: list[Served] = []

    def start(url: str, store: str, *flags: str, **environment: str) -> Served:
        workers.append(Served(tmp_path, url, store, *flags, **environment))
        return workers[-1]

    yield start
    for worker in workers:
        worker.process.kill()
        worker.process.wait()


def settled(client: redis.Redis, worker: Served, stream: str, decisions: int) -> None:
    def reached() -> bool:
        groups: Any = client.xinfo_groups(stream) if client.exists(stream) else []
        newest: Any = client.xinfo_stream(stream)["last-generated-id"]
        done = bool(groups) and groups[0]["pending"] == 0 and groups[0]["last-delivered-id"] == newest
        return done and client.xlen(LEVELS) >= decisions

    wait_until(reached, lambda: f"{client.xlen(LEVELS)} published; {worker.log.read_text()[-2000:]}")


def test_recorded_messages_through_redis_do_what_the_same_file_ingested_does(
    server: RedisServer, serve: Callable[..., Served], tmp_path: Path, shared_data: Path
) -> None:
    lines = (shared_data / "intents" / "trade-intent.jsonl").read_bytes().splitlines()
    client = redis.Redis.from_url(server.url)
    for line in lines:
        message = json.loads(line)
        client.xadd(message["stream"], message["fields"])
    store = f"sqlite:///{tmp_path / 'live.db'}"
    worker = serve(server.url, store)
    settled(client, worker, INTENTS, 21)
    assert worker.stop() == 0
    [stopped] = worker.facts("stopped")
    assert stopped["took_s"] > 0

    world = World(at=datetime.now(UTC))
    world.recorder.handle_batch(list(read_messages(lines, max_bytes=MAX_BYTES)))
    ledger = open_ledger(store, create=False)
    live = World(ledger=ledger)
    live.check_every_replay_is_exact()
    assert meaning(ledger) == meaning(world.ledger)

    published = [json.loads(fields[b"payload"]) for fields in entries(client, LEVELS)]
    decided = [entry.position for entry in ledger.log() if isinstance(entry.event, LevelsComputed)]
    assert [payload["log_position"] for payload in published] == decided
    kinds = [fields[b"event_type"].decode() for fields in entries(client, EVENTS)]
    assert kinds.count("levels_computed") == 21
    assert kinds.count("position_closed") == kinds.count("plan_cancelled") == 3


@pytest.mark.parametrize("server", ["current"], indirect=True)
def test_a_second_worker_stands_by_and_goes_on_when_the_first_is_stopped_or_killed(
    server: RedisServer, serve: Callable[..., Served], tmp_path: Path
) -> None:
    client, store = redis.Redis.from_url(server.url), f"sqlite:///{tmp_path / 'live.db'}"
    stopped = serve(server.url, store, "--consumer", "worker-a")
    wait_until(lambda: bool(stopped.facts("turn_taken")), stopped.log.read_text)
    killed = serve(server.url, store, "--consumer", "worker-b")
    wait_until(lambda: ready(killed), killed.log.read_text)
    send(client, decisions=1)
    settled(client, stopped, INTENTS, 1)
    assert (killed.facts("turn_taken"), gauge(killed, "exitbrain_turn")) == ([], 0)
    assert gauge(killed, "exitbrain_published_entries_total") is None

    assert stopped.stop() == 0
    send(client, decisions=2)
    settled(client, killed, INTENTS, 3)
    [taken] = killed.facts("turn_taken")
    assert (taken["consumer"], gauge(killed, "exitbrain_turn")) == ("worker-b", 1)

    last = serve(server.url, store, "--consumer", "worker-a")
    wait_until(lambda: ready(last), last.log.read_text)
    assert not last.facts("turn_taken")
    killed.process.kill()
    send(client, decisions=1)
    settled(client, last, INTENTS, 4)
    assert last.facts("turn_taken")


@pytest.mark.parametrize("server", ["current"], indirect=True)
def test_who_stands_by_is_not_ready_while_nobody_publishes_what_is_committed(
    server: RedisServer, serve: Callable[..., Served], tmp_path: Path
) -> None:
    client, store = redis.Redis.from_url(server.url), f"sqlite:///{tmp_path / 'live.db'}"
    publishes = serve(server.url, store, "--consumer", "worker-a")
    wait_until(lambda: bool(publishes.facts("turn_taken")), publishes.log.read_text)
    stands_by = serve(server.url, store, "--consumer", "worker-b")
    wait_until(lambda: ready(stands_by), stands_by.log.read_text)

    publishes.process.send_signal(signal.SIGSTOP)
    client.set(LEASE, "worker-a", px=25_000)  # no worker sets more than 30 s
    with closing(open_ledger(store, create=False)) as ledger:
        World(ledger=ledger).intent(**LONG)
    wait_until(lambda: not ready(stands_by), stands_by.log.read_text)
    status, reason = asked(stands_by, "/healthz/ready")
    assert (status, "is not published yet" in reason) == (503, True)
    wait_until(lambda: bool(stands_by.facts("publication_stalled")), stands_by.log.read_text)

    publishes.process.send_signal(signal.SIGCONT)
    wait_until(lambda: ready(stands_by), stands_by.log.read_text)
    assert client.xlen(LEVELS) == 1
    assert not stands_by.facts("turn_taken")


def send(client: redis.Redis, *, decisions: int) -> None:
    for _ in range(decisions):
        client.xadd(INTENTS, {"payload": json.dumps(LONG)})


def ready(worker: Served) -> bool:
    return bool(worker.facts("serving")) and asked(worker, "/healthz/ready")[0] == 200


def gauge(worker: Served, name: str) -> float | None:
    """Return the first sample of a metric, None where there is none."""
    found = [line for line in asked(worker, "/metrics")[1].splitlines() if line.startswith(name)]
    return float(found[0].split()[-1]) if found else None


def asked(worker: Served, path: str) -> tuple[int, str]:
    connection = HTTPConnection(urlsplit(worker.facts("serving")[0]["health"]).netloc, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    answer = response.status, response.read().decode()
    connection.close()
    return answer


def entries(client: redis.Redis, stream: str) -> list[dict[bytes, bytes]]:
    found: Any = client.xrange(stream)
    return [fields for _, fields in found]


IDS_AND_TIMES = {
    "server",
    "stamp",
    "causes",
    "entry_id",
    "newest_entries",
    "origin",
    "occurred_at",
    "recorded_at",
}
FOLLOWING_FROM_THEM = {"time_origin", "in_future", "intent_is_fresh", "passed"}


def meaning(ledger: Any) -> list[Any]:
    """Return all that the messages led to, in its order, without ids of entries, times, and what follows from those."""
    events = [entry.event for entry in ledger.log()]
    first = next(number for number, event in enumerate(events) if isinstance(event, MessageReceived))
    led_to = [event for event in events[first:] if not isinstance(event, IntakeConfigured)]
    return [(event.TOPIC, _timeless(msgspec.to_builtins(event))) for event in led_to]


def _timeless(said: Any) -> Any:
    if isinstance(said, dict):
        return {
            key: _timeless(value)
            for key, value in said.items()
            if key not in IDS_AND_TIMES | FOLLOWING_FROM_THEM
        }
    return [_timeless(one) for one in said] if isinstance(said, list | tuple) else said


def test_a_worker_that_starts_before_its_redis_waits_and_serves(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    server = RedisServer("current", append_only=True)
    try:
        server.kill()
        worker = serve(server.url, f"sqlite:///{tmp_path / 'live.db'}")
        wait_until(lambda: bool(worker.facts("outage_begun")), worker.log.read_text)
        server.start()
        client = redis.Redis.from_url(server.url)
        client.xadd(INTENTS, {"payload": json.dumps(LONG)})
        settled(client, worker, INTENTS, 1)
        assert worker.stop() == 0
    finally:
        server.stop()


def test_a_worker_whose_redis_never_comes_ends_with_a_code_and_a_reason(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    worker = serve(f"unix://{tmp_path / 'nobody.sock'}", "sqlite:///live.db", EXITBRAIN_GIVE_UP_AFTER_S="1")
    assert worker.process.wait(LIVENESS_S) == 3
    assert worker.log.read_text().splitlines()[-1].startswith("exitbrain: the worker cannot go on")


def test_a_variable_that_is_no_setting_is_named_in_the_log(serve: Callable[..., Served]) -> None:
    misspelt = {"EXITBRAIN_RECLAIM_IDLE": "5", "EXITBRAIN_GIVE_UP_AFTER_S": "1"}
    worker = serve("redis://127.0.0.1:1/0", "sqlite:///x.db", **misspelt)
    worker.process.wait(LIVENESS_S)
    [told] = worker.facts("setting_unknown")
    assert (told["setting"], told["meant"]) == ("EXITBRAIN_RECLAIM_IDLE", "EXITBRAIN_RECLAIM_IDLE_S")


def test_a_wrong_url_or_mode_is_wrong_usage(serve: Callable[..., Served]) -> None:
    for url, *flags in (("nowhere",), ("redis://127.0.0.1:1/0", "--mode", "live")):
        worker = serve(url, "sqlite:///live.db", *flags)
        assert worker.process.wait(LIVENESS_S) == 2
        assert worker.log.read_text().startswith("exitbrain: ")


def test_a_restarted_worker_takes_up_what_it_had_not_finished(
    server: RedisServer, serve: Callable[..., Served], tmp_path: Path
) -> None:
    client = redis.Redis.from_url(server.url)
    store = f"sqlite:///{tmp_path / 'live.db'}"
    for number in range(MANY):
        client.xadd(INTENTS, {"payload": json.dumps({**LONG, "symbol": f"S{number % 40}USDT"})})
    first = serve(server.url, store)
    wait_until(lambda: client.exists(LEVELS) == 1, first.log.read_text)
    first.process.kill()
    first.process.wait()
    assert client.xlen(LEVELS) < MANY, "it was killed too late to leave anything"
    second = serve(server.url, store)
    settled(client, second, INTENTS, MANY)
    assert second.stop() == 0
    assert client.xlen(LEVELS) == MANY
    World(ledger=open_ledger(store, create=False)).check_every_replay_is_exact()


def test_the_worker_on_postgresql_serves(serve: Callable[..., Served]) -> None:
    server = RedisServer("current")
    try:
        with fresh_database() as store:
            client = redis.Redis.from_url(server.url)
            client.xadd(INTENTS, {"payload": json.dumps(LONG)})
            worker = serve(server.url, store)
            settled(client, worker, INTENTS, 1)
            client.xadd(CLOSES, {"symbol": "BTCUSDT", "pnl_percent": "1.5", "order_id": "1"})
            settled(client, worker, CLOSES, 1)
            wait_until(lambda: client.xlen(EVENTS) == 3, worker.log.read_text)
            assert worker.stop() == 0
    finally:
        server.stop()


def test_old_intents_are_recorded_decided_and_flagged_also_by_a_worker_that_drains(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    server = RedisServer("current")
    try:
        client = redis.Redis.from_url(server.url)
        now = time.time()
        for symbol, age_s in (("BTCUSDT", 301), ("ETHUSDT", 0)):
            client.xadd(
                INTENTS, {"payload": json.dumps({**LONG, "symbol": symbol, "timestamp": now - age_s})}
            )
        worker = serve(server.url, f"sqlite:///{tmp_path / 'live.db'}", "--drain")
        settled(client, worker, INTENTS, 2)
        connection = HTTPConnection(urlsplit(worker.facts("serving")[0]["health"]).netloc, timeout=5)
        connection.request("GET", "/healthz")
        assert json.load(connection.getresponse())["mode"] == "drain"
        assert worker.stop() == 0
        guards = [
            next(
                guard
                for guard in json.loads(fields[b"payload"])["guards"]
                if guard["name"] == "intent_is_fresh"
            )
            for fields in entries(client, LEVELS)
        ]
        assert [guard["state"] for guard in guards] == ["failed", "passed"]
        assert "at most 300 s" in guards[0]["detail"]
    finally:
        server.stop()


def test_the_log_is_published_again_from_where_an_operator_says(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    server, store = RedisServer("current"), f"sqlite:///{tmp_path / 'live.db'}"
    try:
        client = redis.Redis.from_url(server.url)
        for number in range(3):
            client.xadd(INTENTS, {"payload": json.dumps({**LONG, "symbol": f"S{number}USDT"})})
        first = serve(server.url, store)
        settled(client, first, INTENTS, 3)
        assert first.stop() == 0
        told = [json.loads(fields[b"payload"])["log_position"] for fields in entries(client, LEVELS)]

        again = serve(server.url, store, "--republish-from", str(told[1]))
        wait_until(lambda: client.xlen(LEVELS) == 5, again.log.read_text)
        assert again.stop() == 0
        published = [json.loads(fields[b"payload"])["log_position"] for fields in entries(client, LEVELS)]
        assert published == [*told, *told[1:]]
    finally:
        server.stop()


def test_refused_messages_come_out_as_dead_letters(
    server: RedisServer, serve: Callable[..., Served], tmp_path: Path
) -> None:
    client = redis.Redis.from_url(server.url)
    client.xadd(INTENTS, {"payload": "not json"})
    worker = serve(server.url, f"sqlite:///{tmp_path / 'live.db'}")
    settled(client, worker, INTENTS, 0)
    wait_until(lambda: client.xlen("quantum:dlq:trade.intent") == 1, worker.log.read_text)
    assert worker.stop() == 0
