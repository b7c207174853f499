"""Recorded decisions as columns: one row each, in log order. The mirror and the what-ifs share this table.

Times are microseconds since 1970 in UTC; levels are raw numbers in the unit of the policy, as recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from exitbrain.infrastructure.lab.arrays import Codes, Doubles, Integers, Mask

PLAN_ID = np.dtype("V16")
"""The 16 bytes of a plan id, as in `UUID.bytes`."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A text for each row: `codes` are indexes into the distinct `values`, -1 means no text."""

    codes: npt.NDArray[np.int32]
    values: tuple[str, ...]

    def text(self, row: int) -> str | None:
        """Return the text of one row."""
        code = int(self.codes[row])
        return None if code < 0 else self.values[code]

    def code_of(self, value: str) -> int:
        """Return the code of a text, -2 if no row has it."""
        return self.values.index(value) if value in self.values else -2


@dataclass(frozen=True, slots=True)
class DecisionColumns:
    """Recorded decisions, column by column.

    Only the log position has a meaning in a row that is not `readable` (its stored form could not be
    decoded). A `regular` row is stored exactly as this version writes it, and its judgement has a digest.
    `refused` rows come from the event LevelsRefused.

    Inputs: `direction` +1 or -1; price and quantity as the exact recorded decimal text and as a double, NaN
    if unknown. `time_known`: the message had a time of occurrence. Outputs: as in `RawLevels`, `refusal` is
    the code of `REFUSALS` or 0. `guard_states` and `judgement` are defined in the module `judgement`.
    """

    log_position: Integers
    plan_id: npt.NDArray[np.void]
    revision: npt.NDArray[np.int32]
    readable: Mask
    refused: Mask
    regular: Mask
    account: Coded
    symbol: Coded
    policy: Coded
    parameters_hash: Coded
    fingerprint: Coded
    snapshot: Coded
    occurred_at_us: Integers
    recorded_at_us: Integers
    time_known: Mask
    max_intent_age_s: Doubles
    direction: Doubles
    leverage: Doubles
    leverage_assumed: Mask
    volatility: Doubles
    funding: Doubles
    divergence: Doubles
    confidence: Doubles
    average_pnl: Doubles
    base_tp: Doubles
    base_sl: Doubles
    fee_bps: Doubles
    slippage_bps: Doubles
    entry_price: Doubles
    quantity: Doubles
    entry_price_text: Coded
    quantity_text: Coded
    lsf: Doubles
    pnl_factor: Doubles
    lsf_adjusted: Doubles
    tp1: Doubles
    tp2: Doubles
    tp3: Doubles
    sl: Doubles
    harvest1: Doubles
    harvest2: Doubles
    harvest3: Doubles
    floor: Doubles
    cap: Doubles
    refusal: Codes
    guard_states: npt.NDArray[np.int32]
    judgement: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.log_position)

    def to_table(self) -> pa.Table:
        """Return the rows as an Arrow table of `SCHEMA`, sharing the memory where Arrow can."""
        return pa.Table.from_arrays(
            [_to_arrow(getattr(self, field.name), field.type) for field in SCHEMA], schema=SCHEMA
        )

    @classmethod
    def of_table(cls, table: pa.Table, known: Mapping[str, Any] | None = None) -> Self:
        """Return the columns of an Arrow table and the `known` ones; a column in neither is an empty array.

        A reader that needs few columns can so read only those.
        """
        columns = {} if known is None else dict(known)
        columns.update({field.name: _of_arrow(table, field) for field in SCHEMA if field.name not in columns})
        return cls(**columns)

    def take(self, rows: slice | Mask | Integers) -> "DecisionColumns":
        """Return some of the rows; a column that was not read stays empty."""

        def of(column: Any) -> Any:
            if isinstance(column, Coded):
                return Coded(column.codes[rows] if len(column.codes) else column.codes, column.values)
            return column[rows] if len(column) else column

        return DecisionColumns(**{name: of(getattr(self, name)) for name in COLUMNS})


COLUMNS = tuple(field.name for field in fields(DecisionColumns))

INPUTS = (
    "leverage",
    "volatility",
    "funding",
    "divergence",
    "confidence",
    "average_pnl",
    "base_tp",
    "base_sl",
    "fee_bps",
    "slippage_bps",
)
"""The inputs that are doubles in `LevelInputs`, under the same names."""

OUTPUTS = ("lsf", "pnl_factor", "lsf_adjusted", "tp1", "tp2", "tp3", "sl")
HARVEST = ("harvest1", "harvest2", "harvest3")
LIMITS = ("floor", "cap")

TEXTS = (
    "account",
    "symbol",
    "policy",
    "parameters_hash",
    "fingerprint",
    "snapshot",
    "entry_price_text",
    "quantity_text",
)
_OTHER: dict[str, Any] = {
    "log_position": pa.int64(),
    "plan_id": pa.binary(16),
    "revision": pa.int32(),
    "occurred_at_us": pa.int64(),
    "recorded_at_us": pa.int64(),
    "refusal": pa.int8(),
    "guard_states": pa.int32(),
    "judgement": pa.uint64(),
    **dict.fromkeys(("readable", "refused", "regular", "time_known", "leverage_assumed"), pa.bool_()),
    **dict.fromkeys(TEXTS, pa.dictionary(pa.int32(), pa.string())),
}
SCHEMA = pa.schema([pa.field(name, _OTHER.get(name, pa.float64())) for name in COLUMNS])


def joined(parts: Sequence[DecisionColumns]) -> DecisionColumns:
    """Return the rows of several parts, one after the other; no rows for no parts."""
    if not parts:
        return DecisionColumns.of_table(SCHEMA.empty_table())
    if len(parts) == 1:
        return parts[0]
    return DecisionColumns(
        **{name: _joined([getattr(part, name) for part in parts], name) for name in COLUMNS}
    )


def _joined(columns: list[Any], name: str) -> Any:
    if name not in TEXTS:
        return np.concatenate(columns)
    codes: dict[str, int] = {}
    parts = []
    for column in columns:
        mapped = [codes.setdefault(value, len(codes)) for value in column.values]
        parts.append(
            np.array([*mapped, -1], dtype=np.int32)[column.codes]
        )  # -1 indexes the last, which is -1
    return Coded(np.concatenate(parts), tuple(codes))


def _to_arrow(column: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(column, Coded):
        codes = pa.array(column.codes, mask=column.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.values, pa.string()))
    if kind == pa.binary(16):
        return pa.FixedSizeBinaryArray.from_buffers(kind, len(column), [None, pa.py_buffer(column)])
    return pa.array(column, kind)


def _of_arrow(table: pa.Table, field: pa.Field) -> Any:
    if field.name not in table.column_names:
        return _nothing(field)
    column = table.column(field.name)
    column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(column, pa.ChunkedArray):  # an empty table has no chunks
        return _nothing(field)
    if pa.types.is_dictionary(field.type):
        codes = column.indices if column.null_count == 0 else column.indices.fill_null(-1)
        return Coded(codes.to_numpy(zero_copy_only=False), tuple(column.dictionary.to_pylist()))
    if field.type == pa.binary(16):
        start = 16 * column.offset
        return np.frombuffer(column.buffers()[1], np.uint8)[start : start + 16 * len(column)].view(PLAN_ID)
    return column.to_numpy(zero_copy_only=False)


def _nothing(field: pa.Field) -> Any:
    if pa.types.is_dictionary(field.type):
        return Coded(np.empty(0, np.int32), ())
    if field.type == pa.binary(16):
        return np.empty(0, PLAN_ID)
    return np.empty(0, field.type.to_pandas_dtype())
