"""JSON text, read and written without losing a digit."""

import json
import re
from collections.abc import Callable, Mapping

from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.files.texts import MARK

NESTING_MAX = 64
"""How deep lists and objects may nest. A bound of our own: the parser's depends on who calls it from where."""

# Possessive: it never goes back into a string, and so keeps no note of each of its characters.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\[\s\S]?)*+(?:"|\Z)|[\[{]|[\]}]')


class NotJson(ExitBrainError, ValueError):
    """A text is not JSON, or is nested deeper than `NESTING_MAX`."""


class JsonNumber(str):
    """A JSON number as the digits it was written with."""

    __slots__ = ()


_AROUND = f" \t\n\r{MARK}"
"""What may stand around a JSON text: its own white space, and the byte order mark of the file it was in."""

Scan = Callable[[str, int], tuple[object, int]]


def _scanner(number: Callable[[str], str]) -> Scan:
    """Return what a decoder scans with: `decode` around it costs as much as the scan of a whole message."""
    decoder = json.JSONDecoder(parse_float=number, parse_int=number, parse_constant=number)
    scan: Scan = decoder.scan_once  # type: ignore[attr-defined]  # the stubs lack it
    return scan


_DIGITS = _scanner(str)
_NUMBERS = _scanner(JsonNumber)


def decode(text: str) -> object:
    """Return the value of a JSON text; numbers, NaN and Infinity come as plain text. Raises NotJson."""
    return _decoded(_DIGITS, text)


def decode_numbers(text: str) -> object:
    """Do what `decode` does, but give each number as a `JsonNumber`, which `encode` writes as it was."""
    return _decoded(_NUMBERS, text)


def encode(value: object) -> str:
    """Return a value as JSON text in ASCII; what JSON does not know becomes the text of its `str`."""
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(encode, value)) + "]"
    return json.dumps(value, default=str)


def _decoded(scan: Scan, text: str) -> object:
    if _nested_too_deep(text):
        raise NotJson(f"nested deeper than {NESTING_MAX}")
    text = text.strip(_AROUND)
    try:
        value, end = scan(text, 0)
    except (ValueError, StopIteration) as error:
        raise NotJson(str(error)) from error
    if end != len(text):
        raise NotJson(f"more text after character {end}")
    return value


def _nested_too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= NESTING_MAX:
        return False
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > NESTING_MAX:
                return True
        elif match[0] in "]}":
            depth -= 1
    return False
