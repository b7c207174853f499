"""Read the lines of a stream, keeping only the beginning of one that is too long."""

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Self

_PASSED_AT_ONCE = 1024 * 1024


class LongLine(bytes):
    """The beginning of a line that was too long; `length` is its full size in bytes."""

    length: int

    @classmethod
    def of(cls, beginning: bytes, length: int) -> Self:
        """Return the beginning of a line of so many bytes."""
        line = cls(beginning)
        line.length = length
        return line


def lines_of(stream: BinaryIO, longest: int) -> Iterator[bytes]:
    """Yield each line with its end; one of more than `longest` bytes comes as a LongLine, and the next one follows."""
    for line in iter(partial(stream.readline, longest + 1), b""):
        if len(line) > longest and not line.endswith(b"\n"):
            yield _long(stream, line, longest)
        else:
            yield line


def _long(stream: BinaryIO, beginning: bytes, longest: int) -> LongLine:
    length = len(beginning)
    while part := stream.readline(_PASSED_AT_ONCE):
        length += len(part)
        if part.endswith(b"\n"):
            length -= 1
            break
    return LongLine.of(beginning[:longest], length)
