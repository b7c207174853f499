"""The exits that vectorbt finds, as rows to compare with; it is only in the environment of `make bench`."""

import warnings

import numpy as np
import numpy.typing as npt

from exitbrain.infrastructure.lab.arrays import Mask
from tests.property.one_target import OPEN_AT_END, Exits, OneTarget, Prices

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it imports says of itself that it is old
    import vectorbt


def vectorbt_exits(prices: Prices, signals: Mask, levels: OneTarget) -> Exits:
    """Return the positions of each column (bars, columns) in the order of column and entry."""
    orders: npt.NDArray[np.void] = vectorbt.Portfolio.from_signals(
        open=prices.open,
        high=prices.high,
        low=prices.low,
        close=prices.close,
        entries=signals,
        direction="longonly" if levels.direction > 0 else "shortonly",
        tp_stop=levels.target,
        sl_stop=levels.stop,
        size=1.0,
        init_cash=1e9,
    ).order_records
    return _positions_of(orders)


def _positions_of(orders: npt.NDArray[np.void]) -> Exits:
    """Return the positions that these orders open and close."""
    column, bar, price = orders["col"], orders["idx"], orders["price"]
    # Each column begins with an entry and goes on with exit and entry in turn.
    starts = np.searchsorted(column, column, side="left")
    entries = np.flatnonzero((np.arange(len(column)) - starts) % 2 == 0)
    following = np.minimum(entries + 1, len(column) - 1)
    closed = (following > entries) & (column[following] == column[entries])
    return Exits(
        column=column[entries].astype(np.int64),
        entry_bar=bar[entries].astype(np.int64),
        exit_bar=np.where(closed, bar[following], OPEN_AT_END),
        price=np.where(closed, price[following], np.nan),
    )
