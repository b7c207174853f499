"""The first part of a message that is too big to be kept, and the measure by which it is.

What the scripts of the Redis adapter hand over of a big entry is measured and cut by the same rule.
"""

from codecs import getincrementaldecoder
from collections.abc import Iterable, Sequence

FIRST_PART_BYTES = 4096
"""How much is kept of a message above the size cap, or the cap where that is less."""


def size_of(parts: Iterable[bytes]) -> int:
    """Return the bytes of names and values. An empty one counts as one, or millions of them would weigh nothing."""
    return sum(len(part) or 1 for part in parts)


def first_part(parts: Iterable[bytes], max_bytes: int) -> list[bytes]:
    """Return names and values in turn up to the size that is kept, the last of them cut, always in pairs."""
    kept: list[bytes] = []
    room = min(FIRST_PART_BYTES, max_bytes)
    for part in parts:
        if room <= 0:
            break
        kept.append(part[:room])
        room -= len(kept[-1]) or 1
    return [*kept, b""] if len(kept) % 2 else kept


def in_pairs(parts: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return a first part as fields; of a name that comes twice the first counts, since only the last may be cut."""
    fields: dict[bytes, bytes] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        fields.setdefault(_whole_characters(name), _whole_characters(value))
    return fields


def _whole_characters(part: bytes) -> bytes:
    """Leave out a character whose end was cut off; bytes that are no text stay."""
    try:
        return getincrementaldecoder("utf-8")().decode(part).encode()
    except UnicodeDecodeError:
        return part
