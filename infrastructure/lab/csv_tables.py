"""Tables from CSV, with or without a header or blank lines, and with times as numbers or texts."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.files.limits import FileLimits
from exitbrain.infrastructure.lab.arrays import Integers
from exitbrain.infrastructure.lab.arrow_tables import NotTimes, checked, refuse_empty_cells, times_of
from exitbrain.infrastructure.lab.csv_blocks import blocks_of, check_line
from exitbrain.infrastructure.lab.tables import TIME_ALLOWED, Table, Wanted
from exitbrain.infrastructure.wire.scalars import shown

_DATE = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE_END = 2.0**63
_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")
_PREAMBLE = (b"#", b"http")
"""The beginnings of lines before the header: comments, and the web address that some sites add."""
_BLANK = b" \t,;"


def table_from_csv(path: Path, content: BinaryIO, wanted: Wanted, limits: FileLimits) -> Table:
    """Return the wanted columns of a CSV text; raises MarketUnreadable."""
    parts: list[_Part] = []
    form: _Form | None = None
    rows = 0
    for line, count, block in blocks_of(content):
        text = _Text(path, block, line, count)
        if not block.strip(_BLANK + b"\n"):
            continue
        if form is None:
            text, form = _beginning(text, wanted)
        if form is not None:
            parts.append(form.read(text))
            rows += parts[-1].table.num_rows
            limits.check_rows(rows)
    if form is None:
        raise MarketUnreadable(f"{path} is empty; allowed: {wanted}")
    return _table(path, form, parts, wanted)


@dataclass(frozen=True, slots=True)
class _Text:
    """`count` whole lines of a file from line `first`; `kept` gives their numbers if some were left out."""

    path: Path
    text: bytes
    first: int
    count: int
    kept: Integers | None = None

    def line(self, number: int) -> int:
        """Return the line number in the file."""
        return self.first + number if self.kept is None else int(self.kept[number])

    def without_blank_lines(self, *, at_the_beginning: bool = False) -> "_Text":
        """Return the text without blank lines."""
        every = self.text.split(b"\n")
        kept = [number for number, line in enumerate(every) if line.strip(_BLANK)]
        while at_the_beginning and kept and every[kept[0]].startswith(_PREAMBLE):
            kept.pop(0)
        text = b"\n".join([every[number] for number in kept])
        lines = np.array(kept, dtype=np.int64) + self.first if self.kept is None else self.kept[kept]
        return _Text(self.path, text, self.first, len(kept), lines)


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of a block, and their line numbers."""

    table: pa.Table
    lines: range | Integers


def _beginning(text: _Text, wanted: Wanted) -> tuple[_Text, "_Form | None"]:
    """Return the text from a file's first row on, and the form of the file, None if all is blank."""
    if text.text.startswith((b"\n", b" ", b"\t", b",", b";", *_PREAMBLE)):
        text = text.without_blank_lines(at_the_beginning=True)
    if not text.text:
        return text, None
    try:
        return text, _Form.of(text, wanted)
    except MarketUnreadable:
        fewer = text.without_blank_lines(at_the_beginning=True)
        if len(fewer.text) == len(text.text.rstrip(b"\n")):
            raise
        return fewer, _Form.of(fewer, wanted)


@dataclass
class _Form:
    """The form of a file, from its first rows: the columns to read, their types, and the number of cells."""

    wanted: Wanted
    kinds: dict[str, tuple[int, pa.DataType]]
    has_header: bool
    width: int
    header_passed: bool = False

    @classmethod
    def of(cls, text: _Text, wanted: Wanted) -> "_Form":
        """Return the form of a file from its first rows; raises MarketUnreadable."""
        first, second = _first_lines(text.text)
        check_line(first, text.line(0))
        head = _cells(text.path, first, text.line(0))
        has_header = not (_is_number(head[0]) or _DATE.match(head[0]))
        places = wanted.places(text.path, head) if has_header else wanted.places_in_row(text.path, head)
        if has_header and not second:
            raise MarketUnreadable(f"{text.path} has a header and no rows")
        row = _cells(text.path, second, text.line(1)) if has_header else head
        return cls(wanted, _kinds(row, places, wanted), has_header, len(head))

    def read(self, text: _Text) -> _Part:
        """Return the rows of a block; the first one begins with any header. Raises MarketUnreadable."""
        skipped = int(self.has_header and not self.header_passed)
        try:
            part = self._part(text, skipped)
        except MarketUnreadable:
            fewer = text.without_blank_lines()
            if len(fewer.text) == len(text.text.rstrip(b"\n")):
                raise
            part = self._part(fewer, skipped)
        self.header_passed = True
        return part

    def columns(self, table: pa.Table) -> dict[str, pa.ChunkedArray]:
        """Return the wanted columns by name."""
        return {name: table.column(str(place)) for name, (place, _) in self.kinds.items()}

    def _part(self, text: _Text, skipped: int) -> _Part:
        try:
            table = _read(text.text, self.kinds, skipped, self.width)
        except pa.ArrowInvalid as error:
            raise _bad_cell(text, self, skipped) or error from error
        lines = _lines_of_rows(text, skipped, table.num_rows)
        refuse_empty_cells(text.path, self.columns(table), lines)
        return _Part(table, lines)


def _table(path: Path, form: _Form, parts: list[_Part], wanted: Wanted) -> Table:
    """Return the rows of all blocks as one table."""
    columns = form.columns(pa.concat_tables([part.table for part in parts]))
    lines = _joined([part.lines for part in parts])
    time = wanted.time.name
    try:
        columns[time], naive = times_of(columns[time])
    except NotTimes as error:
        said = f"{time} is {shown(error.text)!r}; allowed: {TIME_ALLOWED}"
        raise MarketUnreadable(f"{path} line {lines[error.row]}: {said}") from error
    return checked(path, columns, lines, naive=naive)


def _joined(lines: list[range | Integers]) -> range | Integers:
    """Return the joined line numbers, as a range if they are consecutive."""
    filled = [each for each in lines if len(each)] or lines[:1]
    follows = all(before[-1] + 1 == after[0] for before, after in pairwise(filled))
    if follows and all(isinstance(each, range) for each in filled):
        return range(int(filled[0][0]), int(filled[-1][-1]) + 1) if len(filled[0]) else filled[0]
    return np.concatenate([np.asarray(each, dtype=np.int64) for each in filled])


def _first_lines(text: bytes) -> tuple[bytes, bytes]:
    """Return the first line and the next nonblank one, without copying the rest."""
    lines = _lines(text)
    return next(lines), next((line for line in lines if line.strip(_BLANK)), b"")


def _lines(text: bytes) -> Iterator[bytes]:
    begin = 0
    while (end := text.find(b"\n", begin)) >= 0:
        yield text[begin:end]
        begin = end + 1
    yield text[begin:]


def _lines_of_rows(text: _Text, skipped: int, rows: int) -> range | Integers:
    kept = text.kept
    if kept is None:
        if text.count == rows + skipped:
            return range(text.first + skipped, text.first + skipped + rows)
        kept = text.without_blank_lines().kept  # Arrow skipped empty lines
        assert kept is not None
    return kept[skipped:]


def _kinds(row: Sequence[str], places: dict[str, int], wanted: Wanted) -> dict[str, tuple[int, pa.DataType]]:
    """Return the place and the type of each column; the first time decides the type of all."""
    kinds = {name: (place, pa.float64()) for name, place in places.items()}
    place = places[wanted.time.name]
    first = row[place].strip() if place < len(row) else ""
    kind = pa.int64()
    if not _is_whole(first) and first:
        kind = pa.float64() if _is_number(first) else pa.string()
    kinds[wanted.time.name] = place, kind
    return kinds


def _read(text: bytes, kinds: dict[str, tuple[int, pa.DataType]], skipped: int, width: int) -> pa.Table:
    types = {str(place): kind for place, kind in kinds.values()}
    return pyarrow.csv.read_csv(
        pa.BufferReader(text),
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, skip_rows=skipped, column_names=[str(place) for place in range(width)]
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
        ),
    )


def _bad_cell(text: _Text, form: _Form, skipped: int) -> MarketUnreadable | None:
    """Find the first bad row, which Arrow does not name."""
    path = text.path
    for number, content in enumerate(text.text.split(b"\n")):
        if not content or number < skipped:
            continue
        line = text.line(number)
        row = _cells(path, content, line)
        for column in form.wanted.columns:
            place, kind = form.kinds[column.name]
            cell = row[place] if place < len(row) else ""
            if not _is_of(kind, cell):
                allowed = f"a whole number, {TIME_ALLOWED}" if column.is_time else "a number"
                return MarketUnreadable(
                    f"{path} line {line}: {column.name} is {shown(cell)!r}; allowed: {allowed}"
                )
        if len(row) != form.width:
            return MarketUnreadable(
                f"{path} line {line} has {len(row)} cells; allowed: {form.width}, as the first"
            )
    return None


def _cells(path: Path, line: bytes, number: int) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace")]))
    except csv.Error as error:
        raise MarketUnreadable(f"{path} line {number} cannot be read: {error}") from error


def _is_of(kind: pa.DataType, cell: str) -> bool:
    if kind == pa.int64():
        return _is_whole(cell) and float(cell) < _WHOLE_END
    return kind == pa.string() or _is_number(cell)


def _is_whole(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
