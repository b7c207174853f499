"""A process that can die: its tasks end between two of their steps, and nothing it does afterwards has an effect."""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from enum import StrEnum
from typing import Any, NoReturn

from tests.faults.simulation.virtual_time import OWNER


class End(StrEnum):
    """How a process ended."""

    KILLED = "killed"
    RETURNED = "came to its end"
    FAILED = "gave up with an error"


class Process:
    """One process of the live path."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen_until = 0.0
        self.alive = True
        self.error: BaseException | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._main: asyncio.Task[None] | None = None

    def start(self, main: Coroutine[Any, Any, None]) -> None:
        """Run the process; every task it begins belongs to it."""
        context = copy_context()
        context.run(OWNER.set, self._tasks)
        self._main = asyncio.get_running_loop().create_task(main, name=self.name, context=context)

    async def ended(self) -> End:
        """Wait for the end and say how it came."""
        assert self._main is not None, "a process is started first"
        await asyncio.wait([self._main])
        if not self.alive:
            return End.KILLED
        self.alive = False
        if self._main.cancelled():
            self.error = asyncio.CancelledError()
        else:
            self.error = self._main.exception()
        return End.RETURNED if self.error is None else End.FAILED

    def kill(self) -> None:
        """Die at once, wherever the tasks are."""
        self.alive = False
        for task in self._tasks:
            task.cancel()

    def die(self) -> NoReturn:
        """Die in the middle of the step that is being done."""
        self.kill()
        raise asyncio.CancelledError

    def check_alive(self) -> None:
        """Keep the dead from having effects."""
        if not self.alive:
            raise asyncio.CancelledError
