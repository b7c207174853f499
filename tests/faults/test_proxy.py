"""The proxy of the kill runs does to a connection what its faults are named for."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis

from tests.faults.processes.proxy import Fault, Proxy, Switchboard, Trap
from tests.servers import RedisServer

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True)
class Line:
    """A server, asked directly and through a proxy."""

    proxy: Proxy
    direct: redis.Redis
    through: redis.Redis


@pytest.fixture
def line() -> Iterator[Line]:
    server, board = RedisServer("current"), Switchboard()
    proxy = Proxy(board, server.folder / "redis.sock")
    address = {"host": "127.0.0.1", "port": proxy.port}
    with (
        redis.Redis.from_url(server.url) as direct,
        redis.Redis(**address, socket_timeout=0.5, retry=None) as through,  # type: ignore[arg-type]  # text and number
    ):
        yield Line(proxy, direct, through)
    board.close()
    server.stop()


def test_without_a_fault_everything_passes(line: Line) -> None:
    big = b"x" * 1_000_000
    line.through.set("key", big)
    assert line.through.get("key") == big == line.direct.get("key")


def test_a_swallowed_reply_is_one_of_a_command_that_was_executed(line: Line) -> None:
    line.through.ping()
    line.proxy.fault = Fault.SWALLOW
    with pytest.raises(redis.ConnectionError):
        line.through.incr("count")
    assert line.direct.get("count") == b"1"


def test_a_frozen_connection_stays_dead_and_says_nothing(line: Line) -> None:
    line.through.ping()
    line.proxy.fault = Fault.FREEZE
    with pytest.raises(redis.TimeoutError):
        line.through.incr("count")
    assert line.direct.get("count") is None


def test_a_cut_ends_connections_and_new_ones_work(line: Line) -> None:
    line.through.ping()
    line.proxy.fault = Fault.REFUSE
    line.proxy.cut()
    with pytest.raises(redis.ConnectionError):
        line.through.ping()
    line.proxy.fault = Fault.NONE
    assert line.through.ping()


@pytest.mark.parametrize(("before", "executed"), [(True, None), (False, b"1")])
def test_a_trap_springs_on_its_marker_before_or_after_the_server_has_it(
    line: Line, before: bool, executed: bytes | None
) -> None:
    sprung: list[str] = []
    line.proxy.trap = Trap(b"INCR", in_reply=False, before=before, spring=lambda: sprung.append("once"))
    line.through.set("other", 1)
    assert sprung == []
    if before:
        with pytest.raises(redis.ConnectionError):
            line.through.incr("count")
    else:
        line.through.incr("count")
    assert sprung == ["once"]
    assert line.direct.get("count") == executed
