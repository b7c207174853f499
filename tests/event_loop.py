"""Tests that are stories in an event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")


def in_event_loop(story: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run an async test in an event loop of its own."""

    @wraps(story)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        async def told() -> None:
            await story(*args, **kwargs)

        asyncio.run(told())

    return test
