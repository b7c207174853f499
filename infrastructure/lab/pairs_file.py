"""Write decisions before and after, one per line, as a CSV or Parquet file."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exitbrain.application.replay.decisions import name_of
from exitbrain.application.whatif.decisions import Pair
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.guards import GuardReport
from exitbrain.domain.levels.levels import LEVELS_AND_LSF
from exitbrain.infrastructure.files.written import finished_file, finished_text
from exitbrain.infrastructure.presentation import spreadsheet

COLUMNS = (
    *("decision_id", "symbol", "occurred_at", "recorded_policy", "policy"),
    *(f"{field}_{side}" for field in LEVELS_AND_LSF for side in ("before", "after")),
    *(
        f"{what}_{side}"
        for what in ("refused", "guards_failed", "guards_unknown")
        for side in ("before", "after")
    ),
)
SUFFIXES = (".csv", ".parquet")

Row = tuple[Any, ...]

_ROWS_AT_ONCE = 10_000


@contextmanager
def pairs_file(name: str) -> Iterator[Callable[[Pair], None]]:
    """Yield a function that takes pairs one by one; the file appears only when it is complete.

    Levels are fractions of the entry price, empty if refused; guards are names separated by spaces. Raises
    NotWritten, and InvalidValue for another kind of file name, or for Parquet without the extra `lab`.
    """
    path = Path(name)
    if path.suffix not in SUFFIXES:
        raise InvalidValue("export", name, f"a file name that ends in {' or '.join(SUFFIXES)}")
    rows: list[Row] = []
    with _csv_file(path) if path.suffix == ".csv" else _parquet_file(path) as write:

        def take(pair: Pair) -> None:
            rows.append(tuple(_cells(pair)))
            if len(rows) >= _ROWS_AT_ONCE:
                write(rows)
                rows.clear()

        yield take
        write(rows)


@contextmanager
def _csv_file(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    with finished_text(path) as file:
        written = csv.writer(file, lineterminator="\n")
        written.writerow(COLUMNS)
        yield lambda rows: written.writerows(map(spreadsheet.row, rows))


@contextmanager
def _parquet_file(path: Path) -> Iterator[Callable[[list[Row]], None]]:
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as missing:
        raise InvalidValue("export", "Parquet", "CSV, or Parquet with the extra exitbrain[lab]") from missing
    kinds = {name: pa.float64() for field in LEVELS_AND_LSF for name in (f"{field}_before", f"{field}_after")}
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in COLUMNS])

    with finished_file(path) as file, pq.ParquetWriter(file, schema) as writer:

        def write(rows: list[Row]) -> None:
            columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

        yield write


def _cells(pair: Pair) -> Iterator[Any]:
    decision = pair.decision
    yield name_of(decision)
    yield decision.symbol
    yield decision.occurred_at.isoformat().replace("+00:00", "Z")
    yield decision.policy.name
    yield pair.policy.name
    nothing = (None,) * len(LEVELS_AND_LSF)
    for before, after in zip(pair.before or nothing, pair.after or nothing, strict=True):
        yield before
        yield after
    for levels in (pair.before, pair.after):
        yield "yes" if levels is None else "no"
    reports: tuple[GuardReport, GuardReport] = (pair.guards_before, pair.guards_after)
    yield from (" ".join(report.failed) for report in reports)
    yield from (" ".join(report.unknown) for report in reports)
