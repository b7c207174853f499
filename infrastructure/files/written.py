"""Write files atomically and for their owner only.

A file is written beside its place under a name that nobody can guess, brought to the disk, and renamed. So nothing that
lies there is followed or written over: a link, a pipe or somebody else's file under the name loses the name, no more.
Its writer holds a lock on it until then, so the next one can tell a file that is being written from one that was left.
"""

import fcntl
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO, TextIO

from exitbrain.domain.errors import ExitBrainError

FILE_MODE, FOLDER_MODE = 0o600, 0o700
"""For the owner alone; a stricter umask takes more away."""

_NAME = ".exitbrain-{}.unfinished"
_NAMED = re.compile(r"\.exitbrain-[0-9a-f]{32}\.unfinished")
_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BUFFER = 1024 * 1024
_OF_THE_SYSTEM = (Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd"))
"""Where names stand for devices and for what a process has open, such as /dev/stdout; nothing is put in their place."""


class NotWritten(ExitBrainError):
    """A file cannot be written; the message names it and says why."""


class Unfinished:
    """A file that has no name yet by which anybody would look for it; `path` is where it lies until then."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.file = file

    def finish(self, target: Path) -> None:
        """Bring the file to the disk and put it in the place of `target`, with the mode of our own file there."""
        with naming(target):
            self.file.flush()
            mode = _mode_of_ours(target)
            if mode is not None:
                os.fchmod(self.file.fileno(), mode)
            os.fsync(self.file.fileno())
            self.path.replace(target)


@contextmanager
def unfinished_file(folder: Path, name: str) -> Iterator[Unfinished]:
    """Yield a new file in a folder, which is gone afterwards unless it was finished.

    `name` is what errors call it. What earlier runs left in the folder is removed first. Raises NotWritten.
    """
    sweep(folder)
    with naming(name):
        path, descriptor = _created(folder)
    raw = _NamedFile(descriptor, name)
    try:
        yield Unfinished(path, io.BufferedWriter(raw, _BUFFER))
    finally:
        raw.close()  # what is still in the buffer belongs to a file that is given up
        path.unlink(missing_ok=True)


@contextmanager
def finished_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` when the block ends; an error leaves there what was there.

    Raises NotWritten, which names `path`, also while the file is being written.
    """
    if path.absolute().parent in _OF_THE_SYSTEM:
        with naming(path):
            raw = _NamedFile(os.open(path, os.O_WRONLY | os.O_CLOEXEC), str(path))
        with raw, io.BufferedWriter(raw, _BUFFER) as file:
            yield file
        return
    _check_place(path)
    with unfinished_file(path.parent, str(path)) as unfinished:
        yield unfinished.file
        unfinished.finish(path)


@contextmanager
def finished_text(path: Path) -> Iterator[TextIO]:
    """Yield the same for text in UTF-8, line ends as they are written. Raises NotWritten."""
    with finished_file(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


def make_for_owner(path: Path) -> None:
    """Make an empty file; raises OSError, FileExistsError also where a link has the name."""
    os.close(os.open(path, os.O_WRONLY | _NEW, FILE_MODE))


def for_the_owner(path: str, flags: int) -> int:
    """Open a file as `open(..., opener=for_the_owner)` does: a new one for its owner alone, and no link followed."""
    return os.open(path, flags | os.O_NOFOLLOW, FILE_MODE)


@contextmanager
def naming(name: Path | str) -> Iterator[None]:
    """Say of an error of the system what could not be written; raises NotWritten."""
    try:
        yield
    except BrokenPipeError:
        raise  # nothing is wrong with what is written: who read it has gone
    except OSError as error:
        raise NotWritten(f"{name} cannot be written: {error.strerror or error}") from error


class _NamedFile(io.FileIO):
    """A file whose errors name what it will be: a full disk says no more than that it is full."""

    def __init__(self, descriptor: int, named: str) -> None:
        super().__init__(descriptor, "wb")
        self._named = named

    def write(self, data: Any, /) -> int:
        with naming(self._named):
            return super().write(data)


def _created(folder: Path) -> tuple[Path, int]:
    while True:
        path = folder / _NAME.format(token_hex(16))
        descriptor = os.open(path, os.O_RDWR | _NEW, FILE_MODE)
        with suppress(OSError):  # a file system without locks: then nobody can hold one to sweep it either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # swept between the two calls


def sweep(folder: Path) -> None:
    """Remove what runs that were killed have left, and nothing that is being written."""
    with suppress(OSError):
        for path in folder.iterdir():
            if _NAMED.fullmatch(path.name):
                with suppress(OSError):
                    _remove_if_left(path)


def _remove_if_left(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(descriptor)


def _check_place(path: Path) -> None:
    """Raise NotWritten where something has the name that no file may be put in place of."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            kind = "a folder" if stat.S_ISDIR(mode) else "no file but a pipe or a device"
            raise NotWritten(f"{path} cannot be written: it is {kind}; allowed: the name of a file")


def _mode_of_ours(path: Path) -> int | None:
    """Return the mode of the file that is replaced, where it is ours: somebody has chosen it."""
    with suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            return stat.S_IMODE(found.st_mode) & 0o777
    return None
