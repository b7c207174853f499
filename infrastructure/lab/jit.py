"""How the laboratory compiles: strict doubles, no lock of the interpreter, the machine code kept between runs."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from os import W_OK, access
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

import exitbrain

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile a function of numbers and arrays.

    `fastmath` stays off and nothing is contracted, so every operation rounds as in Python; a division by zero gives
    an infinity or NaN as in NumPy. Threads run it side by side.

    Numba keeps machine code as long as the file of the function stays the same, also when a function that it calls
    changed in another file. So the code is kept under the hash of all sources of the laboratory and of the domain.
    """
    config: Any = numba.config
    configured = config.CACHE_DIR
    config.CACHE_DIR = configured or _kept_in()
    try:
        return cast(F, numba.njit(cache=True, nogil=True, fastmath=False, error_model="numpy")(function))
    finally:
        config.CACHE_DIR = configured


@cache
def _kept_in() -> str:
    """Return the folder of these sources; empty where it can not be made: numba's own, of an installed release."""
    package = Path(exitbrain.__path__[0])
    sources = sorted(
        path for layer in ("domain", "infrastructure/lab") for path in (package / layer).rglob("*.py")
    )
    digest = sha256()
    for path in sources:
        digest.update(path.read_bytes())
    cached = Path(__file__).parent / "__pycache__"
    if not access(cached if cached.exists() else cached.parent, W_OK):
        return ""
    return str(cached / f"numba-{digest.hexdigest()[:16]}")
