"""Decompress in small steps, never more than requested."""

import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

GZIP_MAGIC = b"\x1f\x8b"

_PORTION = 32 * 1024
_PADDING_AT_ONCE = 1024 * 1024
_GZIP, _RAW = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_BREAKS_OFF = "it breaks off before its packed content ends"


class Readable(Protocol):
    """Where packed bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none at the end."""


class Decompressor(Protocol):
    """What those of bz2 and lzma do."""

    @property
    def eof(self) -> bool:
        """Return whether the end was reached."""

    @property
    def needs_input(self) -> bool:
        """Return whether there is nothing more to give without further bytes."""

    @property
    def unused_data(self) -> bytes:
        """Return what followed the end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take in bytes and return at most so many."""


class Inflater:
    """The decompressor of zlib in the manner of those of bz2 and lzma."""

    def __init__(self, wbits: int = _RAW) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        """Return whether the end was reached."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Return whether there is nothing more to give without further bytes."""
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """Return what followed the end."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take in bytes and return at most so many."""
        waiting = self._inner.unconsumed_tail
        return self._inner.decompress(waiting + data if waiting else data, max_length)


class Decompressed:
    """What packed bytes unpack to. With `again` others may follow the first, as in a gzip file of several parts."""

    def __init__(self, file: Readable, begin: Callable[[], Decompressor], *, again: bool = False) -> None:
        self.packed = 0
        self._file = file
        self._begin = begin
        self._again = again
        self._inner = begin()
        self._waiting = b""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer as far as bytes come at once, and return how many, 0 at the end; raises EOFError where it breaks off."""
        while not self._inner.eof or self._goes_on():
            asked = self._inner.needs_input
            data = self._taken() if asked else b""
            content = self._inner.decompress(data, len(buffer))
            if content:
                buffer[: len(content)] = content
                return len(content)
            if asked and not data and not self._inner.eof:
                raise EOFError(_BREAKS_OFF)
        return 0

    def _taken(self) -> bytes:
        data, self._waiting = self._waiting or self._file.read(_PORTION), b""
        self.packed += len(data)
        return data

    def _goes_on(self) -> bool:
        """Begin with what follows the end; zeros may fill up the file."""
        if not self._again:
            return False
        rest = self._inner.unused_data
        while rest.count(0) == len(rest):
            rest = self._file.read(_PADDING_AT_ONCE)
            if not rest:
                return False
        self._inner, self._waiting = self._begin(), rest.lstrip(b"\0")
        return True


def inflated(file: BinaryIO) -> Decompressed:
    """Return what a gzip file unpacks to."""
    return Decompressed(file, lambda: Inflater(_GZIP), again=True)
