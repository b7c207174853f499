"""Elapsed time by the clock of the event loop: real seconds live, virtual ones in a simulation."""

import asyncio


class Stopwatch:
    """Measure the time since its creation."""

    def __init__(self) -> None:
        self._began = _now()

    @property
    def seconds(self) -> float:
        """Return the seconds since its creation."""
        return _now() - self._began


def _now() -> float:
    return asyncio.get_running_loop().time()
