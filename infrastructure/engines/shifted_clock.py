"""Shift the clock while a foreign engine runs, to find out whether it reads the time.

Within the block the clocks of `time` and `datetime` are `SHIFT` ahead, both in those modules and under the
names that modules of the engine's package imported. Clocks read in compiled code are not shifted.
"""

import datetime as datetime_module
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SHIFT = datetime_module.timedelta(days=403, hours=7, minutes=13)
"""Changes the year, month, weekday and hour."""

_S = SHIFT.total_seconds()


class _LaterDate(datetime_module.date):
    @classmethod
    def today(cls) -> Any:
        return _LaterDatetime.now().date()


class _LaterDatetime(datetime_module.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _REAL_DATETIME.now(tz) + SHIFT

    @classmethod
    def utcnow(cls) -> Any:
        return _REAL_DATETIME.now(datetime_module.UTC).replace(tzinfo=None) + SHIFT

    @classmethod
    def today(cls) -> Any:
        return _REAL_DATETIME.now() + SHIFT


_REAL_DATETIME = datetime_module.datetime


def _later(clock: Callable[..., Any], shift: float) -> Callable[..., Any]:
    return lambda: clock() + shift


def _of_moment(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda seconds=None: function(_REAL_TIME() + _S if seconds is None else seconds)


_REAL_TIME = time.time
_LATER: dict[str, Any] = {
    "time": _later(time.time, _S),
    "time_ns": _later(time.time_ns, int(_S) * 1_000_000_000),
    "monotonic": _later(time.monotonic, _S),
    "monotonic_ns": _later(time.monotonic_ns, int(_S) * 1_000_000_000),
    "perf_counter": _later(time.perf_counter, _S),
    "localtime": _of_moment(time.localtime),
    "gmtime": _of_moment(time.gmtime),
}
_REAL = {name: getattr(time, name) for name in _LATER}
_DATES = {"datetime": (_REAL_DATETIME, _LaterDatetime), "date": (datetime_module.date, _LaterDate)}


@contextmanager
def shifted_clock(package: str) -> Iterator[None]:
    """Shift the clocks in `time`, in `datetime` and in the modules of a top-level package."""
    exchanged = [(_REAL[name], later) for name, later in _LATER.items()] + list(_DATES.values())
    undo: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for names in [vars(time), vars(datetime_module), *_names_of(package)]:
            for name, value in list(names.items()):
                for real, later in exchanged:
                    if value is real:
                        undo.append((names, name, real))
                        names[name] = later
        yield
    finally:
        for names, name, real in undo:
            names[name] = real


def _names_of(package: str) -> Iterator[dict[str, Any]]:
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            yield vars(module)
