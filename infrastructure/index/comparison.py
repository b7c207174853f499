"""Compare the rows of two indexes of one log."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

Row = tuple[Any, ...]


def differing(table: str, found: Iterator[Row], folded: Iterator[Row]) -> Iterator[str]:
    """Yield the first row of a table that is not what the log says, with the number of such rows."""
    pairs = ((have, want) for have, want in zip_longest(found, folded) if have != want)
    first = next(pairs, None)
    if first is None:
        return
    count = 1 + sum(1 for _ in pairs)
    have, want = (_shown(row) for row in first)
    yield f"table {table}: {count} rows differ; the first is {have}, the log says {want}"


def _shown(row: Row | None) -> str:
    if row is None:
        return "absent"
    return "(" + ", ".join(value.hex() if isinstance(value, bytes) else repr(value) for value in row) + ")"
