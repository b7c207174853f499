"""Watch what an engine accesses besides its arguments: files, folders, databases, connections, programs.

Python's audit hooks report every access made through Python. Access from compiled library code, such as
reading a Parquet file, is not seen.
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TOLD = {
    "open": "opens",
    "os.listdir": "lists",
    "os.scandir": "lists",
    "sqlite3.connect": "opens the database",
    "socket.connect": "connects to",
    "socket.getaddrinfo": "looks up",
    "subprocess.Popen": "starts",
    "os.system": "starts",
}
_LISTING = ("os.listdir", "os.scandir")
_PATHS = (str, bytes, os.PathLike)
_CODE = re.compile(r"\.pyc?(\.\d+)?$")
"""Source and bytecode files, including the temporary names that an import writes."""

_OF_FILES = ("open", "sqlite3.connect", *_LISTING)


@dataclass(frozen=True, slots=True)
class ExternalAccess:
    """One access: a description, its path if it is a file, and whether an import made it."""

    words: str
    path: str | None
    importing: bool

    def is_in(self, folders: Sequence[Path]) -> bool:
        """Return whether the path is one of these files or lies in one of these folders."""
        if self.path is None:
            return False
        path = Path(self.path).absolute()
        return any(path == folder.absolute() or folder.absolute() in path.parents for folder in folders)


_watching: list[list[ExternalAccess]] = []
_hooked: list[bool] = []


@contextmanager
def io_monitor() -> Iterator[list[ExternalAccess]]:
    """Collect every distinct access until the end of the block."""
    if not _hooked:
        sys.addaudithook(_hook)  # permanent: Python cannot remove an audit hook
        _hooked.append(True)
    seen: list[ExternalAccess] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or event not in _TOLD:
        return
    what = arguments[1] if event == "socket.connect" else arguments[0]
    if event == "open" and isinstance(what, int):
        return  # an already open file
    path = os.fsdecode(what) if event in _OF_FILES and isinstance(what, _PATHS) else None
    if path is not None and _CODE.search(path):
        return  # source code, read by an import or to print a warning
    importing = _importing()
    if importing and event in _LISTING:
        return  # how Python finds modules
    access = ExternalAccess(f"{_TOLD[event]} {path if path is not None else repr(what)}", path, importing)
    for seen in _watching:
        if access not in seen:
            seen.append(access)


def _importing() -> bool:
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
