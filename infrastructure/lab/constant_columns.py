"""Columns that say the same in every row, such as a fee or a policy: a segment's label holds them, so nobody decodes them.

They stand in the file like all others, for readers that know nothing of this.
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
    """Return the constant columns as JSON text: a text or null, or the bytes of a number as hexadecimal digits."""
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
    """Return those of the named columns that are constant, in full."""
    return {name: _full(name, constants[name], rows) for name in names if name in constants}


def _full(name: str, value: str | None, rows: int) -> Any:
    if name in TEXTS:
        return Coded(
            np.full(rows, -1 if value is None else 0, dtype=np.int32), () if value is None else (value,)
        )
    assert value is not None, "only texts can be nothing"
    dtype = SCHEMA.field(name).type.to_pandas_dtype()
    return np.full(rows, np.frombuffer(bytes.fromhex(value), dtype)[0], dtype=dtype)


def _bits(values: Any) -> Any:
    """Return numbers by their bits, so that 0.0 and -0.0 are not the same."""
    return values.view(np.uint64) if values.dtype == np.float64 else values
