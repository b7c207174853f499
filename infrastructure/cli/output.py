"""What goes to stdout, which is the report alone, and what goes to stderr, which is everything else."""

import os
import re
import sys

import msgspec
from rich.console import Console, RenderableType

WIDE = 200
"""Columns where nobody looks at a terminal: wide enough that no table cuts a number."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class ReaderGone(Exception):
    """Whoever read our output has closed it; there is nobody left to tell."""


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        raise _reader_gone()


def show(*parts: RenderableType) -> None:
    """Print lines and tables for people on stdout."""
    screen = _Screen(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDE)
    for part in parts:
        if isinstance(part, str):
            screen.print(printable(part), soft_wrap=True)
        else:
            screen.print(part)


def printable(text: str) -> str:
    """Return a text without control characters: what a message holds must not steer a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def emit(report: object) -> None:
    """Print a report as the one JSON object on stdout."""
    write(msgspec.json.encode(report).decode() + "\n")


def write(text: str) -> None:
    """Print text on stdout as it is."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as gone:
        raise _reader_gone() from gone


def say(text: str) -> None:
    """Print a line on stderr."""
    sys.stderr.write(f"{text}\n")


def _reader_gone() -> ReaderGone:
    # Python flushes stdout once more at its end, and would complain about the pipe.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ReaderGone()
