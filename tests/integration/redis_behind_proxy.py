"""A Redis behind a proxy that loses what passes."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.processes.proxy import Proxy, Switchboard
from tests.servers import RedisServer


@contextmanager
def behind_proxy(server: RedisServer) -> Iterator[tuple[Proxy, str]]:
    """Yield a proxy before a server, and the URL of the proxy."""
    board = Switchboard()
    proxy = Proxy(board, server.folder / "redis.sock")
    try:
        yield proxy, f"redis://127.0.0.1:{proxy.port}/0"
    finally:
        board.close()
