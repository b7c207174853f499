"""The first difference between a recorded and a recomputed value, compared to the bit."""

import struct
from collections.abc import Iterator
from typing import Any

from msgspec import Struct


class Difference(Struct, frozen=True):
    """The path of a field that differs, with both values as text."""

    field: str
    recorded: str
    recomputed: str


def first_difference(recorded: Any, recomputed: Any) -> Difference | None:
    """Return the first field that differs, in definition order; None if all bits agree.

    Doubles agree only if all 64 bits do, so -0.0 and 0.0 differ; Decimals agree if their digits do.
    """
    if repr(recorded) == repr(
        recomputed
    ):  # shows every bit, and is much faster than comparing field by field
        return None
    return next(_differences("", recorded, recomputed), None)


def _differences(path: str, a: Any, b: Any) -> Iterator[Difference]:
    if isinstance(a, float) and isinstance(b, float):
        if struct.pack("<d", a) != struct.pack("<d", b):
            yield Difference(path, repr(a), repr(b))
    elif type(a) is not type(b):
        yield Difference(path, _text(a), _text(b))
    elif isinstance(a, Struct):
        for field, stored_as in zip(a.__struct_fields__, a.__struct_encode_fields__, strict=True):
            yield from _differences(_join(path, stored_as), getattr(a, field), getattr(b, field))
    elif isinstance(a, tuple | list):
        yield from _in_sequence(path, a, b)
    elif isinstance(a, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            yield from _differences(_join(path, str(key)), a.get(key), b.get(key))
    elif str(a) != str(b):
        yield Difference(path, _text(a), _text(b))


def _in_sequence(path: str, a: Any, b: Any) -> Iterator[Difference]:
    for number, (left, right) in enumerate(zip(a, b, strict=False)):
        yield from _differences(f"{path}[{number}]", left, right)
    if len(a) != len(b):
        yield Difference(f"{path}.length", str(len(a)), str(len(b)))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _text(value: Any) -> str:
    return "nothing" if value is None else str(value)
