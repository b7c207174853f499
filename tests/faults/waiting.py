"""Messages for a worker, and waiting for what comes of them."""

import json
import time
from collections.abc import Callable

import redis

from tests.names import ADAPTIVE_LEVELS, TRADE_INTENTS
from tests.servers import RedisServer

SEEN_WITHIN_S = 4.0
"""The promise is three seconds; the rest is for a test that shares its machine."""
PATIENCE_S = 30.0


def until(reached: Callable[[], object], seconds: float = SEEN_WITHIN_S) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.02)


def send(server: RedisServer) -> None:
    intent = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}
    with redis.Redis.from_url(server.url) as client:
        client.xadd(TRADE_INTENTS, {"payload": json.dumps(intent)})


def decided(server: RedisServer, count: int) -> bool:
    with redis.Redis.from_url(server.url) as client:
        return bool(client.xlen(ADAPTIVE_LEVELS) == count)
