"""Unpack market data files part by part: plain, .gz, and .zip with one CSV file in it."""

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from exitbrain.infrastructure.files.decompression import GZIP_MAGIC, Decompressed, Inflater, inflated
from exitbrain.infrastructure.files.limits import FileLimits, FileRefused
from exitbrain.infrastructure.files.opened import Plain, Source, open_file, within
from exitbrain.infrastructure.wire.scalars import shown

_ENCRYPTED, _HAS_END_MARK = 0x1, 0x2
_METHODS = {
    zipfile.ZIP_STORED: "stored",
    zipfile.ZIP_DEFLATED: "deflate",
    zipfile.ZIP_BZIP2: "bzip2",
    zipfile.ZIP_LZMA: "LZMA",
}
_DEFLATE64 = 9
_LISTING_MAX = 1024 * 1024
"""The largest list of files in an archive, in bytes; some ten thousand names."""
_LZMA_MEMORY = 128 * 1024 * 1024
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_LZMA_HEADER = struct.Struct("<2xH5s")


@contextmanager
def open_table(path: Path, limits: FileLimits) -> Iterator[BinaryIO]:
    """Open the unpacked content of a file for reading part by part.

    Raises FileRefused, and the errors of the unpacker if the file is damaged, also while it is read.
    """
    name = path.name.lower()
    with open_file(path, limits) as file:
        source: Source = Plain(file)
        if name.endswith(".zip"):
            source = _from_zip(file)
        elif name.endswith(".gz"):
            if file.peek(2)[:2] != GZIP_MAGIC:
                raise FileRefused("it is not a gzip file, as its name says")
            source = inflated(file)
        yield within(source, limits)


def _from_zip(file: BufferedReader) -> Source:
    """Return the content of an archive's one table, trusting none of the sizes that the archive gives."""
    with zipfile.ZipFile(cast(BinaryIO, _Listing(file))) as archive:
        member = _only_table(archive)
    if member.flag_bits & _ENCRYPTED:
        raise FileRefused("it is encrypted; allowed: an archive without a password")
    if member.compress_type not in _METHODS:
        kind = "Deflate64" if member.compress_type == _DEFLATE64 else f"method {member.compress_type}"
        raise FileRefused(f"it is compressed with {kind}; allowed: {', '.join(_METHODS.values())}")
    file.seek(member.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
        raise zipfile.BadZipFile("there is no file where its list says")
    _, name, extra = _LOCAL_HEADER.unpack(header)
    file.seek(name + extra, 1)
    return _Checked(_unpacked(_Part(file, member.compress_size), member), member)


def _unpacked(part: "_Part", member: zipfile.ZipInfo) -> Source:
    match member.compress_type:
        case zipfile.ZIP_DEFLATED:
            return Decompressed(part, Inflater)
        case zipfile.ZIP_BZIP2:
            return Decompressed(part, bz2.BZ2Decompressor)
        case zipfile.ZIP_LZMA:
            return Decompressed(part, lambda: _lzma(part, member))
    return part


def _lzma(part: "_Part", member: zipfile.ZipInfo) -> lzma.LZMADecompressor:
    """Return a decompressor that has read the properties, in the format with a memory limit."""
    header = part.read(_LZMA_HEADER.size)
    if len(header) < _LZMA_HEADER.size:
        raise EOFError("it breaks off before its packed content begins")
    _, properties = _LZMA_HEADER.unpack(header)
    size = -1 if member.flag_bits & _HAS_END_MARK else member.file_size
    inner = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_LZMA_MEMORY)
    inner.decompress(properties + struct.pack("<q", size), 0)
    return inner


def _only_table(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one file in an archive, or the one CSV file among others."""
    files = [
        each
        for each in archive.infolist()
        if not each.is_dir() and not each.filename.startswith("__MACOSX/")  # what macOS adds
    ]
    tables = [each for each in files if each.filename.lower().endswith(".csv")] or files
    if len(tables) != 1:
        names = shown(", ".join(each.filename for each in tables[:12]))
        raise FileRefused(
            f"it holds {len(tables)} files{f' ({names})' if names else ''}; allowed: one CSV file"
        )
    return tables[0]


class _Listing:
    """An archive file that limits how much of its list of files is read, all at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(_LISTING_MAX + 1 if size < 0 else min(size, _LISTING_MAX + 1))
        if len(content) > _LISTING_MAX:
            raise FileRefused(f"its list of files has more than {_LISTING_MAX:,} bytes")
        return content


class _Part:
    """The next `size` bytes of a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.packed = None
        self._file = file
        self._left = size

    def read(self, size: int, /) -> bytes:
        content = self._file.read(min(size, self._left))
        self._left -= len(content)
        return content

    def readinto(self, buffer: memoryview, /) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


class _Checked:
    """A source whose checksum is verified at its end."""

    def __init__(self, source: Source, member: zipfile.ZipInfo) -> None:
        self._source = source
        self._member = member
        self._sum = 0

    @property
    def packed(self) -> int | None:
        """Return how many packed bytes were read so far."""
        return self._source.packed

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._source.readinto(buffer)
        self._sum = zlib.crc32(buffer[:count], self._sum)
        if not count and self._sum != self._member.CRC:
            raise zipfile.BadZipFile(f"bad checksum of {shown(self._member.filename)}")
        return count
