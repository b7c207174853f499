"""Tables of numbers in files: CSV, plain or packed as .gz or .zip, and Parquet; with a header or without."""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.text_files import NotUtf8, utf8_of

Numbers = npt.NDArray[np.float64] | npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column:
    """A column to read: its name and other names it goes by, and whether it holds whole numbers."""

    name: str
    also: tuple[str, ...] = ()
    whole: bool = False

    def is_called(self, heading: str) -> bool:
        """Return whether a heading names this column."""
        return heading.strip().lower() in (self.name, *self.also)


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that were asked for; `first_line` is the line of the first row, for what is said of rows."""

    path: Path
    columns: dict[str, Numbers]
    first_line: int

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def line(self, row: int) -> str:
        """Return where a row stands, in words."""
        return f"{self.path} line {self.first_line + row}"

    def cell(self, name: str, row: int) -> float | int:
        """Return one number."""
        number: float | int = self.columns[name][row].item()
        return number


def read_table(path: Path, wanted: Sequence[Column]) -> Table:
    """Read the wanted columns, found by their names or, without a header, by their order; raises MarketUnreadable."""
    try:
        if path.name.endswith(".parquet"):
            return _from_parquet(path, wanted)
        return _from_csv(path, utf8_of(_unpacked(path)), wanted)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotUtf8, pa.ArrowInvalid) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise MarketUnreadable(f"{path} can not be read: {reason}") from error


def _unpacked(path: Path) -> bytes:
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise MarketUnreadable(f"{path} holds {len(names)} files; allowed: one CSV file")
            return archive.read(names[0])
    content = path.read_bytes()
    return gzip.decompress(content) if path.name.endswith(".gz") else content


def _from_csv(path: Path, content: bytes, wanted: Sequence[Column]) -> Table:
    first, _, rest = content.partition(b"\n")
    headings = next(csv.reader([first.decode("utf-8", "replace")]), [])
    if not headings:
        raise MarketUnreadable(f"{path} is empty; allowed: {_described(wanted)}")
    has_header = not _is_number(headings[0])
    places = _places(path, headings if has_header else None, len(headings), wanted)
    names = [str(place) for place in range(len(headings))]
    kinds = {names[places[column.name]]: pa.int64() if column.whole else pa.float64() for column in wanted}
    if has_header and not rest.strip():
        raise MarketUnreadable(f"{path} has a header and no rows")
    try:
        table = pyarrow.csv.read_csv(
            io.BytesIO(content),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, skip_rows=int(has_header), column_names=names
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise _bad_cell(path, content, wanted, places, has_header) or error from error
    columns = {column.name: table.column(names[places[column.name]]) for column in wanted}
    return _checked(path, columns, wanted, 1 + has_header)


def _from_parquet(path: Path, wanted: Sequence[Column]) -> Table:
    schema = pyarrow.parquet.read_schema(path)
    places = _places(path, schema.names, len(schema.names), wanted)
    table = pyarrow.parquet.read_table(path, columns=[schema.names[place] for place in places.values()])
    columns = {}
    for column in wanted:
        found = table.column(schema.names[places[column.name]])
        if pa.types.is_timestamp(found.type):
            found = found.cast(pa.timestamp("ms"), safe=False)
        columns[column.name] = found.cast(pa.int64() if column.whole else pa.float64())
    return _checked(path, columns, wanted, 1)


def _places(
    path: Path, headings: Sequence[str] | None, width: int, wanted: Sequence[Column]
) -> dict[str, int]:
    if headings is None:
        if width < len(wanted):
            raise MarketUnreadable(f"{path} has {width} columns and no header; allowed: {_described(wanted)}")
        return {column.name: place for place, column in enumerate(wanted)}
    places = {}
    for column in wanted:
        found = [place for place, heading in enumerate(headings) if column.is_called(heading)]
        if not found:
            raise MarketUnreadable(f"{path} has no column {column.name}; it has {', '.join(headings)}")
        places[column.name] = found[0]
    return places


def _checked(path: Path, columns: dict[str, pa.ChunkedArray], wanted: Sequence[Column], first: int) -> Table:
    arrays: dict[str, Numbers] = {}
    for column in wanted:
        found = columns[column.name]
        if found.null_count:
            row = found.is_null().to_pylist().index(True)
            raise MarketUnreadable(f"{path} line {first + row} has no {column.name}; allowed: a number")
        arrays[column.name] = found.to_numpy()
    if not len(arrays[wanted[0].name]):
        raise MarketUnreadable(f"{path} has no rows")
    return Table(path, arrays, first)


def _bad_cell(
    path: Path, content: bytes, wanted: Sequence[Column], places: dict[str, int], has_header: bool
) -> MarketUnreadable | None:
    """Find the first cell that is no number; the fast reader only says that there is one."""
    rows = csv.reader(io.StringIO(content.decode("utf-8", "replace")))
    for line, row in enumerate(rows, start=1):
        if not row or (line == 1 and has_header):
            continue
        for column in wanted:
            cell = row[places[column.name]] if places[column.name] < len(row) else ""
            if not _is_number(cell, whole=column.whole):
                kind = "a whole number" if column.whole else "a number"
                return MarketUnreadable(f"{path} line {line}: {column.name} is {cell!r}; allowed: {kind}")
    return None


def _is_number(text: str, *, whole: bool = False) -> bool:
    try:
        int(text) if whole else float(text)
    except ValueError:
        return False
    return True


def _described(wanted: Sequence[Column]) -> str:
    return f"the columns {', '.join(column.name for column in wanted)}"
