"""Verdicts over a mirror on a Dask cluster of this machine, beside the threads of one process."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Figure, best_of
from benchmarks.recorded_columns import write_segments
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay import DecisionReplay
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.engine.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab.cluster import on_cluster
from exitbrain.infrastructure.lab.columnar_replay import ColumnarReplay, ColumnarReport
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.spread import Spread
from exitbrain.infrastructure.settings import load_settings

DECISIONS = 4_000_000
PASSES = 3


def figures() -> Iterator[Figure]:
    with TemporaryDirectory(prefix="exitbrain-bench-") as name:
        store, folder = Path(name) / "store.db", Path(name) / "mirror"
        url = f"sqlite:///{store}"
        with opened(load_settings(store=url), "create"):
            pass
        with closing(open_ledger(url, create=False)) as ledger:
            store_id = Mirror.of(ledger, folder).store_id
            write_segments(folder, store_id, ledger.register(), DECISIONS, distinct=True)
            expected = _replay(ledger, folder)
            threads = best_of(PASSES, lambda: _same(expected, _replay(ledger, folder)))
            for workers in (1, 2):
                yield _on_workers(ledger, folder, expected, workers, threads)


def _on_workers(
    ledger: StoredLedger, folder: Path, expected: ColumnarReport, workers: int, threads: float
) -> Figure:
    began = time.perf_counter()
    with on_cluster(f"local:{workers}") as on:
        _same(expected, _replay(ledger, folder, on))  # every worker reads its compiled kernels
        ready = time.perf_counter() - began
        seconds = best_of(PASSES, lambda: _same(expected, _replay(ledger, folder, on)))
    return Figure(
        f"columnar replay of {DECISIONS / 1e6:.0f} M decisions on a Dask cluster, {workers} "
        f"{'process' if workers == 1 else 'processes'}",
        "s",
        seconds,
        "threads of one process",
        threads,
        "-",
        "-",
        f"all leverages distinct; mirror trusted, every report equal; {1e6 * seconds / DECISIONS:.3f} s for a million "
        f"decisions; {ready:.0f} s from nothing to the end of a first replay",
    )


def _replay(ledger: StoredLedger, folder: Path, on: Spread | None = None) -> ColumnarReport:
    judge = DecisionReplay(Policies(ledger), Snapshots(ledger), StoredDecisions(ledger), BuiltInFormulas())
    return ColumnarReplay(ledger, Mirror.of(ledger, folder), judge).run(trust_mirror=True, on=on)


def _same(expected: ColumnarReport, found: ColumnarReport) -> None:
    if found != expected or found.in_columns != DECISIONS:
        raise AssertionError(f"{found.in_columns} of {DECISIONS} exact, {found.notes}")
