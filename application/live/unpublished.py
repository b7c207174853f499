"""For how long something has been committed and not been published, as far as a worker knows."""

from collections import deque

SAMPLE_EVERY_S = 0.5
SAMPLES_MAX = 120
"""Enough for a minute: what is committed after so long without any publication makes matters no worse."""


class Unpublished:
    """Remember where the log ended and when, until that much is published. One thread tells it, any may ask.

    Times are in the seconds of the event loop's clock.
    """

    def __init__(self) -> None:
        self._published = 0
        self._ends: deque[tuple[int, float]] = deque()

    def log_ends_at(self, head: int, now: float) -> None:
        """Take down the end of the log, unless all of it is published."""
        ends = self._ends
        if head <= (ends[-1][0] if ends else self._published):
            return
        if not ends or (now - ends[-1][1] >= SAMPLE_EVERY_S and len(ends) < SAMPLES_MAX):
            ends.append((head, now))

    def published_upto(self, position: int) -> None:
        """Take down up to which log position every stream is published."""
        self._published = position
        while self._ends and self._ends[0][0] <= position:
            self._ends.popleft()

    def seconds(self, now: float) -> float:
        """Return for how long something has waited to be published, 0 when nothing does."""
        try:
            return max(0.0, now - self._ends[0][1])
        except IndexError:  # nothing waits, or the last was published between two looks of this thread
            return 0.0
