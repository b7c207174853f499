"""Messages for a worker, and waiting for what comes of them."""

import json
from collections.abc import Callable

import redis

from tests.names import ADAPTIVE_LEVELS, TRADE_INTENTS
from tests.own_time import OwnTime, wait_until
from tests.servers import RedisServer

SEEN_WITHIN_S = 4.0
"""The promise is three seconds, proven in virtual time; the rest is for whoever looks from outside."""


def until(reached: Callable[[], object]) -> None:
    """Wait for something that has no promise in seconds."""
    wait_until(reached)


def soon(reached: Callable[[], object], *pids: int) -> None:
    """Wait for what is promised within three seconds of the own time of these processes, by default of this one."""
    seconds = wait_until(reached, clock=OwnTime(*pids))
    assert seconds < SEEN_WITHIN_S, f"after {seconds:.1f} s of its own time"


def send(server: RedisServer) -> None:
    intent = {"symbol": "BTCUSDT", "side": "BUY", "entry_price": 100, "quantity": 2, "leverage": 10}
    with redis.Redis.from_url(server.url) as client:
        client.xadd(TRADE_INTENTS, {"payload": json.dumps(intent)})


def decided(server: RedisServer, count: int) -> bool:
    with redis.Redis.from_url(server.url) as client:
        return bool(client.xlen(ADAPTIVE_LEVELS) == count)
