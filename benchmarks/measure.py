"""How a figure is taken: best of several runs, with what it is compared to in the same process."""

import gc
import os
import platform
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One row of the table: rates in `unit`, higher is better, or times and memory in `unit`, lower is better.

    `peer` is what a user would pick instead; empty where nothing else does the same work. `reach` and `beyond` are
    figures in `unit`, or times the speed of the peer: "10x".
    """

    what: str
    unit: str
    ours: float
    peer: str
    theirs: float
    reach: str
    beyond: str
    work: str

    @property
    def ratio(self) -> float | None:
        """Return how many times better ours is than the peer."""
        if not self.peer:
            return None
        return self.theirs / self.ours if less_is_better(self.unit) else self.ours / self.theirs

    @property
    def falls_short(self) -> bool:
        """Return whether it is worse than what is promised."""
        if self.reach == "-":
            return False
        if self.reach.endswith("x"):
            return self.ratio is None or self.ratio < float(self.reach[:-1])
        reach = float(self.reach.replace("k", "e3"))
        return self.ours > reach if less_is_better(self.unit) else self.ours < reach


def less_is_better(unit: str) -> bool:
    """Return whether a figure of this unit is a time or memory."""
    return unit in ("ms", "s", "MB")


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Return the shortest of several runs in seconds; garbage of one is not the cost of the next."""
    best = float("inf")
    for _ in range(runs):
        gc.collect()
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def machine() -> str:
    """Return what the figures were taken on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("eventsourcing", "msgspec", "pydantic"))
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({_processor()}) with a load of {load} over the last 1, 5 and 15 minutes,"
        f" {platform.system()} {platform.machine()}, Python {platform.python_version()} ({platform.python_compiler()}),"
        f" SQLite {sqlite3.sqlite_version}, {packages}, {datetime.now(UTC).date().isoformat()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
