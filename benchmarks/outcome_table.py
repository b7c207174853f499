"""The table of outcomes: Arrow batches to a Parquet file beside pandas, and rows to batches."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measure import Figure, best_of
from exitbrain.application.whatif.rows import OutcomeRow
from exitbrain.infrastructure.lab.outcome_batches import ROWS_AT_ONCE, outcome_batch
from exitbrain.infrastructure.lab.outcome_files import ROWS_OF_GROUP
from exitbrain.infrastructure.lab.outcome_schema import OUTCOMES, schema_of
from exitbrain.infrastructure.lab.table_writers import new_tables
from tests.outcome_rows import LABEL, outcome_rows

SCHEMA = schema_of("outcomes", LABEL)
CANDIDATES, GROUPS = 100, 4
RUNS = 5


def figures() -> Iterator[Figure]:
    yield _written([_group(_batches_of_rows(seed)) for seed in range(GROUPS)])
    parts = _batches_of_rows(0)
    rows = ROWS_OF_GROUP
    converted = best_of(RUNS, lambda: [outcome_batch(part, SCHEMA) for part in parts])
    yield Figure(
        f"table of outcomes, {len(OUTCOMES)} columns: rows to Arrow batches",
        "rows/s",
        rows / converted,
        "",
        0.0,
        "-",
        "-",
        f"{rows:,} rows of {CANDIDATES + 2} policies, as the walk by rows gives them",
    )


def _batches_of_rows(seed: int) -> list[list[OutcomeRow]]:
    """Return the rows of a group in the parts that are converted at once."""
    rows = list(islice(outcome_rows(1_000, CANDIDATES, seed), ROWS_OF_GROUP))
    return [rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE)]


def _group(parts: list[list[OutcomeRow]]) -> pa.Table:
    return pa.Table.from_batches([outcome_batch(part, SCHEMA) for part in parts])


def _written(groups: list[pa.Table]) -> Figure:
    """Return the figure for writing groups as one file."""
    whole = pa.concat_tables(groups)
    frame = whole.to_pandas()
    with TemporaryDirectory(prefix="exitbrain-bench-") as name:
        ours, theirs = Path(name) / "ours.parquet", Path(name) / "theirs.parquet"
        seconds = best_of(RUNS, _anew(ours, lambda: _write(ours, groups)))
        of_peer = best_of(RUNS, _anew(theirs, lambda: frame.to_parquet(theirs)))
        if not pq.read_table(ours).equals(whole) or len(pd.read_parquet(theirs)) != len(whole):
            raise AssertionError("a file does not hold what was written")
        sizes = [path.stat().st_size / len(whole) for path in (ours, theirs)]
    return Figure(
        f"table of outcomes, {len(OUTCOMES)} columns: Arrow batches to a Parquet file",
        "rows/s",
        len(whole) / seconds,
        "pandas to_parquet of the same table",
        len(whole) / of_peer,
        "500k",
        "1500k",
        f"{len(whole):,} rows, synced to disk; {sizes[0]:.0f} bytes a row, pandas {sizes[1]:.0f}; the same rows read back",
    )


def _write(path: Path, groups: list[pa.Table]) -> None:
    with new_tables(str(path), {"outcomes": SCHEMA}, "outcomes") as writes:
        for group in groups:
            writes["outcomes"](group)


def _anew(path: Path, write: Callable[[], None]) -> Callable[[], None]:
    def removed_and_written() -> None:
        path.unlink(missing_ok=True)
        write()

    return removed_and_written
