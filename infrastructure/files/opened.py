"""The only way to open a file for reading: regular files only, without blocking, within the limits."""

import io
import lzma
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Protocol

from exitbrain.infrastructure.files.decompression import GZIP_MAGIC, inflated
from exitbrain.infrastructure.files.limits import DOCUMENT_MAX, FileLimits, FileRefused

UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, FileRefused, MemoryError)
"""What reading a file may raise; `reason_of` says it in words."""

_BUFFER = 256 * 1024
# Without O_NONBLOCK a pipe that nobody writes to would stop us forever; on a regular file it has no effect.
_HOW = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_STORED_IN = 512
_ANY_SIZE = FileLimits(max_bytes=2**63)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Source(Protocol):
    """Where bytes come from."""

    @property
    def packed(self) -> int | None:
        """Return how many packed bytes were read so far, None where they are not packed."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer as far as there are bytes, and return how many came, 0 at the end."""


def open_file(path: Path, limits: FileLimits) -> BufferedReader:
    """Open a file as it is; a link to a regular file is one. Raises OSError and FileRefused."""
    _check_kind(path.stat().st_mode)  # first: opening a device may do something
    descriptor = os.open(path, _HOW)
    try:
        found = os.fstat(descriptor)
        _check_kind(found.st_mode)
        limits.check_bytes(found.st_size)
        _check_holes(descriptor, found, limits)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def open_content(path: Path, limits: FileLimits) -> Iterator[BinaryIO]:
    """Open what a file holds, unpacked where it is gzip, to be read part by part. Raises one of UNREADABLE, also later."""
    with open_file(path, limits) as file:
        packed = file.peek(2)[:2] == GZIP_MAGIC
        yield within(inflated(file) if packed else Plain(file), limits)


def read_document(path: Path) -> bytes:
    """Return all that a file of at most DOCUMENT_MAX bytes holds, unpacked where it is gzip. Raises one of UNREADABLE."""
    with open_content(path, _ANY_SIZE) as content:
        read = content.read(DOCUMENT_MAX + 1)
    if len(read) > DOCUMENT_MAX:
        raise FileRefused(f"it holds more than {DOCUMENT_MAX:,} bytes, too many for a file of this kind")
    return read


def within(source: Source, limits: FileLimits) -> BinaryIO:
    """Return a stream that raises FileRefused when more comes out of a source than is allowed."""
    return BufferedReader(_Within(source, limits), _BUFFER)


def reason_of(error: BaseException) -> str:
    """Return why a file cannot be read, as the end of a sentence that names it."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for what it holds"
    return getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__


class Plain:
    """The bytes of a file as they are."""

    packed = None

    def __init__(self, file: BufferedReader) -> None:
        self.readinto = file.readinto


class _Within(io.RawIOBase):
    def __init__(self, source: Source, limits: FileLimits) -> None:
        super().__init__()
        self._source = source
        self._limits = limits
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # only ever called with one
        count = self._source.readinto(buffer)
        self._read += count
        self._limits.check_bytes(self._read)
        if self._source.packed is not None:
            self._limits.check_ratio(self._read, self._source.packed)
        return count


def _check_holes(descriptor: int, found: os.stat_result, limits: FileLimits) -> None:
    """Raise FileRefused for a sparse file that stores hardly any of its bytes."""
    stored = found.st_blocks * _STORED_IN
    if not limits.is_beyond_ratio(found.st_size, stored):
        return
    # Some file systems tell late how much they store, but none of them finds holes that are not there.
    if os.lseek(descriptor, 0, os.SEEK_HOLE) < found.st_size:
        raise FileRefused(
            f"it is sparse: {stored:,} of its {found.st_size:,} bytes are stored, "
            f"less than the limit EXITBRAIN_MAX_UNPACK_RATIO"
        )
    os.lseek(descriptor, 0, os.SEEK_SET)


def _check_kind(mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no regular file")
        raise FileRefused(f"it is {kind}; allowed: a regular file")
