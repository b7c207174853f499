"""A long text in blocks of whole lines, each line ended by a line feed alone, without byte order marks."""

from collections.abc import Iterator
from typing import BinaryIO

from exitbrain.infrastructure.files.limits import FileRefused
from exitbrain.infrastructure.files.texts import utf8_of, without_marks

BLOCK = 2 * 1024 * 1024
"""So much is parsed at once; only the columns that are wanted are kept of it."""

LINE_MAX = 64 * 1024
"""The most bytes of a line. Those of candles and trades have a few hundred."""


def check_line(text: bytes, line: int) -> None:
    """Raise FileRefused for a line that is too long."""
    if len(text) > LINE_MAX:
        raise FileRefused(f"line {line} has more than {LINE_MAX:,} bytes, too many for a row of market data")


def blocks_of(content: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield the lines of a text, many at a time: which the first of them is, how many they are, and the lines.

    Raises NotUtf8, and FileRefused where one is too long.
    """
    rest, line = b"", 1
    clean = utf8_of
    while part := content.read(BLOCK):
        text = clean(rest + part)
        clean = without_marks
        if b"\r" in text:
            whole = text.removesuffix(b"\r")  # the line feed of it may come with the next part
            held = text[len(whole) :]
            text = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + held
        end = text.rfind(b"\n") + 1
        if end:
            ends = text.count(b"\n")
            yield line, ends, text[:end]
            line += ends
        rest = text[end:]
        check_line(rest, line)
    if rest:
        yield line, 1, rest.removesuffix(b"\r")
