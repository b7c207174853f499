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

from exitbrain.infrastructure.files.written import FOLDER_MODE, NotWritten, naming, unfinished_file

_NAME = ".exitbrain-{}.unfinished-folder"
_NAMED = re.compile(r"\.exitbrain-[0-9a-f]{32}\.unfinished-folder")


@contextmanager
def new_files(paths: Sequence[Path]) -> Iterator[list[BinaryIO]]:
    """Yield one file for each path; they get their names in this order when the block ends, or none does.

    Raises NotWritten, which names the path.
    """
    with ExitStack() as stack:
        unfinished = [stack.enter_context(unfinished_file(path.parent, str(path))) for path in paths]
        yield [each.file for each in unfinished]
        placed: list[Path] = []
        try:
            for each, path in zip(unfinished, paths, strict=True):
                each.finish(path)
                placed.append(path)
        except NotWritten:
            for path in placed:
                path.unlink(missing_ok=True)
            raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that gets the name `path` when the block ends, and is gone after an error.

    What killed runs left beside it is removed first. Raises NotWritten, which names `path`.
    """
    _sweep(path.parent)
    with naming(path):
        folder = path.parent / _NAME.format(token_hex(16))
        folder.mkdir(FOLDER_MODE)
    try:
        with _locked(folder):
            yield folder
            with naming(path):
                folder.rename(path)
    finally:
        rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder; raises BlockingIOError if another process holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _sweep(parent: Path) -> None:
    with suppress(OSError):
        for folder in parent.iterdir():
            if _NAMED.fullmatch(folder.name):
                with suppress(OSError), _locked(folder):
                    if folder.stat().st_uid == os.geteuid():
                        rmtree(folder, ignore_errors=True)
