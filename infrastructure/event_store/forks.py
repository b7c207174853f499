"""Keep a forked process away from the connections that its parent has open.

Closing one of them in the child ends the parent's session at a PostgreSQL server, and may undo what the parent is about
to commit to an SQLite file. So in a child they are neither used nor closed nor collected.

SQLite also keeps its locks per process, and a child inherits the belief in locks that it does not hold. What it then
commits through a connection of its own can be lost without a word, so it may not open the same file again.
"""

import os
from pathlib import Path
from weakref import WeakKeyDictionary

from exitbrain.application.ports.exit_ledger import StoreUnavailable

_File = tuple[int, int]

_open: WeakKeyDictionary[object, _File | None] = WeakKeyDictionary()
_inherited: dict[_File, int] = {}


def hold(recorder: object, path: Path | None = None) -> None:
    """Remember that this process has connections open, and to which file, if it is one."""
    _open[recorder] = None if path is None else _file_at(path)


def release(recorder: object) -> None:
    """Forget connections that were closed."""
    _open.pop(recorder, None)


def refuse_in_child(path: Path, name: str) -> None:
    """Raise StoreUnavailable where the file was open in the process that this one was forked from."""
    parent = _inherited.get(_file_at(path)) if _inherited else None
    if parent is not None:
        raise StoreUnavailable(
            f"{name} was open in process {parent} when process {os.getpid()} was forked from it, and SQLite's locks do"
            " not survive that: fork first and open it then, or start processes by spawn"
        )


def _file_at(path: Path) -> _File:
    found = path.stat()
    return found.st_dev, found.st_ino


def _leave_to_the_parent() -> None:
    import ctypes  # noqa: PLC0415 - only a forked process needs it

    for recorder, file in _open.items():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(recorder))  # never collected, not even when Python ends
        if file is not None:
            _inherited[file] = os.getppid()
    _open.clear()


if hasattr(os, "register_at_fork"):  # Windows knows no fork
    os.register_at_fork(after_in_child=_leave_to_the_parent)
