"""Read a long text in blocks of whole lines, with plain line feeds and without byte order marks."""

from collections.abc import Iterator
from typing import BinaryIO

from exitbrain.infrastructure.files.limits import FileRefused
from exitbrain.infrastructure.files.texts import utf8_of, without_marks

BLOCK = 2 * 1024 * 1024
"""Bytes parsed at a time; only the wanted columns are kept."""

LINE_MAX = 64 * 1024
"""The longest line in bytes. Lines of candles and trades have a few hundred."""


def check_line(text: bytes, line: int) -> None:
    """Raise FileRefused for a line that is too long."""
    if len(text) > LINE_MAX:
        raise FileRefused(f"line {line} has more than {LINE_MAX:,} bytes, too many for a row of market data")


def blocks_of(content: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield blocks of lines: the number of the first line, the count, and the text.

    Raises NotUtf8, and FileRefused for a line that is too long.
    """
    rest, line = b"", 1
    clean = utf8_of
    while part := content.read(BLOCK):
        text = clean(rest + part)
        clean = without_marks
        if b"\r" in text:
            whole = text.removesuffix(b"\r")  # its line feed may be in the next part
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
