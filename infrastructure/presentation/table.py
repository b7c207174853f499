"""A table for people: it fits the screen by dropping the columns that matter least; no number and no word is cut."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from rich.cells import cell_len
from rich.table import Table

WIDTH_MAX = 100
"""The most columns of the screen that a table takes, unless all of it is wanted."""

_FRAME = 3
"""What the frame adds to the width of a column."""

_WORD_MAX = 40
"""A longer word, which only text from outside has, is folded."""

_TO = " to "
"""Where the bounds of an interval may part."""


class Kind(Enum):
    """What the cells of a column are: text in one piece, numbers, or prose, which wraps between words."""

    TEXT = auto()
    NUMBER = auto()
    PROSE = auto()


@dataclass(slots=True)
class _Column:
    heading: str
    kind: Kind
    drop: int
    cells: list[str] = field(default_factory=list)

    @property
    def needed(self) -> int:
        return max(cell_len(piece) for text in (self.heading, *self.cells) for piece in self._pieces(text))

    @property
    def whole(self) -> int:
        return max(cell_len(line) for text in (self.heading, *self.cells) for line in text.split("\n"))

    def shown(self, cell: str, width: int) -> str:
        """Return a cell as it is shown in that width."""
        if self.kind is Kind.NUMBER and cell_len(cell) > width:
            return cell.replace(_TO, f"{_TO.rstrip()}\n")
        return cell

    def _pieces(self, text: str) -> Sequence[str]:
        if self.kind is Kind.PROSE or text is self.heading:
            return [word[:_WORD_MAX] for word in text.split()] or [""]
        if self.kind is Kind.NUMBER:
            text = text.replace(_TO, f"{_TO.rstrip()}\n")
        return text.split("\n")


class ShownTable:
    """A table of text whose columns say how early they may be dropped.

    Columns with `drop` go when the table is too wide for the screen, those with 1 first; 0 is never dropped.
    """

    def __init__(self, title: str | None = None) -> None:
        self._title = title
        self._columns: list[_Column] = []

    def text(self, *headings: str, drop: int = 0) -> None:
        """Add columns of text that is shown in one piece."""
        self._add(Kind.TEXT, headings, drop)

    def number(self, *headings: str, drop: int = 0) -> None:
        """Add columns of numbers; an interval may take two lines."""
        self._add(Kind.NUMBER, headings, drop)

    def prose(self, *headings: str, drop: int = 0) -> None:
        """Add columns of text that wraps between words."""
        self._add(Kind.PROSE, headings, drop)

    def row(self, *cells: str) -> None:
        """Add a row, with a cell for each column."""
        for column, cell in zip(self._columns, cells, strict=True):
            column.cells.append(cell)

    def fitted(self, width: int | None) -> tuple[Table, list[str]]:
        """Return the table in at most this width, all of it for None, and the headings of the columns left out."""
        columns = self._columns
        for rank in sorted({column.drop for column in columns} - {0}):
            if width is None or _width([column.needed for column in columns]) <= width:
                break
            columns = [column for column in columns if column.drop != rank]
        return self._drawn(columns, width), list(
            dict.fromkeys(each.heading for each in self._columns if each not in columns)
        )

    def _add(self, kind: Kind, headings: Sequence[str], drop: int) -> None:
        self._columns.extend(_Column(heading, kind, drop) for heading in headings)

    def _drawn(self, columns: Sequence[_Column], width: int | None) -> Table:
        table = Table(title=self._title, title_justify="left")
        widths = _shared_out(columns, width)
        for column, each in zip(columns, widths, strict=True):
            table.add_column(column.heading, width=each, overflow="fold")
            table.columns[-1].justify = "right" if column.kind is Kind.NUMBER else "left"
        for cells in zip(*(column.cells for column in columns), strict=True):
            parts = zip(columns, cells, widths, strict=True)
            table.add_row(*(column.shown(cell, each) for column, cell, each in parts))
        return table


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + _FRAME * len(widths) + 1


def _shared_out(columns: Sequence[_Column], width: int | None) -> list[int]:
    """Return the width of each column: what it needs, and what is left for whoever lacks most."""
    wanted = [column.whole for column in columns]
    if width is None or _width(wanted) <= width:
        return wanted
    widths = [column.needed for column in columns]
    for _ in range(width - _width(widths)):
        lacking = [
            (want / has, place) for place, (want, has) in enumerate(zip(wanted, widths, strict=True)) if has
        ]
        _, place = max(lacking)
        widths[place] += 1
    return widths
