"""A proxy between one worker and one server: it cuts, delays, swallows replies, goes dead, and springs traps."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
CHUNK_BYTES = 1 << 16

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Fault(StrEnum):
    """What a proxy does to the bytes that pass.

    SWALLOW lets the server execute what it is asked and drops the connection with the reply. FREEZE keeps connections
    open and lets nothing through: each of them stays dead when the fault has passed.
    """

    NONE = "none"
    DELAY = "delay"
    SWALLOW = "swallow"
    FREEZE = "freeze"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Trap:
    """Do something when the marker passes, before the bytes with it are passed on or after."""

    marker: bytes
    in_reply: bool
    before: bool
    spring: Callable[[], None]


class Switchboard:
    """The event loop of all proxies, on a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._listening: list[asyncio.Server] = []

    def listen(self, serve: Serve) -> int:
        """Serve connections on a port of this machine, and return it."""
        server = self.run(asyncio.start_server(serve, "127.0.0.1", 0))
        self._listening.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the loop and wait for it."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(timeout=10)

    def close(self) -> None:
        """End all connections and the thread."""
        for server in self._listening:
            self.loop.call_soon_threadsafe(server.close)
        self.run(_cancel_others())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)
        self.loop.close()


class Proxy:
    """Pass bytes between a TCP port and the Unix socket of a server. Its attributes may be set from any thread.

    `ends_frozen` says that connections which went dead are to be cut in the end, for clients that wait for ever where
    the other machine lives and keeps silent.
    """

    def __init__(
        self, board: Switchboard, upstream: Path, *, ends_frozen: bool = False, delay_s: float = 0.05
    ) -> None:
        self.ends_frozen = ends_frozen
        self.fault = Fault.NONE
        self.trap: Trap | None = None
        self.requests = 0
        self._board = board
        self._upstream = upstream
        self._delay_s = delay_s
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = board.listen(self._serve)

    def cut(self) -> None:
        """End every connection there is, the dead ones too."""
        self._board.loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault is Fault.REFUSE:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._upstream)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, server_writer}
        self._writers |= ends
        line = _Line(self)
        pumps = [
            asyncio.ensure_future(line.pump(reader, server_writer, is_reply=False)),
            asyncio.ensure_future(line.pump(server_reader, writer, is_reply=True)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def pass_on(self, data: bytes, writer: asyncio.StreamWriter, *, is_reply: bool) -> bool:
        """Pass bytes on as the present fault lets them; return whether the connection may go on."""
        trap = self.trap
        sprung = trap is not None and trap.in_reply is is_reply and trap.marker in data
        if sprung and trap is not None and trap.before:
            self.trap = None
            trap.spring()
            return False
        if self.fault is Fault.DELAY:
            await asyncio.sleep(self._delay_s)
        if self.fault is Fault.SWALLOW and is_reply:
            return False
        self.requests += not is_reply
        writer.write(data)
        await writer.drain()
        if sprung and trap is not None:
            self.trap = None
            trap.spring()
        return True


@dataclass(slots=True)
class _Line:
    """One connection through a proxy."""

    proxy: Proxy
    dead: bool = False

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool
    ) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                self.dead = self.dead or self.proxy.fault is Fault.FREEZE
                if not self.dead and not await self.proxy.pass_on(data, writer, is_reply=is_reply):
                    return
        except OSError:
            return  # either end is gone; so is the connection


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
