"""Decisions before and after, one line each, as a CSV or Parquet file."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from exitbrain.application.counterfactual import FIELDS, Pair
from exitbrain.application.replay import name_of
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.guards import GuardReport

COLUMNS = (
    *("decision_id", "symbol", "occurred_at", "recorded_policy", "policy"),
    *(f"{field}_{side}" for field in FIELDS for side in ("before", "after")),
    *(
        f"{what}_{side}"
        for what in ("refused", "guards_failed", "guards_unknown")
        for side in ("before", "after")
    ),
)
SUFFIXES = (".csv", ".parquet")

_ROWS_AT_ONCE = 10_000


class PairsFile:
    """Writes what it is called with; the file is there when everything is in it, and not before.

    Levels are fractions of the entry price, empty where they were refused; guards are names with a space between.
    Raises InvalidValue for a name of another kind, and for Parquet where the extra `lab` is missing.
    """

    def __init__(self, name: str) -> None:
        self._path = Path(name)
        if self._path.suffix not in SUFFIXES:
            raise InvalidValue("export", name, f"a file name that ends in {' or '.join(SUFFIXES)}")
        self._partial = self._path.with_name(f"{self._path.name}.{os.getpid()}.partial")
        self._rows: list[tuple[Any, ...]] = []
        self._sink: _CsvSink | _ParquetSink | None = None

    def __call__(self, pair: Pair) -> None:
        self._rows.append(tuple(_cells(pair)))
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def __enter__(self) -> Self:
        self._sink = _CsvSink(self._partial) if self._path.suffix == ".csv" else _ParquetSink(self._partial)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sink is None:
            return
        if kind is None:
            self._flush()
        self._sink.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)

    def _flush(self) -> None:
        assert self._sink is not None
        self._sink.write(self._rows)
        self._rows = []


class _CsvSink:
    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows.writerows(rows)

    def close(self) -> None:
        self._file.close()


class _ParquetSink:
    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415 - an extra
            import pyarrow.parquet as pq  # noqa: PLC0415
        except ImportError as missing:
            raise InvalidValue(
                "export", "Parquet", "CSV, or Parquet with the extra exitbrain[lab]"
            ) from missing
        kinds = {name: pa.float64() for field in FIELDS for name in (f"{field}_before", f"{field}_after")}
        self._arrow = pa
        self._schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in COLUMNS])
        self._writer = pq.ParquetWriter(path, self._schema)

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
        arrays = [
            self._arrow.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _cells(pair: Pair) -> Iterator[Any]:
    decision = pair.decision
    yield name_of(decision)
    yield decision.symbol
    yield decision.occurred_at.isoformat().replace("+00:00", "Z")
    yield decision.policy.name
    yield pair.policy.name
    nothing = (None,) * len(FIELDS)
    for before, after in zip(pair.before or nothing, pair.after or nothing, strict=True):
        yield before
        yield after
    for levels in (pair.before, pair.after):
        yield "yes" if levels is None else "no"
    reports: tuple[GuardReport, GuardReport] = (pair.guards_before, pair.guards_after)
    yield from (" ".join(report.failed) for report in reports)
    yield from (" ".join(report.unknown) for report in reports)
