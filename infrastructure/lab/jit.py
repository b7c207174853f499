"""Compile kernels: strict doubles, no interpreter lock, machine code cached between runs."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from exitbrain.infrastructure.settings import SettingsError

_CONFIGURATION = Path(".numba_config.yaml")
"""Numba's settings in the working folder; they can choose where machine code is loaded from."""

if _CONFIGURATION.exists():
    raise SettingsError(
        f"{_CONFIGURATION.absolute()} could choose which machine code is run, which no file in the working folder may do; "
        "allowed: the environment variables NUMBA_*"
    )

F = TypeVar("F", bound=Callable[..., object])


def jit(function: F) -> F:
    """Compile a function of numbers and arrays.

    `fastmath` stays off and nothing is contracted, so every operation rounds as in Python; division by zero
    gives an infinity or NaN as in NumPy. Threads can run it in parallel.
    """
    return cast(F, _kept(numba.njit(nogil=True, fastmath=False, error_model="numpy")(function)))


def inlined(function: F) -> F:
    """Compile a function into its callers; for small ones, and those that take another function."""
    return cast(F, numba.njit(nogil=True, fastmath=False, error_model="numpy", forceinline=True)(function))


def _kept(dispatcher: Any) -> Any:
    """Cache the machine code beside the source or in the user's cache; skip caching if neither is writable.

    Numba only checks the file of the function. Machine code includes the called functions, so here any change
    in the source of the laboratory or the domain compiles it again. Numba writes the index before the code, so the
    name of the code says which source it was made of: else a full disk could leave a new index with old code.
    """
    if not hasattr(dispatcher, "enable_caching"):  # NUMBA_DISABLE_JIT
        return dispatcher
    try:
        dispatcher.enable_caching()
    except RuntimeError:  # no writable folder
        return dispatcher
    cache, file = dispatcher._cache, dispatcher._cache._cache_file
    file._source_stamp = _laboratory()
    file._data_name_pattern = file._data_name_pattern.replace("{number", f"{_laboratory()[:16]}-{{number")
    file._save_index = partial(_save_index, file._save_index, Path(file._index_path))
    file._load_index = partial(_load, file._load_index, dict)
    cache.load_overload = partial(_load, cache.load_overload, lambda: None)
    cache.save_overload = partial(_save, cache.save_overload)
    return dispatcher


def _load(load: Callable[..., object], absent: Callable[[], object], *wanted: object) -> object:
    """Load from the cache; what cannot be read is absent, so it is compiled again and replaced.

    Numba unpickles an index before it compares the sources, so after an update it may name a class that is gone.
    """
    try:
        return load(*wanted)
    except Exception:  # noqa: BLE001  unpickling may raise anything
        return absent()


def _save_index(save: Callable[[object], None], index: Path, overloads: dict[object, str]) -> None:
    """Save the index of a function, and remove the machine code that it no longer names."""
    save(overloads)
    for code in index.parent.glob(f"{index.stem}.*.nbc"):
        if code.name not in overloads.values():
            code.unlink(missing_ok=True)


def _save(save: Callable[[object, object], None], signature: object, overload: object) -> None:
    """Save machine code if possible; sometimes numba has compiled it but no longer holds it."""
    try:
        with suppress(OSError):  # such as a full disk; compiled again next time
            save(signature, overload)
    except RuntimeError as error:
        if "no compiled object yet" not in str(error):
            raise


@cache
def _laboratory() -> str:
    digest = sha256()
    package = Path(__file__).parents[2]
    for folder in ("domain", "infrastructure/lab"):  # kernels contain constants of the domain
        for file in sorted((package / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
