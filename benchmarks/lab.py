"""LSF changes over ten million decisions from a mirror, beside pandas, and the export of one, beside replay by row."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.measure import Figure, best_of
from benchmarks.recorded_columns import write_segments
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.replay.decisions import DecisionReplay
from exitbrain.infrastructure.container import opened
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.stores import open_ledger
from exitbrain.infrastructure.lab.lsf_window import lsf_changes
from exitbrain.infrastructure.lab.mirror import Mirror
from exitbrain.infrastructure.lab.segment import read_segment
from exitbrain.infrastructure.settings import load_settings
from exitbrain.infrastructure.wire.jsonl import read_messages

DECISIONS = 10_000_000
MESSAGES = 30_000
PASSES = 3


def figures() -> Iterator[Figure]:
    with TemporaryDirectory(prefix="exitbrain-bench-") as name:
        folder = Path(name)
        store = folder / "store.db"
        with opened(load_settings(store=f"sqlite:///{store}"), "create") as container:
            recorder = container.recorder()
            messages = read_messages(lines(MESSAGES, refused=False), max_bytes=65_536)
            while batch := list(islice(messages, 1000)):
                recorder.handle_batch(batch)
        row, exported = _rates(store, folder / "small")
        mirror = folder / "mirror"
        _make(store, mirror)
        yield _window(store, mirror)
        yield Figure(
            "export of a mirror",
            "decisions/s",
            exported,
            "replay by row in one process",
            row,
            "-",
            "-",
            "a store of some 20,000 decisions in SQLite; every decision decoded, encoded again and compared",
        )


def _rates(store: Path, folder: Path) -> tuple[float, float]:
    """Return decisions a second replayed by row, and exported."""
    with closing(open_ledger(f"sqlite:///{store}", create=False)) as ledger:
        judge = DecisionReplay(
            Policies(ledger), Snapshots(ledger), StoredDecisions(ledger), BuiltInFormulas()
        )
        decisions = judge.run().exact
        row = best_of(3, judge.run)
        mirror = Mirror.of(ledger, folder)
        mirror.export(ledger)
        exported = best_of(2, lambda: mirror.export(ledger, rebuild=True))
    return decisions / row, decisions / exported


def _make(store: Path, folder: Path) -> None:
    with closing(open_ledger(f"sqlite:///{store}", create=False)) as ledger:
        write_segments(folder, Mirror.of(ledger, folder).store_id, ledger.register(), DECISIONS)


def _window(store: Path, folder: Path) -> Figure:
    taken = _in_a_process_of_its_own("window", store, folder)
    peer = _in_a_process_of_its_own("pandas", store, folder)
    if taken["changes"] != peer["changes"]:
        raise AssertionError(f"{taken['changes']} changes, pandas finds {peer['changes']}")
    return Figure(
        f"LSF-change window over {DECISIONS / 1e6:.0f} M decisions",
        "s",
        taken["seconds"],
        "pandas groupby().shift() on columns already in memory",
        peer["seconds"],
        "5",
        "2",
        f"{taken['changes']:,.0f} changes in 500 symbols, read from Parquet and hashed; peak memory "
        f"{taken['memory_mb']:,.0f} MB",
    )


def _in_a_process_of_its_own(what: str, store: Path, folder: Path) -> dict[str, float]:
    """Run one of the works below, so that its peak memory is its own."""
    command = [sys.executable, "-m", "benchmarks.lab", what, str(store), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def _changes(store: Path, folder: Path) -> dict[str, float]:
    with closing(open_ledger(f"sqlite:///{store}", create=False)) as ledger:
        mirror = Mirror.of(ledger, folder)
        counts: list[int] = []
        seconds = best_of(PASSES, lambda: counts.append(sum(len(part.after) for part in lsf_changes(mirror))))
        return {"seconds": seconds, "changes": counts[0]}


def _with_pandas(store: Path, folder: Path) -> dict[str, float]:
    with closing(open_ledger(f"sqlite:///{store}", create=False)) as ledger:
        mirror = Mirror.of(ledger, folder)
        parts = [
            read_segment(segment, mirror.store_id, ["log_position", "symbol", "lsf_adjusted"])
            for segment in mirror.segments()
        ]
    frame = pd.DataFrame(
        {
            "symbol": np.concatenate([part.symbol.codes for part in parts]),
            "lsf": np.concatenate([part.lsf_adjusted for part in parts]),
        }
    )
    began = time.perf_counter()
    before = frame.groupby("symbol", sort=False)["lsf"].shift()
    changed = before.notna() & (before != frame["lsf"])
    return {"seconds": time.perf_counter() - began, "changes": int(changed.sum())}


if __name__ == "__main__":
    works = {"window": _changes, "pandas": _with_pandas}
    result = works[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    # Linux counts in KiB, macOS in bytes.
    result["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1e6 if sys.platform == "darwin" else 1e3
    )
    print(json.dumps(result))
