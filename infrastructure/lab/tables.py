"""A table of market data from any format: the wanted columns, and the line of every row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.lab.arrays import Integers, Mask
from exitbrain.infrastructure.wire.scalars import shown

Numbers = npt.NDArray[np.float64] | npt.NDArray[np.int64]

FIRST_MS, END_MS = 946_684_800_000, 4_133_980_800_000
"""The years 2000 to 2100."""

TIME_ALLOWED = (
    "milliseconds or microseconds since 1970, of the years 2000 to 2100, or seconds in all rows, or ISO 8601"
)
_WITHOUT_SEPARATORS = str.maketrans("", "", " _-")


@dataclass(frozen=True, slots=True)
class Column:
    """A column to read: its name, its other names in order of preference, and whether it holds times."""

    name: str
    also: tuple[str, ...] = ()
    is_time: bool = False

    def place_in(self, headings: Sequence[str]) -> int | None:
        """Return the index of this column's heading, ignoring case, blanks, dashes and underscores."""
        squeezed = [_squeezed(heading) for heading in headings]
        for name in (self.name, *self.also):
            if _squeezed(name) in squeezed:
                return squeezed.index(_squeezed(name))
        return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns to read; `without_header` finds them in a file without one, by default the first."""

    columns: Sequence[Column]
    without_header: Callable[[Sequence[str]], Sequence[int]] | None = None

    @property
    def time(self) -> Column:
        """Return the column of times."""
        return next(column for column in self.columns if column.is_time)

    def places(self, path: Path, headings: Sequence[str]) -> dict[str, int]:
        """Return the place of each column under these headings; raises MarketUnreadable."""
        places = {}
        for column in self.columns:
            place = column.place_in(headings)
            if place is None:
                raise MarketUnreadable(
                    f"{path} has no column {column.name}; it has {shown(', '.join(headings))}"
                )
            places[column.name] = place
        return places

    def places_in_row(self, path: Path, row: Sequence[str]) -> dict[str, int]:
        """Return the place of each column from the first row without a header; raises MarketUnreadable."""
        if len(row) < len(self.columns):
            raise MarketUnreadable(f"{path} has {len(row)} columns and no header; allowed: {self}")
        names = [column.name for column in self.columns]
        places = range(len(names)) if self.without_header is None else self.without_header(row)
        return dict(zip(names, places, strict=True))

    def __str__(self) -> str:
        return f"the columns {', '.join(column.name for column in self.columns)}"


@dataclass(frozen=True, slots=True)
class Table:
    """The wanted columns, and the line of every row; `naive`: times were texts without an offset."""

    path: Path
    columns: dict[str, Numbers]
    lines: range | Integers
    naive: bool = False

    def __len__(self) -> int:
        return len(self.lines)

    def line(self, row: int) -> str:
        """Return the file and line of a row as text."""
        return f"{self.path} line {self.lines[row]}"

    def cell(self, name: str, row: int) -> float | int:
        """Return one number."""
        number: float | int = self.columns[name][row].item()
        return number

    def reversed(self) -> "Table":
        """Return the table from its last row to its first."""
        columns = {name: column[::-1] for name, column in self.columns.items()}
        return Table(self.path, columns, self.lines[::-1], self.naive)

    def bad_value(self, row: int, name: str, allowed: str) -> MarketUnreadable:
        """Return the error that names a number and the allowed values."""
        return MarketUnreadable(f"{self.line(row)}: {name} is {self.cell(name, row)!r}; allowed: {allowed}")

    def refuse_first(self, bad: Mask, name: str, allowed: str) -> None:
        """Raise MarketUnreadable for the first bad row, if any."""
        if bad.any():
            raise self.bad_value(int(bad.argmax()), name, allowed)


def in_milliseconds(table: Table, time: str) -> Table:
    """Return a table with all times in milliseconds; raises MarketUnreadable.

    The size of a number gives its unit, since the years 2000 to 2100 do not overlap between units. Seconds
    must be in every row: among milliseconds they are a mistake.
    """
    times = table.columns[time]
    inside = (times >= FIRST_MS) & (times < END_MS)
    if inside.all():
        return table
    in_seconds = FIRST_MS <= int(times[0]) * 1000 < END_MS
    found = np.where(inside, times, 0)
    for factor in (1_000, 1_000_000):
        finer = (times >= FIRST_MS * factor) & (times < END_MS * factor)
        found[finer] = times[finer] // factor
    if in_seconds:
        found = np.where((times >= FIRST_MS // 1000) & (times < END_MS // 1000), times * 1000, 0)
    table.refuse_first(found == 0, time, TIME_ALLOWED)
    return Table(table.path, {**table.columns, time: found}, table.lines, table.naive)


def _squeezed(name: str) -> str:
    return name.strip().strip("\"'").lower().translate(_WITHOUT_SEPARATORS)
