"""The bounded buffer between reading and committing: it fills the batches, and holds the readers back."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Buffer(Generic[T]):
    """Keep at most `limit` items in their order. For one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def room(self) -> int:
        """Return how many items fit in now."""
        return max(0, self._limit - len(self._items))

    async def wait_for_room(self, seconds: float) -> int:
        """Return how many items fit in, waiting at most so long for the first."""
        await self._wait_until(lambda: self.room > 0, seconds)
        return self.room

    async def put(self, items: Sequence[T]) -> None:
        """Append items; whoever asked for no more than `room` never exceeds the limit."""
        if items:
            async with self._changed:
                self._items.extend(items)
                self._changed.notify_all()

    async def take(self, most: int, seconds: float) -> list[T]:
        """Return what is there, up to `most`, waiting at most so long for the first and never for more."""
        await self._wait_until(lambda: bool(self._items), seconds)
        async with self._changed:
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._changed.notify_all()
        return taken

    async def _wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        if ready():
            return
        async with self._changed:
            try:
                async with asyncio.timeout(seconds):
                    await self._changed.wait_for(ready)
            except TimeoutError:
                return
