"""Show the progress of long work: only on a terminal, and only after a second."""

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

PATIENCE_S = 1.0


class ProgressBar:
    """Work in progress; `reached` reports how much of the total is done."""

    def __init__(
        self, what: str, total: int | None, *, console: Console | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        """Show the progress of work whose total may be unknown."""
        self._what = what
        self._total = total
        self._console = console or Console(stderr=True)
        self._patience_s = patience_s
        self._began_s = time.monotonic()
        self._shown: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown is not None:
            self._shown[0].stop()

    def reached(self, done: int, *, count: int | None = None, unit: str = "") -> None:
        """Show what is done, and for a count the rate per second."""
        elapsed_s = time.monotonic() - self._began_s
        if not self._console.is_terminal or elapsed_s < self._patience_s:
            return
        rate = "" if count is None else f"{count:,} {unit}, {count / max(elapsed_s, 1e-9):,.0f}/s"
        if self._shown is None:
            self._shown = self._begin()
        bar, task = self._shown
        bar.update(task, completed=done, rate=rate)

    def _begin(self) -> tuple[Progress, TaskID]:
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        bar.start()
        return bar, bar.add_task(self._what, total=self._total, rate="")
