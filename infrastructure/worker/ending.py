"""End the process in time, even if one of its threads still waits."""

import os
import threading
from time import monotonic
from types import TracebackType
from typing import Self

from exitbrain.application.live.supervisor import Journal

END_WITHIN_S = 1.6
"""How long a process may take to end; its supervisor waits two seconds."""


class Ending:
    """See to it that a process ends once its end is due; for the length of its work.

    A thread that waits for a store which says nothing cannot be interrupted, and Python waits for its threads. What
    it was about to do is not acknowledged, so leaving it costs a repetition and never a message.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._timer: threading.Timer | None = None
        self._since: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def took_s(self) -> float | None:
        """Return how long the end has taken so far, None while it is not due."""
        return None if self._since is None else round(monotonic() - self._since, 3)

    def is_due(self, code: int) -> None:
        """End the process with this code, unless it ends by itself in time."""
        if self._timer is None:
            self._since = monotonic()
            self._timer = threading.Timer(END_WITHIN_S, self._leave, [code])
            self._timer.daemon = True
            self._timer.start()

    def _leave(self, code: int) -> None:
        self._journal.trouble("left_waiting", after_s=END_WITHIN_S, code=code)
        os._exit(code)
