"""An event loop that never waits: when nothing is ready, its clock jumps to the next timer."""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context, ContextVar
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")

OWNER: ContextVar["list[asyncio.Task[Any]] | None"] = ContextVar("OWNER", default=None)
"""Where the tasks begun in this context are listed, so that they can be ended together."""


class NothingLeftToDo(Exception):
    """Every task waits for something that nobody will do."""


class NumberedTask(asyncio.Task[T]):
    """A task whose hash is a number of its loop: sets of tasks are walked in the same order in every process."""

    number = 0

    def __hash__(self) -> int:
        return self.number


STEP_S = 1e-6
"""What one round of the loop takes: with a clock that stood still, a rest of less than its precision would never end."""


class _JumpingClock:
    """Stands where an event loop has its selector: asked to wait, it lets the time have passed."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingLeftToDo
        self.now += max(timeout, STEP_S)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """Run coroutines in virtual time: no threads, no files, no real waiting, the same order every time."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _JumpingClock()
        self._numbers = count(1)

    def time(self) -> float:
        return self._selector.now

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
        **_: Any,
    ) -> asyncio.Task[T]:
        task = NumberedTask(coro, loop=self, name="" if name is None else str(name), context=context)
        task.number = next(self._numbers)
        owned = context.get(OWNER) if context is not None else OWNER.get()
        if owned is not None:
            owned.append(task)
        return task

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there are no files to be ready."""

    def _write_to_self(self) -> None:
        """Do nothing: no other thread wakes this loop."""


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a new loop; what it leaves behind is cancelled."""
    loop = VirtualLoop()
    # Errors in tasks of a dead process are nobody's to look at.
    loop.set_exception_handler(lambda _loop, _context: None)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        left = sorted(asyncio.all_tasks(loop), key=hash)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
