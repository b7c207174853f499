"""How the laboratory compiles: strict doubles, no lock of the interpreter, the machine code kept between runs."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from exitbrain.infrastructure.settings import SettingsError

_CONFIGURATION = Path(".numba_config.yaml")
"""What numba reads in the working folder; among other things it says from where machine code is loaded."""

if _CONFIGURATION.exists():
    raise SettingsError(
        f"{_CONFIGURATION.absolute()} would say which machine code is run, which no file of the working folder may; "
        "allowed: the environment variables NUMBA_*"
    )

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile a function of numbers and arrays.

    `fastmath` stays off and nothing is contracted, so every operation rounds as in Python; a division by zero gives
    an infinity or NaN as in NumPy. Threads run it side by side.
    """
    return cast(F, _kept(numba.njit(nogil=True, fastmath=False, error_model="numpy")(function)))


def inlined(function: F) -> F:
    """Compile a function into each place that calls it: what is small, or is called with another function."""
    return cast(F, numba.njit(nogil=True, fastmath=False, error_model="numpy", forceinline=True)(function))


def _kept(dispatcher: Any) -> Any:
    """Keep the machine code beside the source, else in the user's cache; where neither can be written, nowhere.

    numba itself looks at the file of the function alone. Machine code holds what the function calls too, so here any
    change of the source of the laboratory or the domain makes it compile again.
    """
    if not hasattr(dispatcher, "enable_caching"):  # NUMBA_DISABLE_JIT
        return dispatcher
    try:
        dispatcher.enable_caching()
    except RuntimeError:  # no folder can be written
        return dispatcher
    dispatcher._cache._cache_file._source_stamp = _laboratory()
    dispatcher._cache.save_overload = partial(_save, dispatcher._cache.save_overload)
    return dispatcher


def _save(save: Callable[[object, object], None], signature: object, overload: object) -> None:
    """Keep machine code if it can be kept; now and then numba has compiled it and does not hold it any more."""
    try:
        with suppress(OSError):  # a full disk: it is compiled again next time
            save(signature, overload)
    except RuntimeError as error:
        if "no compiled object yet" not in str(error):
            raise


@cache
def _laboratory() -> str:
    digest = sha256()
    package = Path(__file__).parents[2]
    for folder in ("domain", "infrastructure/lab"):  # kernels hold numbers that the domain sets
        for file in sorted((package / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
