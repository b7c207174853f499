"""`book close` writes to the store of a running worker, which publishes what comes of it and goes on from there."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from exitbrain.infrastructure.event_store.stores import open_ledger
from tests.faults.served import Served
from tests.faults.waiting import until
from tests.forked import completed
from tests.servers import RedisServer, fresh_database
from tests.world import World

pytestmark = pytest.mark.integration

INTENTS = "quantum:stream:trade.intent"
EVENTS = "quantum:stream:exitbrain.events"
LONG: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}


@contextmanager
def store_of(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of a store that is not there yet."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'live.db'}"
        return
    with fresh_database() as url:
        yield url


@pytest.fixture
def server() -> Iterator[RedisServer]:
    started = RedisServer("current")
    yield started
    started.stop()


def book_close(store: str, *flags: str) -> tuple[int, Any]:
    """End the position as an operator does; return the exit code and the report."""
    command = ["book", "close", "BTCUSDT", "--json", "--store", store]
    command += ["--why", "closed by hand", "--by", "alice", *flags]
    ended = completed(command, Path.cwd(), os.environ)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def told(client: redis.Redis, event_type: str) -> list[Any]:
    """Return the payloads of one event type, as a reader gets them."""
    found: Any = client.xrange(EVENTS)
    return [
        json.loads(fields[b"payload"]) for _, fields in found if fields[b"event_type"] == event_type.encode()
    ]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_worker_publishes_what_an_operator_ended_and_opens_the_next_position(
    server: RedisServer, tmp_path: Path, kind: str
) -> None:
    with store_of(kind, tmp_path) as store, redis.Redis.from_url(server.url) as client:
        worker = Served(tmp_path, server.url, store)
        try:
            client.xadd(INTENTS, {"payload": json.dumps(LONG)})
            until(lambda: len(told(client, "levels_computed")) == 1)

            code, report = book_close(store, "--price", "95")
            assert (code, report["pnl_percent"]) == (0, "-5.00")
            until(lambda: told(client, "plan_cancelled"))
            [closed], [cancelled] = told(client, "position_closed"), told(client, "plan_cancelled")
            assert (closed["reason"], closed["exit_price"], closed["pnl_percent"]) == (
                "BOOK_CLOSE",
                "95",
                "-5.00",
            )
            assert (cancelled["position_id"], cancelled["symbol"]) == (report["position_id"], "BTCUSDT")

            code, report = book_close(store)
            assert (code, report["reason"]) == (1, "NO_OPEN_POSITION")
            until(lambda: told(client, "exit_ignored"))
            [ignored] = told(client, "exit_ignored")
            assert (ignored["reason"], ignored["source"], ignored["expected"]) == (
                "NO_OPEN_POSITION",
                "book.close",
                False,
            )
            assert ignored["last"]["position_id"] == closed["position_id"]

            client.xadd(INTENTS, {"payload": json.dumps(LONG)})
            until(lambda: len(told(client, "levels_computed")) == 2)
            first, second = told(client, "levels_computed")
            assert first["position_id"] != second["position_id"]
            assert worker.stop()[0] == 0
        finally:
            worker.kill()
        ledger = open_ledger(store, create=False)
        World(ledger=ledger).check_every_replay_is_exact()
        ledger.close()
