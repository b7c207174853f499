"""Arrow batches of the table of outcomes, made from rows."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
from msgspec import Struct
from msgspec.structs import astuple

from exitbrain.application.whatif.rows import (
    BoundFields,
    DifferenceFields,
    OutcomeRow,
    PositionFields,
    UnitAmounts,
    WalkFields,
)
from exitbrain.domain.evidence.interval import Interval
from exitbrain.infrastructure.lab.outcome_schema import (
    AMOUNTS,
    BOUND_COLUMNS,
    DIFFERENCE,
    OUTCOMES,
    POSITION,
    WALK,
)

ROWS_AT_ONCE = 8_192
"""Rows that are Python objects at a time; with all their numbers each takes some kilobytes."""

DAY_MS = 86_400_000

Cells = tuple[Any, ...]
"""The values of one row; None for null."""

_POSITION_WIDTH = len(POSITION)
_PLACES = {column.name: place for place, column in enumerate(OUTCOMES)}
_NO_AMOUNTS: Cells = (None,) * len(AMOUNTS)
_NO_ENDS: Cells = (None, None)
_NO_DIFFERENCE: Cells = (None,) * len(DIFFERENCE)
_NO_WALK: Cells = (None,) * (len(WALK) + sum(map(len, BOUND_COLUMNS.values())) + len(DIFFERENCE))


def outcome_batches(rows: Iterable[OutcomeRow], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield batches of rows with the columns of a schema."""
    waiting = iter(rows)
    while some := list(islice(waiting, ROWS_AT_ONCE)):
        yield outcome_batch(some, schema)


def outcome_batch(rows: Sequence[OutcomeRow], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as one batch. What belongs to a position is converted once for its consecutive rows."""
    positions: list[PositionFields] = []
    places: list[int] = []
    for row in rows:
        if not positions or row.position is not positions[-1]:
            positions.append(row.position)
        places.append(len(positions) - 1)
    of_positions = _transposed([_of_position(each) for each in positions])
    of_rows = _transposed([_of_row(row) for row in rows])
    taken = pa.array(places, pa.int32())
    arrays = []
    for field in schema:
        place = _PLACES[field.name]
        if place < _POSITION_WIDTH:
            arrays.append(pa.array(of_positions[place], field.type).take(taken))
        else:
            arrays.append(pa.array(of_rows[place - _POSITION_WIDTH], field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def plain_batch(rows: Sequence[Struct], schema: pa.Schema) -> pa.RecordBatch:
    """Return policies or legs as one batch."""
    columns = _transposed([astuple(row) for row in rows]) or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _transposed(rows: Sequence[Cells]) -> list[Cells]:
    return list(zip(*rows, strict=True))


def _of_position(position: PositionFields) -> Cells:
    identity = (position.position_id, position.symbol, position.account, position.side)
    cells = astuple(position)
    day = None if position.opened_at_ms is None else position.opened_at_ms // DAY_MS
    return (*identity, position.opened_at_ms, day, *cells[len(identity) + 1 :])


def _of_row(row: OutcomeRow) -> Cells:
    walk = row.walk
    walked = _NO_WALK if walk is None else _of_walk(walk)
    return (row.policy, row.counted, row.left_out, row.left_out_detail, *walked)


def _of_walk(walk: WalkFields) -> Cells:
    pessimistic = _of_bound(walk.pessimistic)
    one_history = walk.optimistic is walk.pessimistic
    return (
        walk.ambiguous,
        walk.holes,
        " ".join(walk.failed_guards),
        walk.entry_off_market,
        walk.went_on,
        walk.added_after_exit,
        *pessimistic,
        *(pessimistic if one_history else _of_bound(walk.optimistic)),
        *(_NO_DIFFERENCE if walk.difference is None else _of_difference(walk.difference)),
    )


def _of_bound(bound: BoundFields) -> Cells:
    return (
        *astuple(bound.first),
        *_amounts(bound.committed),
        *_amounts(bound.quote),
        *_amounts(bound.r),
        bound.net_r_own,
        bound.end_at_ms,
        bound.end_level,
        bound.time_in_trade_ms,
        bound.targets_hit,
        *_ends(bound.mfe),
        *_ends(bound.mae),
        *_ends(bound.give_back),
    )


def _of_difference(difference: DifferenceFields) -> Cells:
    return (
        *_ends(difference.first),
        *_ends(difference.committed),
        *_ends(difference.quote),
        *_ends(difference.r),
    )


def _amounts(amounts: UnitAmounts | None) -> Cells:
    return _NO_AMOUNTS if amounts is None else astuple(amounts)


def _ends(interval: Interval | None) -> Cells:
    return _NO_ENDS if interval is None else (interval.lower, interval.upper)
