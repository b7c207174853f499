"""How long committed entries have waited to be published, as far as a worker knows."""

from collections import deque

SAMPLE_EVERY_S = 0.5
SAMPLES_MAX = 120
"""Enough for a minute: after that long without publication, later commits change nothing."""


class Unpublished:
    """Remember the ends of the log until they are published. Written by one thread, readable from any.

    Times are in seconds of the event loop's clock.
    """

    def __init__(self) -> None:
        self._published = 0
        self._ends: deque[tuple[int, float]] = deque()

    def log_ends_at(self, head: int, now: float) -> None:
        """Note the end of the log, unless all of it is published."""
        ends = self._ends
        if head <= (ends[-1][0] if ends else self._published):
            return
        if not ends or (now - ends[-1][1] >= SAMPLE_EVERY_S and len(ends) < SAMPLES_MAX):
            ends.append((head, now))

    def published_upto(self, position: int) -> None:
        """Note the log position up to which every stream is published."""
        self._published = position
        while self._ends and self._ends[0][0] <= position:
            self._ends.popleft()

    def seconds(self, now: float) -> float:
        """Return how long the oldest unpublished entry has waited, 0 if there is none."""
        try:
            return max(0.0, now - self._ends[0][1])
        except IndexError:  # nothing waits, or another thread has just removed the last
            return 0.0
