"""Compare two tables of decisions bit by bit."""

from typing import Any

import numpy as np

from exitbrain.infrastructure.lab.decision_columns import COLUMNS, Coded, DecisionColumns

_DERIVED = ("regular", "guard_states", "judgement")
_ORDER = (*(name for name in COLUMNS if name not in _DERIVED), *_DERIVED)
"""Recorded columns come before derived ones."""


def first_difference(mirrored: DecisionColumns, stored: DecisionColumns) -> str | None:
    """Return the first difference in log order, with both values; None if every bit agrees."""
    if len(mirrored) != len(stored):
        return f"it holds {len(mirrored)} decisions, the store {len(stored)}"
    found = [(int(rows[0]), name) for name in _ORDER if len(rows := _differing(mirrored, stored, name))]
    if not found:
        return None
    row = min(found)[0]
    name = next(name for at, name in found if at == row)
    return (
        f"log position {stored.log_position[row]}, {name}: {_text(getattr(mirrored, name), row)} in the mirror, "
        f"{_text(getattr(stored, name), row)} in the store"
    )


def _differing(mirrored: DecisionColumns, stored: DecisionColumns, name: str) -> Any:
    a, b = getattr(mirrored, name), getattr(stored, name)
    if isinstance(a, Coded):
        return np.flatnonzero(a.codes != _translated(b, a))
    width = a.dtype.itemsize
    left, right = (np.ascontiguousarray(column).view(np.uint8).reshape(-1, width) for column in (a, b))
    return np.flatnonzero((left != right).any(axis=1))


def _translated(column: Coded, other: Coded) -> Any:
    """Return the codes of a column in the values of another, -2 for a missing value."""
    code_of = {value: code for code, value in enumerate(other.values)}
    codes = np.array([*(code_of.get(value, -2) for value in column.values), -1], dtype=np.int32)
    return codes[column.codes]  # -1 indexes the last, which is -1


def _text(column: Any, row: int) -> str:
    if isinstance(column, Coded):
        return column.text(row) or "nothing"
    value = column[row]
    return bytes(value).hex() if column.dtype.kind == "V" else repr(value.item())
