"""The memory of a worker over a million messages."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Any

import redis

from benchmarks.live import INCOMING, SYMBOLS, server_of_streams, workers_on
from benchmarks.measure import Figure
from exitbrain.infrastructure.demo.synthetic import messages
from exitbrain.infrastructure.redis.trimming import trim_advice
from exitbrain.infrastructure.wire.stream_names import Names

MESSAGES = 1_000_000
CHUNK = 1_000
WAITING_MAX = 10_000
"""So many messages wait at most: a producer that is a little faster than the worker."""

KEPT = 1_000
"""The newest entries of each outgoing stream that the server keeps; of the incoming ones, what it is advised to."""

SETTLED_AFTER = 0.25
"""The share of the messages after which the caches of the store are full."""


def figures(count: int = MESSAGES) -> Iterator[Figure]:
    """Yield the most that a worker held, and how that grew from the first quarter on."""
    with TemporaryDirectory(prefix="exitbrain-bench-") as name, server_of_streams() as server:
        folder = Path(name)
        client = redis.Redis.from_url(server.url)
        with workers_on(folder, server, f"sqlite:///{folder}/memory.db", 1) as (worker,):
            samples = list(_samples(client, server.url, worker.pid, count))
    settled = samples[int(SETTLED_AFTER * len(samples))]
    yield Figure(
        f"worker memory over {count:,} messages, SQLite",
        "MB",
        max(samples),
        "",
        0.0,
        "250",
        "150",
        f"resident, sampled every {CHUNK:,} messages of {SYMBOLS} symbols; {settled:.0f} MB after a quarter of them, "
        f"{samples[-1]:.0f} MB at the end",
    )


def _samples(client: redis.Redis, url: str, pid: int, count: int) -> Iterator[float]:
    made = messages(count, symbols=SYMBOLS)
    while chunk := list(islice(made, CHUNK)):
        pipeline = client.pipeline(transaction=False)
        for message in chunk:
            pipeline.xadd(message["stream"], message["fields"])
        pipeline.execute()
        while _waiting(client) > WAITING_MAX:
            sleep(0.05)
        _trim(client, url)
        yield _resident_mb(pid)
    while _waiting(client):
        sleep(0.05)
    yield _resident_mb(pid)


def _waiting(client: redis.Redis) -> int:
    """Return how many messages are not acknowledged."""
    groups: list[Any] = []
    for stream in INCOMING:
        if client.exists(stream):
            found: Any = client.xinfo_groups(stream)
            groups += list(found) or [{"lag": WAITING_MAX + 1, "pending": 0}]
    return sum((group["lag"] or 0) + group["pending"] for group in groups)


def _trim(client: redis.Redis, url: str) -> None:
    for stream, entry_id in asyncio.run(trim_advice(url, Names())).items():
        client.xtrim(stream, minid=entry_id)
    for stream in (Names().adaptive_levels, Names().events):
        client.xtrim(stream, maxlen=KEPT)


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
