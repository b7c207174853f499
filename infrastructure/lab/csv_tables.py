"""Tables from CSV: with a header or without, with blank lines, with times as numbers or as text."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.lab.arrow_tables import NotTimes, checked, times_of
from exitbrain.infrastructure.lab.tables import TIME_ALLOWED, Integers, Table, Wanted
from exitbrain.infrastructure.wire.scalars import shown

_DATE = re.compile(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")
_PREAMBLE = (b"#", b"http")
"""How lines begin that stand before the header: comments, and the address that some sites write there."""
_BLANK = b" \t,;"


def table_from_csv(path: Path, content: bytes, wanted: Wanted) -> Table:
    """Return the wanted columns of a text; raises MarketUnreadable."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if content.startswith((b"\n", b" ", b"\t", b",", b";", *_PREAMBLE)):
        return _table(path, *_without_blank_lines(content), wanted)
    try:
        return _table(path, content, None, wanted)
    except MarketUnreadable:
        text, kept = _without_blank_lines(content)
        if len(text) == len(content.rstrip(b"\n")):
            raise
        return _table(path, text, kept, wanted)


def _table(path: Path, text: bytes, kept: Integers | None, wanted: Wanted) -> Table:
    """Return the wanted columns; `kept` says which lines of the file those of the text are, None that they are all."""
    first, second = _first_lines(text)
    if not first:
        raise MarketUnreadable(f"{path} is empty; allowed: {wanted}")
    head = _cells(path, first, _line(kept, 0))
    has_header = not (_is_number(head[0]) or _DATE.match(head[0]))
    places = wanted.places(path, head) if has_header else wanted.places_in_row(path, head)
    if has_header and not second:
        raise MarketUnreadable(f"{path} has a header and no rows")
    kinds = _kinds(_cells(path, second, _line(kept, 1)) if has_header else head, places, wanted)
    try:
        table = _read(text, kinds, has_header, len(head))
    except pa.ArrowInvalid as error:
        raise _bad_cell(path, text, wanted, kinds, kept, has_header, len(head)) or error from error
    columns = {name: table.column(str(place)) for name, (place, _) in kinds.items()}
    lines = _lines_of_rows(text, kept, has_header, table.num_rows)
    time = wanted.time.name
    try:
        columns[time], naive = times_of(columns[time])
    except NotTimes as error:
        said = f"{time} is {shown(error.text)!r}; allowed: {TIME_ALLOWED}"
        raise MarketUnreadable(f"{path} line {lines[error.row]}: {said}") from error
    return checked(path, columns, lines, naive=naive)


def _first_lines(text: bytes) -> tuple[bytes, bytes]:
    """Return the first line and the next that is not empty, without copying the rest."""
    first_end = text.find(b"\n")
    if first_end < 0:
        return text, b""
    begin = first_end
    while text[begin : begin + 1] == b"\n":
        begin += 1
    end = text.find(b"\n", begin)
    return text[:first_end], text[begin:] if end < 0 else text[begin:end]


def _without_blank_lines(content: bytes) -> tuple[bytes, Integers]:
    """Return the lines that say something, and which lines of the file they are."""
    every = content.split(b"\n")
    kept = [number for number, line in enumerate(every) if line.strip(_BLANK)]
    while kept and every[kept[0]].startswith(_PREAMBLE):
        kept.pop(0)
    return b"\n".join([every[number] for number in kept]), np.array(kept, dtype=np.int64) + 1


def _lines_of_rows(text: bytes, kept: Integers | None, has_header: bool, rows: int) -> range | Integers:
    if kept is None:
        if text.count(b"\n") + (not text.endswith(b"\n")) == rows + has_header:
            return range(1 + has_header, 1 + has_header + rows)
        kept = _without_blank_lines(text)[1]  # the fast reader passed over empty ones
    return kept[has_header:]


def _line(kept: Integers | None, number: int) -> int:
    return number + 1 if kept is None else int(kept[number])


def _kinds(row: Sequence[str], places: dict[str, int], wanted: Wanted) -> dict[str, tuple[int, pa.DataType]]:
    """Return the place and the type of each column; the first time tells in which form they all are."""
    kinds = {name: (place, pa.float64()) for name, place in places.items()}
    place = places[wanted.time.name]
    first = row[place].strip() if place < len(row) else ""
    kind = pa.int64()
    if not _is_whole(first) and first:
        kind = pa.float64() if _is_number(first) else pa.string()
    kinds[wanted.time.name] = place, kind
    return kinds


def _read(text: bytes, kinds: dict[str, tuple[int, pa.DataType]], has_header: bool, width: int) -> pa.Table:
    types = {str(place): kind for place, kind in kinds.values()}
    return pyarrow.csv.read_csv(
        io.BytesIO(text),
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, skip_rows=int(has_header), column_names=[str(place) for place in range(width)]
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
        ),
    )


def _bad_cell(
    path: Path,
    text: bytes,
    wanted: Wanted,
    kinds: dict[str, tuple[int, pa.DataType]],
    kept: Integers | None,
    has_header: bool,
    width: int,
) -> MarketUnreadable | None:
    """Find the first row that can not be used; the fast reader only says that there is one."""
    for number, content in enumerate(text.split(b"\n")):
        if not content or (has_header and number == 0):
            continue
        line = _line(kept, number)
        row = _cells(path, content, line)
        for column in wanted.columns:
            place, kind = kinds[column.name]
            cell = row[place] if place < len(row) else ""
            if not _is_of(kind, cell):
                allowed = f"a whole number, {TIME_ALLOWED}" if column.is_time else "a number"
                return MarketUnreadable(
                    f"{path} line {line}: {column.name} is {shown(cell)!r}; allowed: {allowed}"
                )
        if len(row) != width:
            return MarketUnreadable(
                f"{path} line {line} has {len(row)} cells; allowed: {width}, as the first"
            )
    return None


def _cells(path: Path, line: bytes, number: int) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace")]))
    except csv.Error as error:
        raise MarketUnreadable(f"{path} line {number} can not be read: {error}") from error


def _is_of(kind: pa.DataType, cell: str) -> bool:
    if kind == pa.int64():
        return _is_whole(cell)
    return kind == pa.string() or _is_number(cell)


def _is_whole(text: str) -> bool:
    return _WHOLE.fullmatch(text) is not None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
