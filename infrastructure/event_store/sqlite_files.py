"""Find the files of an SQLite store, and read them without changing them.

SQLite's read-only mode is not enough: it rewrites or creates the index of a write-ahead log.
"""

import os
import shutil
from contextlib import suppress
from enum import Enum
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple
from urllib.parse import quote

from eventsourcing.persistence import OperationalError

_MAGIC_OF_LOG = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_MAGIC_OF_JOURNAL = (b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",)


class ReadMode(Enum):
    """How a file is read; the value is what its URI says of that."""

    ALONE = "mode=ro&immutable=1"
    """No log counts. SQLite takes no locks: whoever reads so must notice when the file changes."""

    WITH_LOG = "mode=ro&readonly_shm=1"
    """With its log, beside writers, under SQLite's locks. It builds an index in memory when that of the file is stale."""

    COPIED = "mode=rw"
    """SQLite would have to write first, an index or a rollback, so that happens to a copy."""


class _Stamp(NamedTuple):
    device: int
    inode: int
    size: int
    modified_ns: int

    def same_file(self, other: "_Stamp | None") -> bool:
        return other is not None and self[:2] == other[:2]


class Files(NamedTuple):
    """What lies where a store is at one moment; an empty log or journal is as good as none."""

    main: _Stamp
    log: _Stamp | None
    journal: _Stamp | None
    has_index: bool

    def outdated_by(self, now: "Files", mode: ReadMode) -> bool:
        """Return whether what was read in a mode may not be what the files hold now."""
        if mode is ReadMode.WITH_LOG:
            assert self.log is not None
            return not (now.has_index and self.main.same_file(now.main) and self.log.same_file(now.log))
        return self != now


class StorePaths:
    """The paths of a store: of its file, which stays where it is whatever folder the process is in, and beside it."""

    def __init__(self, path: Path) -> None:
        self.main = path.absolute()
        self._log, self._index, self._journal = (
            self.main.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")
        )

    def look(self) -> Files:
        """Return what lies there now; raises OSError where there is no store."""
        main = _stamp(self.main.stat())
        log, journal = _stamp_of(self._log), _stamp_of(self._journal)
        return Files(main, log, journal, self._index.exists())

    def read_mode(self, files: Files) -> ReadMode:
        """Return how to read a store where these files lie."""
        if files.journal is not None and _begins(self._journal, _MAGIC_OF_JOURNAL):
            return ReadMode.COPIED
        if files.log is None or not _begins(self._log, _MAGIC_OF_LOG):
            return ReadMode.ALONE
        return ReadMode.WITH_LOG if files.has_index else ReadMode.COPIED

    def copied(self) -> Path:
        """Copy the store into a temporary folder and return the file there; raises OperationalError."""
        folder = None
        try:
            folder = Path(mkdtemp(prefix="exitbrain-"))
            for file in (self.main, self._log, self._journal):
                if file.exists():
                    shutil.copyfile(file, folder / file.name)
        except OSError as e:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise OperationalError(
                "SQLite would have to change it first (it lies with a log and without the index of that, or with a "
                f"change half done), so a copy is read, and none can be made: {e.strerror}: {e.filename or folder}; "
                "TMPDIR names the folder for it"
            ) from e
        return folder / self.main.name


def uri_of(path: Path, mode: ReadMode) -> str:
    """Return what SQLite is told to open."""
    return f"file:{quote(str(path))}?{mode.value}"


def _stamp_of(beside: Path) -> _Stamp | None:
    try:
        stamp = _stamp(beside.stat())
    except FileNotFoundError:
        return None
    return stamp if stamp.size else None


def _stamp(found: os.stat_result) -> _Stamp:
    return _Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _begins(path: Path, magic: tuple[bytes, ...]) -> bool:
    """Return whether SQLite would take a log or journal for one: after a loss of power it may be anything."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(len(magic[0])) in magic
    return False
