"""Tables from Arrow: Parquet and Feather files, and the checks of Arrow columns from any source."""

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.files.limits import FileLimits
from exitbrain.infrastructure.lab.arrays import Integers
from exitbrain.infrastructure.lab.arrow_files import feather_columns, parquet_columns, wrong_type
from exitbrain.infrastructure.lab.tables import END_MS, FIRST_MS, TIME_ALLOWED, Column, Numbers, Table, Wanted
from exitbrain.infrastructure.wire.scalars import shown

TEXT_MAX = 256
"""The longest text, in bytes, in a wanted column."""

_WHOLE_BELOW = 2.0**63
_UTC = re.compile(r"\s*(UTC|GMT)$")


class NotTimes(ExitBrainError):
    """A text in a column of times is not a time; `row` counts from 0."""

    def __init__(self, row: int, text: str) -> None:
        super().__init__(row, text)
        self.row = row
        self.text = text


def table_from_arrow(path: Path, file: BinaryIO, wanted: Wanted, limits: FileLimits) -> Table:
    """Return the wanted columns of a Parquet or Feather file; raises MarketUnreadable and FileRefused."""
    read = feather_columns if path.name.lower().endswith(".feather") else parquet_columns
    table, places = read(path, file, wanted, limits)
    columns = {}
    naive = False
    for column in wanted.columns:
        found = table.column(places[column.name])
        try:
            found = _spelled_out(path, column, found)
            if column.is_time:
                found, naive = times_of(found)
            else:
                found = found.cast(pa.float64())
        except NotTimes as error:
            raise MarketUnreadable(
                f"{path} line {error.row + 1}: {column.name} is {shown(error.text)!r}; allowed: {TIME_ALLOWED}"
            ) from error
        except pa.ArrowException as error:
            raise wrong_type(path, column, found.type) from error
        columns[column.name] = found
    return checked(path, columns, range(1, table.num_rows + 1), naive=naive)


def _spelled_out(path: Path, column: Column, found: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without its dictionary; refuses long texts, which can repeat millions of times."""
    if not pa.types.is_dictionary(found.type):
        return found
    kind = found.type.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        lengths = (pc.max(pc.binary_length(part.dictionary)).as_py() or 0 for part in found.chunks)
        longest = max(lengths, default=0)
        if longest > TEXT_MAX and not column.is_time:
            raise wrong_type(path, column, kind)
        if longest > TEXT_MAX:
            raise MarketUnreadable(
                f"{path}: {column.name} holds a text of {longest:,} bytes; allowed: up to {TEXT_MAX}"
            )
    return found.cast(kind)


def times_of(found: pa.ChunkedArray) -> tuple[pa.ChunkedArray, bool]:
    """Return times as whole numbers (texts and dates in ms), and whether they were texts without offset.

    Raises NotTimes, and ArrowException for a column that cannot hold times.
    """
    kind = found.type
    if pa.types.is_integer(kind):
        return found.cast(pa.int64()), False
    if pa.types.is_floating(kind):
        return _from_fractions(found), False
    naive = False
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        found, naive = _from_texts(found.cast(pa.string()))
    if pa.types.is_date(kind):
        found = found.cast(pa.timestamp("ms"))
    zone = found.type.tz if pa.types.is_timestamp(found.type) else None
    return found.cast(pa.timestamp("ms", zone), safe=False).cast(pa.int64()), naive


def _from_fractions(found: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole numbers from floats; seconds with a fraction become milliseconds."""
    times = found.cast(pa.float64()).to_numpy()
    times = np.where(np.abs(times) < _WHOLE_BELOW, times, 0.0)  # NaN too: neither is a time
    if (times != np.floor(times)).any():
        seconds = (times >= FIRST_MS / 1000) & (times < END_MS / 1000)
        times = np.floor(np.where(seconds, np.round(times * 1_000_000) / 1000, times))
    return pa.chunked_array([times.astype(np.int64)])


def _from_texts(found: pa.ChunkedArray) -> tuple[pa.ChunkedArray, bool]:
    texts = pc.utf8_trim_whitespace(found)
    first = next((text.as_py() for text in texts if text.is_valid), "")
    if _UTC.search(first):
        texts = pc.replace_substring_regex(texts, pattern=_UTC.pattern, replacement="Z")
    kinds = (pa.timestamp("ns"), True), (pa.timestamp("ns", "UTC"), False)
    for kind, naive in kinds:
        try:
            return texts.cast(kind), naive
        except pa.ArrowInvalid:
            continue
    raise _first_that_is_none(texts, [kind for kind, _ in kinds])


def _first_that_is_none(texts: pa.ChunkedArray, kinds: list[pa.DataType]) -> NotTimes:
    """Return the error for the first text that is not a time, or not in the form of the first row."""
    fitting = next((kind for kind in kinds if _is(texts[0], kind)), None)
    for row, text in enumerate(texts):
        if fitting is None or not _is(text, fitting):
            return NotTimes(row, str(text.as_py()))
    raise AssertionError("one of them could not be read")


def _is(text: pa.Scalar, kind: pa.DataType) -> bool:
    try:
        text.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def checked(
    path: Path, columns: dict[str, pa.ChunkedArray], lines: range | Integers, *, naive: bool
) -> Table:
    """Return columns as arrays; raises MarketUnreadable if a cell is empty or there are no rows."""
    refuse_empty_cells(path, columns, lines)
    arrays: dict[str, Numbers] = {name: found.to_numpy() for name, found in columns.items()}
    if not len(lines):
        raise MarketUnreadable(f"{path} has no rows")
    return Table(path, arrays, lines, naive)


def refuse_empty_cells(path: Path, columns: dict[str, pa.ChunkedArray], lines: range | Integers) -> None:
    """Raise MarketUnreadable for the first empty cell of a column."""
    for name, found in columns.items():
        if found.null_count:
            row = int(np.argmax(found.is_null().to_numpy()))
            raise MarketUnreadable(f"{path} line {lines[row]} has no {name}; allowed: a number")
