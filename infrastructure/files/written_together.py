"""Write several files, or a folder of files, that appear together."""

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from typing import BinaryIO

from exitbrain.infrastructure.files.written import FOLDER_MODE, naming, unfinished_file

_NAME = ".exitbrain-{}.unfinished-folder"
_NAMED = re.compile(r"\.exitbrain-[0-9a-f]{32}\.unfinished-folder")
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def new_files(paths: Sequence[Path]) -> Iterator[list[BinaryIO]]:
    """Yield one file for each path; they get their names in this order when the block ends, or none does.

    Raises NotWritten, which names the path.
    """
    with ExitStack() as stack:
        unfinished = [stack.enter_context(unfinished_file(path.parent, str(path))) for path in paths]
        yield [each.file for each in unfinished]
        with ExitStack() as undo:
            for each, path in zip(unfinished, paths, strict=True):
                each.finish(path)
                undo.callback(path.unlink, missing_ok=True)
            undo.pop_all()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that gets the name `path` when the block ends, and is gone after an error.

    What killed runs left beside it is removed first. Raises NotWritten, which names `path`.
    """
    _sweep(path.parent)
    with naming(path):
        folder, descriptor = _created(path.parent)
    try:
        yield folder
        with naming(path):
            folder.rename(path)
    finally:
        rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _created(parent: Path) -> tuple[Path, int]:
    """Return a new folder with what holds a lock on it."""
    while True:
        folder = parent / _NAME.format(token_hex(16))
        folder.mkdir(FOLDER_MODE)
        with suppress(FileNotFoundError):  # swept between the two calls
            descriptor = os.open(folder, _OPEN)
            with suppress(
                OSError
            ):  # a file system without locks: then nobody can hold one to sweep it either
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)


def _sweep(parent: Path) -> None:
    with suppress(OSError):
        for folder in parent.iterdir():
            if _NAMED.fullmatch(folder.name):
                with suppress(OSError):
                    _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    descriptor = os.open(folder, _OPEN)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
