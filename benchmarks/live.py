"""The live path: from entries on a Redis stream to published entries, with real servers and worker processes."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any
from urllib.request import urlopen

import redis

from benchmarks.measure import Figure
from benchmarks.peer import PlainApplication
from exitbrain.infrastructure.demo.synthetic import messages
from tests.servers import RedisServer, fresh_database

MESSAGES = 20_000
PEER_MESSAGES = 3_000
SYMBOLS = 500
PACED_S, PACED_PER_S = 20.0, 100.0
PATIENCE_S = 600.0
QUIET_S = 2.0
SUPERSEDED = 'exitbrain_messages_total{outcome="IGNORED",reason="SUPERSEDED"}'

INCOMING = ("quantum:stream:trade.intent", "quantum:stream:trade.closed")
LEVELS = "quantum:stream:exitbrain.adaptive_levels"
PUBLISHED = "{quantum:stream:exitbrain.events}:published"


def figures() -> Iterator[Figure]:
    with TemporaryDirectory(prefix="exitbrain-bench-") as name:
        folder = Path(name)
        with server_of_streams() as server:
            peer = _peer(server, folder)
        for workers in (1, 2, 4):
            yield _throughput(
                folder, "SQLite (FULL sync)", f"sqlite:///{folder}/w{workers}.db", workers, peer
            )
        yield _throughput(folder, "SQLite (FULL sync)", f"sqlite:///{folder}/aof.db", 1, peer, "everysec")
        for workers in (1, 2, 4):
            with fresh_database() as url:
                yield _throughput(folder, "PostgreSQL", url, workers, peer)
        yield from _latency(folder)


@contextmanager
def server_of_streams(*options: str) -> Iterator[RedisServer]:
    server = RedisServer("current", *options)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def workers_on(
    folder: Path, server: RedisServer, store: str, count: int
) -> Iterator[list[subprocess.Popen[bytes]]]:
    serve = [sys.executable, "-m", "exitbrain.infrastructure.cli.main", "serve", "--redis", server.url]
    with ExitStack() as stack:
        started = []
        for number in range(count):
            log = stack.enter_context((folder / f"worker-{number}.log").open("wb"))
            command = [*serve, "--store", store, "--health", "127.0.0.1:0", "--consumer", f"w{number}"]
            started.append(subprocess.Popen(command, stderr=log, cwd=folder))
        try:
            yield started
        finally:
            for worker in started:
                worker.terminate()
            for worker in started:
                worker.wait(30)


def _throughput(
    folder: Path, store_name: str, store: str, workers: int, peer: float, fsync: str = ""
) -> Figure:
    options = ["--appendonly", "yes", "--appendfsync", fsync] if fsync else []
    with server_of_streams(*options) as server:
        client = redis.Redis.from_url(server.url)
        _fill(client, MESSAGES)
        with workers_on(folder, server, store, workers):
            rate = _rate(client)
            logs = [folder / f"worker-{number}.log" for number in range(workers)]
            conflicts = sum(_counted(log, "exitbrain_conflicts_total ") for log in logs)
            superseded = sum(_counted(log, SUPERSEDED) for log in logs)
        _check(client, MESSAGES // (2 if workers == 1 else 8))
    with_aof = f", append-only file {fsync}" if fsync else ", no append-only file"
    return Figure(
        f"messages in, committed, published: {store_name}, {workers} worker{'s' if workers > 1 else ''}{with_aof}",
        "messages/s",
        rate,
        "plain eventsourcing application between the same streams, one save per message",
        peer,
        "5k" if workers == 1 else "-",
        {"PostgreSQL": "10k"}.get(store_name, "12k") if workers == 1 else "-",
        f"{MESSAGES:,} messages of {SYMBOLS} symbols waiting, batches of up to 256; every decision published once;"
        f" {1000 * conflicts / MESSAGES:.1f} conflicts a thousand messages, {superseded / MESSAGES:.0%} superseded",
    )


def _counted(log: Path, counter: str) -> float:
    """Return a counter of the worker with this log, 0 where it has none."""
    serving = json.loads(log.read_text().splitlines()[0])
    with urlopen(f"{serving['health']}/metrics") as answer:  # noqa: S310 - an address of our own
        text = answer.read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(counter))


def _fill(client: redis.Redis, count: int) -> None:
    pipeline = client.pipeline(transaction=False)
    for number, message in enumerate(messages(count, symbols=SYMBOLS, refused=False), start=1):
        pipeline.xadd(message["stream"], message["fields"])
        if number % 1000 == 0:
            pipeline.execute()
    pipeline.execute()


def _rate(client: redis.Redis) -> float:
    """Return messages a second from the first commit seen to the last publication seen."""
    began, first = 0.0, 0
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        done = _acknowledged(client)
        if done and not began:
            began, first = time.monotonic(), done
        if done >= MESSAGES and _quiet(client):
            return (MESSAGES - first) / (time.monotonic() - began - QUIET_S)
        time.sleep(0.05)
    raise AssertionError(f"{_acknowledged(client)} of {MESSAGES} after {PATIENCE_S} s")


def _acknowledged(client: redis.Redis) -> int:
    groups: list[Any] = [
        group for stream in INCOMING if client.exists(stream) for group in _groups(client, stream)
    ]
    return sum((group["entries-read"] or 0) - group["pending"] for group in groups)


def _groups(client: redis.Redis, stream: str) -> list[Any]:
    found: Any = client.xinfo_groups(stream)
    return list(found)


def _quiet(client: redis.Redis) -> bool:
    """Return whether nothing more comes out."""
    before = client.xlen(LEVELS)
    time.sleep(QUIET_S)
    return before > 0 and client.xlen(LEVELS) == before


def _check(client: redis.Redis, at_least: int) -> None:
    entries: Any = client.xrange(LEVELS)
    ids = [json.loads(fields[b"payload"])["decision_id"] for _, fields in entries]
    if len(ids) != len(set(ids)) or len(ids) < at_least:
        raise AssertionError(f"{len(ids)} entries, {len(set(ids))} decisions")


def _peer(server: RedisServer, folder: Path) -> float:
    """Return the rate of the plain application between the same kind of streams."""
    client = redis.Redis.from_url(server.url)
    _fill(client, PEER_MESSAGES)
    for stream in INCOMING:
        client.xgroup_create(stream, "plain", "0", mkstream=True)
    application = PlainApplication(
        {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": f"{folder}/plain.db"}
    )
    taken, began = 0, time.monotonic()
    while taken < PEER_MESSAGES:
        answer: Any = client.xreadgroup("plain", "one", dict.fromkeys(INCOMING, ">"), count=100)
        for stream, entries in answer:
            for entry_id, fields in entries:
                unique = f"{stream.decode()}/{entry_id.decode()}"  # the two streams may use the same id
                texts = {name.decode(): value.decode() for name, value in fields.items()}
                line = json.dumps({"stream": stream.decode(), "stream_id": unique, "fields": texts})
                tp1 = application.take(line.encode())
                client.xack(stream, "plain", entry_id)
                if tp1 is not None:
                    client.xadd("plain:levels", {"payload": json.dumps({"tp1": tp1})})
                taken += 1
    rate = taken / (time.monotonic() - began)
    application.close()
    return rate


def _latency(folder: Path) -> Iterator[Figure]:
    """Yield the percentiles from adding an entry to having its published decision, at 100 messages a second."""
    with server_of_streams() as server, workers_on(folder, server, f"sqlite:///{folder}/latency.db", 1):
        waits = _waits(server)
    waits.sort()
    for name, share in (("p50", 0.50), ("p99", 0.99)):
        yield Figure(
            f"latency entry to published at {PACED_PER_S:.0f}/s, SQLite, {name}",
            "ms",
            1000 * waits[int(share * (len(waits) - 1))],
            "",
            0.0,
            "15" if name == "p99" else "-",
            "5" if name == "p99" else "-",
            f"arrivals at random times, {len(waits):,} decisions, mean {1000 * statistics.fmean(waits):.1f} ms, worst {1000 * waits[-1]:.0f} ms",
        )


def _waits(server: RedisServer) -> list[float]:
    """Return the seconds from adding an entry to having its decision, for arrivals at random times."""
    client = redis.Redis.from_url(server.url)
    many = messages(3 * int(PACED_S * PACED_PER_S), symbols=SYMBOLS, refused=False)
    opening = [one["fields"] for one in many if "entry_price" in one["fields"].get("payload", "")]
    added: dict[str, float] = {}
    waits: list[float] = []
    _send(client, opening[0], "warm-up", added)
    seen = "0"
    while not waits:
        seen = _collect(client, seen, added, waits, 1000)
    # A producer of its own: a server looks at what a blocked reader has waited only ten times a second.
    producer = Thread(target=_produce, args=(redis.Redis.from_url(server.url), opening[1:], added))
    producer.start()
    before = -1
    while producer.is_alive() or len(waits) > before:  # some intents close or reduce, and are not decided
        before = len(waits)
        seen = _collect(client, seen, added, waits, 1000)
    if len(waits) < 0.9 * len(added):
        raise AssertionError(f"{len(waits)} decisions of {len(added)} messages")
    return waits[1:]


def _produce(client: redis.Redis, opening: list[dict[Any, Any]], added: dict[str, float]) -> None:
    """Add entries as independent senders do, so many a second on average."""
    chance, due = Random(1), time.perf_counter()
    for number in range(int(PACED_S * PACED_PER_S)):
        due += chance.expovariate(PACED_PER_S)
        time.sleep(max(0.0, due - time.perf_counter()))
        _send(client, opening[number], f"t{number}", added)


def _send(client: redis.Redis, fields: dict[Any, Any], trace: str, added: dict[str, float]) -> None:
    added[trace] = time.perf_counter()
    client.xadd(INCOMING[0], fields | {"trace_id": trace})


def _collect(
    client: redis.Redis, seen: str, added: dict[str, float], waits: list[float], block_ms: int
) -> str:
    answer: Any = client.xread({LEVELS: seen}, block=block_ms)
    now = time.perf_counter()
    for _, entries in answer:
        for entry_id, fields in entries:
            waits.append(now - added[fields[b"trace_id"].decode()])
            seen = entry_id.decode()
    return seen
