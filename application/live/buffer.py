"""The bounded buffer between reading and committing: it fills batches and slows down readers."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Buffer(Generic[T]):
    """Hold up to `limit` items in order. For one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._changed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def room(self) -> int:
        """Return how many more items fit in."""
        return max(0, self._limit - len(self._items))

    async def wait_for_room(self, seconds: float) -> int:
        """Return how many more items fit in, waiting up to `seconds` for the first."""
        await self._wait_until(lambda: self.room > 0, seconds)
        return self.room

    async def put(self, items: Sequence[T]) -> None:
        """Append items; the caller keeps the limit by adding no more than `room`."""
        if items:
            async with self._changed:
                self._items.extend(items)
                self._changed.notify_all()

    async def take(self, most: int, seconds: float) -> list[T]:
        """Remove and return up to `most` items, waiting up to `seconds` for the first only."""
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
