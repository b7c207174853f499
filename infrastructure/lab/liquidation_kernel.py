"""Compute liquidation distances of many positions: `domain.liquidation` as a kernel over leverage brackets.

One table holds the brackets of all snapshots, one after the other; each row has the range of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exitbrain.domain.levels.instrument import Bracket
from exitbrain.infrastructure.lab.arrays import Doubles, InputColumns, Integers
from exitbrain.infrastructure.lab.jit import inlined, jit

_CAP, _RATE, _MAX_LEVERAGE, _CUM = range(4)


@dataclass(frozen=True, slots=True)
class Ladders:
    """The leverage brackets of several snapshots.

    `table` has a row for each bracket: cap, maintenance rate, maximum leverage, amount. Snapshot `s` has the
    rows from `begins[s]` up to `begins[s + 1]`; the last snapshot has no brackets, so -1 means none.
    """

    table: Doubles
    begins: Integers

    @classmethod
    def of(cls, snapshots: Sequence[Sequence[Bracket]]) -> "Ladders":
        """Return the brackets of snapshots in their order."""
        rows = [
            (bracket.cap, bracket.maintenance_rate, bracket.max_leverage, bracket.cum)
            for brackets in snapshots
            for bracket in brackets
        ]
        ends = np.cumsum([0, *map(len, snapshots)], dtype=np.int64)
        return cls(np.array(rows, dtype=np.float64).reshape(-1, 4), np.append(ends, ends[-1]))

    def spans(self, snapshot: Integers) -> tuple[Integers, Integers]:
        """Return the first row and the end of the brackets of each snapshot; -1 is none."""
        return self.begins[:-1][snapshot], self.begins[1:][snapshot]


def liquidations(x: InputColumns, snapshot: Integers, ladders: Ladders) -> Doubles:
    """Return distance, known and allowed of `domain.liquidation.Liquidation` for all rows, an array each."""
    first, beyond = ladders.spans(snapshot)
    result = np.empty((3, len(x.leverage)))
    _fill(x.direction, x.entry_price, x.quantity, x.leverage, ladders.table, first, beyond, result)
    return result


@inlined
def liquidated(
    direction: Any, entry: Any, quantity: Any, sized: Any, leverage: Any, table: Any, first: Any, beyond: Any
) -> Any:
    """Return distance, known and allowed of one position; its brackets are rows `first` up to `beyond`."""
    if first == beyond:
        return 0.0, 0.0, 1.0
    if not sized:
        return _of_unknown_size(direction, leverage, table, first, beyond)
    return _of_known_size(direction, entry, quantity, leverage, table, first, beyond)


@inlined
def _of_unknown_size(direction: Any, leverage: Any, table: Any, first: Any, beyond: Any) -> Any:
    rate, allowed = table[first, _RATE], 0.0
    for row in range(first, beyond):
        if leverage <= table[row, _MAX_LEVERAGE]:
            allowed = 1.0
            rate = max(rate, table[row, _RATE])
    price = (1.0 / leverage - direction) / (rate - direction)
    return direction * (1.0 - price), 1.0, allowed


@inlined
def _of_known_size(
    direction: Any, entry: Any, quantity: Any, leverage: Any, table: Any, first: Any, beyond: Any
) -> Any:
    notional = quantity * entry
    wallet = notional / leverage
    price = entry
    for row in range(first, beyond):
        price = (wallet + table[row, _CUM] - direction * notional) / (
            quantity * table[row, _RATE] - direction * quantity
        )
        if quantity * price <= table[row, _CAP]:
            break
    allowed = 0.0
    for row in range(first, beyond):
        if notional <= table[row, _CAP]:
            allowed = 1.0 if leverage <= table[row, _MAX_LEVERAGE] else 0.0
            break
    return direction * (entry - price) / entry, 1.0, allowed


@jit
def _fill(
    direction: Doubles,
    entry: Doubles,
    quantity: Doubles,
    leverage: Doubles,
    table: Doubles,
    first: Integers,
    beyond: Integers,
    result: Doubles,
) -> None:
    for row in range(len(leverage)):
        sized = not (np.isnan(entry[row]) or np.isnan(quantity[row]))
        distance, known, allowed = liquidated(
            direction[row], entry[row], quantity[row], sized, leverage[row], table, first[row], beyond[row]
        )
        result[0, row] = distance
        result[1, row] = known
        result[2, row] = allowed
