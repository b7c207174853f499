"""Report an outage once for all loops: its start, its length from time to time, and its end."""

from collections.abc import Callable, Iterable

AGAIN_AFTER_S = 5.0
"""After how long an outage is told of for the second time; each pause is twice the one before."""

AGAIN_AT_LATEST_S = 600.0

Facts = dict[str, object]


class Outage:
    """Follow the failures of loops; there is one outage from the first failure until every loop has succeeded."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._errors: dict[object, object] = {}
        self._loops: dict[object, None] = {}
        self._failures = 0
        self._since = self._next = self._pause_s = 0.0

    def holds_up(self, loop: object) -> bool:
        """Return whether a loop has failed and not succeeded since."""
        return loop in self._errors

    def failed(self, loop: object, error: object) -> Facts | None:
        """Note a failure; return what to tell when the outage begins with it."""
        begins = not self._errors
        if begins:
            self._loops, self._failures, self._pause_s = {}, 0, AGAIN_AFTER_S
            self._since = self._clock()
            self._next = self._since + self._pause_s
        self._errors[loop] = error
        self._loops[loop] = None
        self._failures += 1
        return {"loop": loop, "error": error} if begins else None

    def still(self) -> Facts | None:
        """Return what to tell of an outage that lasts, when it is time to."""
        now = self._clock()
        if not self._errors or now < self._next:
            return None
        self._pause_s = min(2.0 * self._pause_s, AGAIN_AT_LATEST_S)
        self._next = now + self._pause_s
        errors = dict.fromkeys(map(str, self._errors.values()))
        return {**self._so_far(now, self._errors), "error": "; ".join(errors)}

    def succeeded(self, loop: object) -> Facts | None:
        """Note that a loop goes on; return what to tell when the outage ends with it."""
        if self._errors.pop(loop, None) is None or self._errors:
            return None
        return self._so_far(self._clock(), self._loops)

    def _so_far(self, now: float, loops: Iterable[object]) -> Facts:
        lasted_s = round(now - self._since, 1)
        return {"lasted_s": lasted_s, "failures": self._failures, "loops": ", ".join(map(str, loops))}
