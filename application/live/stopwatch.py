"""How long something took, by the clock of the event loop: real seconds live, virtual ones in a simulation."""

import asyncio


class Stopwatch:
    """Measure from its making on."""

    def __init__(self) -> None:
        self._began = _now()

    @property
    def seconds(self) -> float:
        """Return the seconds since it was made."""
        return _now() - self._began


def _now() -> float:
    return asyncio.get_running_loop().time()
