"""A Redis, and workers before it: in this process or as a process, ready for work."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.live import Live
from tests.faults.served import Served
from tests.faults.waiting import until
from tests.servers import RedisServer


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    server = RedisServer("current")
    yield server
    server.stop()


@pytest.fixture
def server(shared_redis: RedisServer) -> RedisServer:
    with redis.Redis.from_url(shared_redis.url) as client:
        client.flushall()
    return shared_redis


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Start workers in this process, ready for work."""
    started: list[Live] = []

    def live(redis_url: str, store: str | None = None, **options: Any) -> Live:
        started.append(Live(redis_url, store or f"sqlite:///{tmp_path / 'store.db'}", **options))
        until(lambda: started[-1].ask()[0] == 200)
        return started[-1]

    yield live
    for one in started:
        one.end()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start workers as processes, ready for work."""
    started: list[Served] = []

    def serve(redis_url: str, **environment: str) -> Served:
        started.append(Served(tmp_path, redis_url, f"sqlite:///{tmp_path / 'store.db'}", **environment))
        until(started[-1].ready)
        return started[-1]

    yield serve
    for one in started:
        one.kill()
