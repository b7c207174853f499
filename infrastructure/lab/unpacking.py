"""The content of files of market data, unpacked: .csv as it is, .gz, and .zip with one CSV file in it."""

import gzip
import zipfile
from pathlib import Path

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.infrastructure.wire.scalars import shown

_ENCRYPTED = 0x1
_METHODS = {
    zipfile.ZIP_STORED: "stored",
    zipfile.ZIP_DEFLATED: "deflate",
    zipfile.ZIP_BZIP2: "bzip2",
    zipfile.ZIP_LZMA: "LZMA",
}
_DEFLATE64 = 9


def unpacked(path: Path) -> bytes:
    """Return what a file holds; raises MarketUnreadable, and what its packing raises where it is damaged."""
    name = path.name.lower()
    if name.endswith(".zip"):
        return _from_zip(path)
    content = path.read_bytes()
    return gzip.decompress(content) if name.endswith(".gz") else content


def _from_zip(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        member = _only_table(path, archive)
        if member.flag_bits & _ENCRYPTED:
            raise MarketUnreadable(f"{path} is encrypted; allowed: an archive without a password")
        if member.compress_type not in _METHODS:
            kind = "Deflate64" if member.compress_type == _DEFLATE64 else f"method {member.compress_type}"
            raise MarketUnreadable(
                f"{path} is compressed with {kind}; allowed: {', '.join(_METHODS.values())}"
            )
        return archive.read(member)


def _only_table(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the one file in an archive, or the one CSV file among others."""
    files = [
        each
        for each in archive.infolist()
        if not each.is_dir() and not each.filename.startswith("__MACOSX/")  # what macOS adds
    ]
    tables = [each for each in files if each.filename.lower().endswith(".csv")] or files
    if len(tables) != 1:
        names = shown(", ".join(each.filename for each in tables))
        raise MarketUnreadable(
            f"{path} holds {len(tables)} files{f' ({names})' if names else ''}; allowed: one CSV file"
        )
    return tables[0]
