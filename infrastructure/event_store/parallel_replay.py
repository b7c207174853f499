"""Replay the decisions of a large store on all cores: each process reads a contiguous part of the log.

The same code judges a part and a whole log, and counts are added in log order, so the report, including its
first drift, equals that of one process.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from signal import SIG_IGN, SIGINT, signal

from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import EVERYTHING, DecisionReplay, ReplayReport, Selection
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.stores import is_read_from_a_copy, open_to_read

ENTRIES_PER_PART = 50_000
"""Log entries of a part: some tenths of a second, which is how long Ctrl-C waits."""

ENTRIES_WORTH = {"fork": 4 * ENTRIES_PER_PART, "spawn": 20 * ENTRIES_PER_PART}
"""From how many log entries on more processes are faster; a spawned one imports everything anew."""


@dataclass(frozen=True, slots=True)
class Processes:
    """How many processes to replay with, and how they are started (a method of `multiprocessing`)."""

    count: int
    method: str

    @classmethod
    def for_log(cls, store: str, head: int) -> "Processes | None":
        """Return the processes that replay the log of a store faster than this one; None where none would."""
        count, method = cores(), _start_method()
        if count < 2 or head < ENTRIES_WORTH[method] or store.startswith("memory:"):
            return None
        if is_read_from_a_copy(store):  # every part would make another
            return None
        return cls(count, method)


def replay_in_parallel(
    store: str,
    head: int,
    processes: Processes,
    selection: Selection = EVERYTHING,
    *,
    entries_per_part: int = ENTRIES_PER_PART,
    progress: Callable[[int], None] | None = None,
) -> ReplayReport:
    """Replay the decisions of a stored log up to `head`; `progress` gets log positions now and then.

    The store must not be open in this process where the others are forked: SQLite's locks do not survive that.
    Raises StoreUnavailable when a process ends before its part is done.
    """
    parts = [(after, min(after + entries_per_part, head)) for after in range(0, head, entries_per_part)]
    total = ReplayReport()
    context = multiprocessing.get_context(processes.method)
    pool = ProcessPoolExecutor(processes.count, context, initializer=_leave_ctrl_c_to_the_parent)
    try:
        reports = [pool.submit(_replay_part, store, selection, after, upto) for after, upto in parts]
        for (_, upto), report in zip(parts, reports, strict=True):
            total = total.plus(report.result())
            if progress is not None:
                progress(upto)
    except BrokenProcessPool as broken:
        raise StoreUnavailable(
            "a process ended before its part of the log was replayed (killed, or out of memory?)"
        ) from broken
    finally:
        pool.shutdown(cancel_futures=True)
    return total


def _replay_part(store: str, selection: Selection, after: int, upto: int) -> ReplayReport:
    # Opened for each part, which takes a millisecond: a pool tells no process when to close.
    with closing(open_to_read(store)) as ledger:
        replay = DecisionReplay(
            Policies(ledger), Snapshots(ledger), StoredDecisions(ledger), BuiltInFormulas()
        )
        return replay.run(selection, after=after, upto=upto)


def _leave_ctrl_c_to_the_parent() -> None:
    signal(SIGINT, SIG_IGN)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _start_method() -> str:
    # A fork keeps forever the locks that other threads hold; on macOS system libraries start such threads.
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"
