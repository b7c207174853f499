"""Columns with one value in every row, such as a fee or a policy, kept in a segment's label to skip decoding.

The file holds them too, for readers that do not know about the label.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from exitbrain.infrastructure.lab.decision_columns import (
    COLUMNS,
    PLAN_ID,
    SCHEMA,
    TEXTS,
    Coded,
    DecisionColumns,
)


def constants_of(columns: DecisionColumns) -> str:
    """Return the constant columns as JSON: a text, null, or the bytes of a number in hexadecimal."""
    found: dict[str, str | None] = {}
    for name in COLUMNS if len(columns) else ():
        column = getattr(columns, name)
        values = column.codes if isinstance(column, Coded) else column
        if values.dtype == PLAN_ID or not np.all(_bits(values) == _bits(values[:1])):
            continue
        found[name] = column.text(0) if isinstance(column, Coded) else values[:1].tobytes().hex()
    return json.dumps(found, separators=(",", ":"))


def constants_in(text: str) -> dict[str, str | None]:
    """Return the constant columns of a label."""
    found: dict[str, str | None] = json.loads(text)
    return found


def filled(constants: Mapping[str, str | None], names: Iterable[str], rows: int) -> dict[str, Any]:
    """Return the constant ones among the named columns, at full length."""
    return {name: _full(name, constants[name], rows) for name in names if name in constants}


def _full(name: str, value: str | None, rows: int) -> Any:
    if name in TEXTS:
        return Coded(
            np.full(rows, -1 if value is None else 0, dtype=np.int32), () if value is None else (value,)
        )
    assert value is not None, "only texts can be None"
    dtype = SCHEMA.field(name).type.to_pandas_dtype()
    return np.full(rows, np.frombuffer(bytes.fromhex(value), dtype)[0], dtype=dtype)


def _bits(values: Any) -> Any:
    """Return doubles as bits, so that 0.0 and -0.0 differ."""
    return values.view(np.uint64) if values.dtype == np.float64 else values
