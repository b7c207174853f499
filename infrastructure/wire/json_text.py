"""Read and write JSON text without losing a digit."""

import json
import re
from collections.abc import Callable, Mapping

from exitbrain.domain.errors import ExitBrainError
from exitbrain.infrastructure.files.texts import MARK

NESTING_MAX = 64
"""How deep lists and objects may nest. The parser's own limit depends on the depth of the call stack."""

# Possessive: it never backtracks into a string, so it stores no state per character.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\[\s\S]?)*+(?:"|\Z)|[\[{]|[\]}]')


class NotJson(ExitBrainError, ValueError):
    """A text is not JSON, or is nested deeper than `NESTING_MAX`."""


class JsonNumber(str):
    """A JSON number with its digits as written."""

    __slots__ = ()


_AROUND = f" \t\n\r{MARK}"
"""Characters allowed around a JSON text: JSON white space and a byte order mark."""

Scan = Callable[[str, int], tuple[object, int]]


def _scanner(number: Callable[[str], str]) -> Scan:
    """Return the scan function of a decoder; its `decode` wrapper costs as much as scanning a message."""
    decoder = json.JSONDecoder(parse_float=number, parse_int=number, parse_constant=number)
    scan: Scan = decoder.scan_once  # type: ignore[attr-defined]  # the stubs lack it
    return scan


_DIGITS = _scanner(str)
_NUMBERS = _scanner(JsonNumber)


def decode(text: str) -> object:
    """Decode JSON text, with numbers, NaN and Infinity as plain text. Raises NotJson."""
    return _decoded(_DIGITS, text)


def decode_numbers(text: str) -> object:
    """Like `decode`, but return each number as a `JsonNumber`, which `encode` writes back unchanged."""
    return _decoded(_NUMBERS, text)


def encode(value: object) -> str:
    """Encode a value as JSON text in ASCII; a type that JSON lacks is written as its `str`."""
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
