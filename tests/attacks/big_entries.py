"""A worker process behind entries that are far too big, and what a store and its dead letters say of them."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import redis

from exitbrain.domain.messages.receipt import Disposition, MessageReceived, Reason
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.redis.dead_letters import RedisDeadLetters
from tests.attacks.attacked import MIB
from tests.names import ADAPTIVE_LEVELS, TRADE_INTENTS, group_of
from tests.own_time import wait_until

HONEST = {
    "payload": '{"symbol":"BTCUSDT","side":"BUY","entry_price":100,"quantity":2,"leverage":10}',
    "event_type": "trade.intent",
}


class Settled(NamedTuple):
    """What a store and its dead letters say in the end: how often each entry was received, and is told of."""

    receipts: Counter[str]
    letters: Counter[str]
    decided: bool


@contextmanager
def serving(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker on the streams of a server, with its store in `folder`; killed in the end."""
    command = [sys.executable, "-m", "exitbrain.infrastructure.cli.main", "serve", "--redis", url]
    command += ["--store", _store(folder), "--health", "127.0.0.1:0", "--consumer", "attacked"]
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(command, stderr=log, cwd=folder, env=os.environ, stdin=subprocess.DEVNULL)
    try:
        yield worker
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()


def until(reached: Callable[[], bool], folder: Path) -> None:
    """Wait until something is reached, or fail with the end of the worker's log."""
    wait_until(reached, lambda: (folder / "worker.log").read_text()[-3000:])


def is_decided(client: redis.Redis) -> bool:
    """Return whether the levels of the honest message are published."""
    return client.xlen(ADAPTIVE_LEVELS) > 0


def is_acknowledged(client: redis.Redis) -> bool:
    """Return whether all of the stream was delivered and acknowledged."""
    groups: Any = client.xinfo_groups(TRADE_INTENTS)
    newest: Any = client.xrevrange(TRADE_INTENTS, count=1)
    return bool(groups) and groups[0]["pending"] == 0 and groups[0]["last-delivered-id"] == newest[0][0]


def hold_as_another(client: redis.Redis) -> None:
    """Let a consumer that is gone hold whatever is in the stream, as if it had died with it."""
    client.xgroup_create(TRADE_INTENTS, group_of(TRADE_INTENTS), "0")
    count = client.xlen(TRADE_INTENTS)
    script = "redis.call('XREADGROUP', 'GROUP', ARGV[1], 'gone', 'COUNT', 1, 'STREAMS', KEYS[1], '>')"
    for _ in range(count):
        client.eval(script, 1, TRADE_INTENTS, group_of(TRADE_INTENTS))


def peak_bytes(worker: subprocess.Popen[bytes]) -> int:
    """Return the most memory that a running process held at once."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def settled(folder: Path, url: str) -> Settled:
    """Read what became of every entry; each that was refused must have been for its size, and little of it kept."""
    receipts: Counter[str] = Counter()
    decided = False
    with closing(open_ledger(_store(folder), create=False)) as ledger:
        for entry in ledger.log(topics=(MessageReceived.TOPIC,)):
            received = entry.event
            assert isinstance(received, MessageReceived)
            receipts[received.entry_id] += 1
            decided = decided or received.disposition is Disposition.ACCEPTED
            if received.disposition is Disposition.REFUSED:
                assert received.reason is Reason.TOO_LARGE
                assert sum(map(len, received.fields.values.values())) < MIB
    letters: Counter[str] = Counter()
    with closing(RedisDeadLetters(url)) as dead:
        for letter in dead.letters("trade.intent"):
            letters[getattr(letter, "entry_id", "unreadable")] += 1
    return Settled(receipts, letters, decided)


def _store(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"
