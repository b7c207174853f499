"""Output: the report goes to stdout, everything else to stderr."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

import msgspec
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table

from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.files.written import NotWritten, naming
from exitbrain.infrastructure.presentation.printable import printable

WIDE = 200
"""Columns if the output is not a terminal: wide enough that no table cuts a number."""

_FRAME = 3
"""Columns that the frame of a table adds per column."""

_PART = 1024 * 1024


class ReaderGone(ExitBrainError):
    """The reader of our output has closed it, so nothing more can be reported."""


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        raise _reader_gone()


def give(report: object, text: Iterable[RenderableType], *, as_json: bool) -> None:
    """Print a report as JSON, or as text for people."""
    if as_json:
        emit(report)
    else:
        show(*text)


def show(*parts: RenderableType) -> None:
    """Print lines and tables for people on stdout."""
    screen = _Screen(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDE)
    with _writing_stdout():
        for part in parts:
            for shown in fitted(part, screen.width) if isinstance(part, Table) else (part,):
                if isinstance(shown, str):
                    screen.print(printable(shown), soft_wrap=True)
                else:
                    screen.print(shown)


def fitted(table: Table, width: int) -> Iterator[RenderableType]:
    """Yield a table that wraps words but no number, or a line for each row if even that is too wide."""
    if _narrowest(table) > width:
        yield from _as_lines(table)
        return
    for column in table.columns:
        column.no_wrap = column.justify == "right"
        column.overflow = "fold"
    yield table


def _narrowest(table: Table) -> int:
    needed = 0
    for column in table.columns:
        cells = [str(cell) for cell in column.cells]
        pieces = cells if column.justify == "right" else " ".join(cells).split()
        needed += _FRAME + max(map(cell_len, (*str(column.header).split(), *pieces)), default=0)
    return needed + 1


def _as_lines(table: Table) -> Iterator[str]:
    if table.title:
        yield str(table.title)
    for row in zip(*(column.cells for column in table.columns), strict=True):
        cells = zip(table.columns, row, strict=True)
        yield ", ".join(f"{column.header} {cell}" for column, cell in cells if cell)


def emit(report: object) -> None:
    """Print a report as the one JSON object on stdout."""
    write(msgspec.json.encode(report).decode() + "\n")


def write(text: str) -> None:
    """Print text on stdout unchanged."""
    with _writing_stdout():
        sys.stdout.write(text)
        sys.stdout.flush()


def copy(text: IO[str]) -> None:
    """Print a long text on stdout unchanged, from its current position to the end."""
    while part := text.read(_PART):
        write(part)


def say(text: str) -> None:
    """Print a line on stderr if possible; a command does not fail if it is not."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")


@contextmanager
def _writing_stdout() -> Iterator[None]:
    try:
        with naming("standard output"):
            yield
    except BrokenPipeError as gone:
        raise _reader_gone() from gone
    except NotWritten:
        _drop_the_rest()
        raise


def _reader_gone() -> ReaderGone:
    _drop_the_rest()
    return ReaderGone()


def _drop_the_rest() -> None:
    """Redirect stdout: Python flushes it again on exit and would report the error once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
