"""Output: the report goes to stdout, everything else to stderr."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from shutil import get_terminal_size
from typing import IO

import msgspec
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.files.written import NotWritten, naming
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.presentation.table import WIDTH_MAX, ShownTable

Shown = RenderableType | ShownTable

_LINE, _ENDLESS = 200, 100_000
"""The width of what is no table if the output is not a terminal, and a width that cuts nothing."""

_COLOURS = {r"^ *✔|^.*: EXACT\b": "green", r"^ *✘|^.*: NOT EXACT\b": "red"}
"""The colours of what passed and what failed."""

_PART = 1024 * 1024


class ReaderGone(ExitBrainError):
    """The reader of our output has closed it, so nothing more can be reported."""


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        raise _reader_gone()


def give(report: object, text: Iterable[Shown], *, as_json: bool, wide: bool = False) -> None:
    """Print a report as JSON, or as text for people."""
    if as_json:
        emit(report)
    else:
        show(*text, wide=wide)


def show(*parts: Shown, wide: bool = False) -> None:
    """Print lines and tables for people on stdout: a table in at most `WIDTH_MAX` columns, or whole if `wide`."""
    screen = _Screen(highlight=False, markup=False, width=None if sys.stdout.isatty() else _LINE)
    width = None if wide else min(get_terminal_size((WIDTH_MAX, 1)).columns, WIDTH_MAX)
    with _writing_stdout():
        for part in parts:
            if isinstance(part, ShownTable):
                _show_table(*part.fitted(width))
            elif isinstance(part, str):
                screen.print(_coloured(part), soft_wrap=True)
            else:
                screen.print(part)


def _show_table(table: Table, dropped: Sequence[str]) -> None:
    screen = _Screen(highlight=False, markup=False, width=_ENDLESS)  # the widths of the columns are settled
    screen.print(table)
    if dropped:
        screen.print(f"Columns left out, --wide shows them: {', '.join(dropped)}.", soft_wrap=True)


def _coloured(line: str) -> Text:
    """Return a line whose verdicts have a colour beside their sign and word; a terminal with NO_COLOR shows none."""
    text = Text(printable(line))
    for pattern, colour in _COLOURS.items():
        text.highlight_regex(pattern, colour)
    return text


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
