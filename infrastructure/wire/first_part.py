"""Measure a message, and cut one that is too big to its first part.

The scripts of the Redis adapter measure and cut big entries by the same rule.
"""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Sequence

FIRST_PART_BYTES = 4096
"""Bytes kept of a message above the size cap; the cap itself if that is smaller."""


def size_of(parts: Iterable[bytes]) -> int:
    """Return the size of names and values in bytes. An empty one counts as one byte, so that none is free."""
    return sum(len(part) or 1 for part in parts)


def first_part(parts: Iterable[bytes], max_bytes: int) -> list[bytes]:
    """Return alternating names and values up to the kept size, the last one cut, always in pairs."""
    kept: list[bytes] = []
    room = min(FIRST_PART_BYTES, max_bytes)
    for part in parts:
        if room <= 0:
            break
        kept.append(part[:room])
        room -= len(kept[-1]) or 1
    return [*kept, b""] if len(kept) % 2 else kept


def in_pairs(parts: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return a first part as fields; a repeated name keeps its first value: only the last may be cut."""
    fields: dict[bytes, bytes] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        fields.setdefault(_whole_characters(name), _whole_characters(value))
    return fields


def _whole_characters(part: bytes) -> bytes:
    """Drop a character that was cut at the end; keep bytes that are not text."""
    try:
        return getincrementaldecoder("utf-8")().decode(part).encode()
    except UnicodeDecodeError:
        return part
