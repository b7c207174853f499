"""`python -m tests.attacks.full_size_big_entries`: an honest message behind a gigabyte of entries, at full size.

One entry of 400 MB and, separately, 200 of 5 MB stand before it. The worker meets them as news, with a kill halfway,
and as what a consumer that is gone still holds. Within 10 s the honest message is decided, the worker never holds
300 MB, and in the end each entry has one receipt and one dead letter.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import redis

from tests.attacks.attacked import MIB
from tests.attacks.big_entries import (
    HONEST,
    hold_as_another,
    is_acknowledged,
    is_decided,
    peak_bytes,
    serving,
    settled,
    until,
)
from tests.names import TRADE_INTENTS
from tests.servers import REDIS_KINDS, RedisServer

DECIDED_WITHIN_S = 10.0
MEMORY_MAX = 300 * MIB
KILLED_AFTER_S = (0.8, 1.1, 1.5)
"""About when a worker has started and reads."""


def one_huge(client: redis.Redis) -> None:
    client.xadd(TRADE_INTENTS, {"payload": b"x" * 400_000_000})


def many_big(client: redis.Redis) -> None:
    for number in range(200):
        client.xadd(TRADE_INTENTS, {"payload": b"%d" % number + b"x" * 5_000_000})


def many_fields(client: redis.Redis) -> None:
    client.xadd(TRADE_INTENTS, {b"name %d" % number: b"\xff\0" for number in range(500_000)})


def huge_name(client: redis.Redis) -> None:
    client.xadd(TRADE_INTENTS, {b"\xff\0" * 50_000_000: b""})


def main() -> int:
    """Attack both servers; return 1 when a bound was broken."""
    broken = 0
    for kind in REDIS_KINDS:
        for attack in (one_huge, many_big, many_fields, huge_name):
            for held in (False, True):
                broken += not _holds(kind, attack, held=held)
    return int(broken > 0)


def _holds(kind: str, attack: Callable[[redis.Redis], None], *, held: bool) -> bool:
    server = RedisServer(kind)
    try:
        with TemporaryDirectory(prefix="exitbrain-attack-") as name:
            folder = Path(name)
            client = redis.Redis.from_url(server.url, socket_timeout=60)
            attack(client)
            if held:
                hold_as_another(client)
            client.xadd(TRADE_INTENTS, HONEST)  # type: ignore[arg-type]  # its type is invariant
            return _survives(
                folder, server.url, client, f"{kind}, {attack.__name__}, held by another: {held}"
            )
    finally:
        server.stop()


def _survives(folder: Path, url: str, client: redis.Redis, about: str) -> bool:
    for after_s in KILLED_AFTER_S:
        with serving(folder, url) as worker:
            sleep(after_s)
            worker.send_signal(signal.SIGKILL)
    client.delete("quantum:turn:exitbrain")
    said = (folder / "worker.log").stat().st_size
    with serving(folder, url) as worker:
        until(lambda: (folder / "worker.log").stat().st_size > said, folder)  # it has started
        began = monotonic()
        until(lambda: is_decided(client), folder)
        took_s = monotonic() - began
        until(lambda: is_acknowledged(client), folder)
        entries = client.xlen(TRADE_INTENTS)
        until(lambda: client.xlen("quantum:dlq:trade.intent") >= entries - 1, folder)
        peak = peak_bytes(worker)
    found = settled(folder, url)
    once = set(found.receipts.values()) == {1} and set(found.letters.values()) == {1}
    all_there = len(found.receipts) == entries and len(found.letters) == entries - 1
    holds = took_s < DECIDED_WITHIN_S and peak < MEMORY_MAX and once and all_there and found.decided
    figures = f"decided after {took_s:.1f} s, {peak // MIB} MiB, each once: {once and all_there}"
    sys.stdout.write(f"{'holds' if holds else 'BROKEN'}: {about}: {figures}\n")
    sys.stdout.flush()
    return holds


if __name__ == "__main__":
    raise SystemExit(main())
