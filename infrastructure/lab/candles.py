"""Read candles, trades and funding rates from files. Every row is checked; errors name file and line."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.domain.simulation.candle import (
    Candle,
    CandleSeries,
    FundingRate,
    PriceKind,
    Trade,
    TradeSeries,
)
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileLimits
from exitbrain.infrastructure.lab.arrays import Doubles, Integers
from exitbrain.infrastructure.lab.intervals import DIGITS_MAX
from exitbrain.infrastructure.lab.table_files import read_table
from exitbrain.infrastructure.lab.tables import Column, Numbers, Table, Wanted, in_milliseconds

_TIME = "open_time_ms"
_INDEX = ("", "unnamed: 0", "index", "__index_level_0__")
"""Column names of an unnamed data frame index."""
_TIME_NAMES = (
    *("open_time", "timestamp", "time_ms", "time", "unix", "datetime", "date", "start_time", "calc_time"),
    *_INDEX,
)
_OHLC = ("open", "high", "low", "close")
_CANDLE = Wanted((Column(_TIME, _TIME_NAMES, is_time=True), *map(Column, _OHLC)))
_TRADE_TIME = Column(
    "time",
    ("trade_ms", "time_ms", "trade_time", "timestamp", "transact_time", "datetime", "date", *_INDEX),
    is_time=True,
)
_FUNDING = Wanted(
    (
        Column("time_ms", ("funding_time", *_TIME_NAMES), is_time=True),
        # freqtrade keeps rates as candles, the rate as their open.
        Column("funding_rate", ("rate", "last_funding_rate", "open")),
    ),
    lambda row: (0, 2 if len(row) > 2 and _is_hours(row[1]) else 1),
)
_BOOLEANS = ("true", "false")


def _trade_places(row: Sequence[str]) -> tuple[int, int]:
    """Return the columns of time and price: in Binance's archive the time comes before is_buyer_maker."""
    for place, cell in enumerate(row):
        if cell.strip().lower() in _BOOLEANS and place > 1:
            return place - 1, 1
    return 0, 1


def _is_hours(cell: str) -> bool:
    return cell.strip().isdecimal() and len(cell) <= DIGITS_MAX and int(cell) > 0


_TRADE = Wanted((_TRADE_TIME, Column("price")), _trade_places)


@dataclass(frozen=True)  # no slots: the series is cached
class CandleColumns:
    """Candles of one symbol as columns, ascending, and their interval."""

    interval_ms: int
    open_time_ms: Integers
    open: Doubles
    high: Doubles
    low: Doubles
    close: Doubles
    kind: PriceKind = PriceKind.CONTRACT

    def __len__(self) -> int:
        return len(self.open_time_ms)

    @cached_property
    def series(self) -> CandleSeries:
        """Return the candles as a series for the simulation."""
        columns = (self.open_time_ms, self.open, self.high, self.low, self.close)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return CandleSeries(self.interval_ms, [Candle(*row) for row in rows], self.kind)


def read_candles(
    paths: list[Path],
    kind: PriceKind = PriceKind.CONTRACT,
    interval_ms: int | None = None,
    remarks: list[str] | None = None,
    limits: FileLimits = DEFAULT_LIMITS,
) -> CandleColumns:
    """Read candles from files of one series; raises MarketUnreadable.

    Rows may come newest first, and files may overlap: a repeated candle is taken once, one that differs is
    refused. The interval is the most frequent distance of two candles and must agree with `interval_ms`, the
    one in the file names, if given. Candles off the grid of most others are left out. Everything left out or
    assumed is added to `remarks`.
    """
    said = [] if remarks is None else remarks
    tables = [
        _ascending(_read(path, _CANDLE, said, limits), _TIME, "later than the candle before it")
        for path in paths
    ]
    for table in tables:
        _check_prices(table)
    rows = _Rows.of(sorted(tables, key=lambda table: table.cell(_TIME, 0)))
    rows = rows.without_repeats(_OHLC, "later than the candle before it, or the same in every price", said)
    interval = _interval(rows, interval_ms)
    rows = _on_grid(rows, interval, said)
    opened, high, low, close = (rows.columns[name].astype(np.float64, copy=False) for name in _OHLC)
    return CandleColumns(
        interval_ms=interval,
        open_time_ms=rows.columns[_TIME].astype(np.int64, copy=False),
        open=opened,
        high=high,
        low=low,
        close=close,
        kind=kind,
    )


def read_trades(
    paths: list[Path], remarks: list[str] | None = None, limits: FileLimits = DEFAULT_LIMITS
) -> TradeSeries:
    """Read trades from files that follow each other; raises MarketUnreadable."""
    said = [] if remarks is None else remarks
    trades: list[Trade] = []
    allowed = "not before the row before it"
    tables = [_ascending(_read(path, _TRADE, said, limits), "time", allowed) for path in paths]
    before = 0
    for table in sorted(tables, key=lambda table: table.cell("time", 0)):
        times, prices = table.columns["time"], table.columns["price"]
        table.refuse_first(times < before, "time", allowed)
        table.refuse_first(~(np.isfinite(prices) & (prices > 0)), "price", "a finite price above 0")
        trades += [Trade(*row) for row in zip(times.tolist(), prices.tolist(), strict=True)]
        before = int(times[-1])
    return TradeSeries(trades)


def read_funding(
    paths: list[Path], remarks: list[str] | None = None, limits: FileLimits = DEFAULT_LIMITS
) -> tuple[FundingRate, ...]:
    """Read funding rates, fractions of notional, from files of one series; raises MarketUnreadable."""
    said = [] if remarks is None else remarks
    time, rate = "time_ms", "funding_rate"
    tables = [
        _ascending(_read(path, _FUNDING, said, limits), time, "later than the row before it")
        for path in paths
    ]
    for table in tables:
        table.refuse_first(~(np.abs(table.columns[rate]) < 1.0), rate, "a fraction above -1 and below 1")
    rows = _Rows.of(sorted(tables, key=lambda table: table.cell(time, 0)), time)
    rows = rows.without_repeats((rate,), "later than the row before it, or the same rate", said)
    return tuple(
        [
            FundingRate(*row)
            for row in zip(rows.columns[time].tolist(), rows.columns[rate].tolist(), strict=True)
        ]
    )


def _read(path: Path, wanted: Wanted, said: list[str], limits: FileLimits) -> Table:
    table = read_table(path, wanted, limits)
    if table.naive:
        said.append(f"{path}: times without an offset, taken as UTC")
    return in_milliseconds(table, wanted.time.name)


def _ascending(table: Table, time: str, allowed: str) -> Table:
    """Return a table with the oldest row first; raises MarketUnreadable if it is not sorted either way."""
    times = table.columns[time]
    if times[0] > times[-1]:
        table = table.reversed()
    late = np.diff(table.columns[time]) < 0
    if late.any():
        raise table.bad_value(int(late.argmax()) + 1, time, allowed)
    return table


def _check_prices(table: Table) -> None:
    prices = table.columns
    for name in _OHLC:
        table.refuse_first(~(np.isfinite(prices[name]) & (prices[name] > 0)), name, "a finite price above 0")
    top = np.maximum(prices["open"], prices["close"])
    bottom = np.minimum(prices["open"], prices["close"])
    table.refuse_first(prices["high"] < top, "high", "at least open and close")
    table.refuse_first(prices["low"] > bottom, "low", "at most open and close")


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of several tables, ordered by time; `origin` is the number of each among all rows."""

    tables: list[Table]
    columns: dict[str, Numbers]
    time: str
    origin: Integers | None = None

    @classmethod
    def of(cls, tables: list[Table], time: str = _TIME) -> "_Rows":
        joined = {
            name: np.concatenate([table.columns[name] for table in tables]) if len(tables) > 1 else column
            for name, column in tables[0].columns.items()
        }
        rows = cls(tables, joined, time)
        if (np.diff(joined[time]) < 0).any():
            return rows.taken(np.argsort(joined[time], kind="stable"))
        return rows

    def taken(self, which: Integers) -> "_Rows":
        origin = which if self.origin is None else self.origin[which]
        return _Rows(
            self.tables, {name: column[which] for name, column in self.columns.items()}, self.time, origin
        )

    def without_repeats(self, names: Sequence[str], allowed: str, said: list[str]) -> "_Rows":
        """Leave out rows that repeat the previous one; raises MarketUnreadable if same times differ."""
        again = np.flatnonzero(np.diff(self.columns[self.time]) == 0) + 1
        if not len(again):
            return self
        differs = np.zeros(len(again), dtype=np.bool_)
        for name in names:
            differs |= self.columns[name][again] != self.columns[name][again - 1]
        if differs.any():
            raise self.bad_time(int(again[differs.argmax()]), allowed)
        table, row = self.where(int(again[0]))
        said.append(f"{table.line(row)}: the row repeats another, left out; {len(again)} in all")
        kept = np.ones(len(self), dtype=np.bool_)
        kept[again] = False
        return self.taken(np.flatnonzero(kept))

    def __len__(self) -> int:
        return len(self.columns[self.time])

    def where(self, row: int) -> tuple[Table, int]:
        """Return the table of a row, and its number in that table."""
        place = row if self.origin is None else int(self.origin[row])
        for table in self.tables:
            if place < len(table):
                return table, place
            place -= len(table)
        raise AssertionError("the row is of one of the tables")

    def bad_time(self, row: int, allowed: str) -> MarketUnreadable:
        table, place = self.where(row)
        return table.bad_value(place, self.time, allowed)


def _interval(rows: _Rows, promised: int | None) -> int:
    steps = np.diff(rows.columns[_TIME])
    if promised is not None:
        if len(steps) > 1 and steps.min() > promised:
            raise rows.bad_time(1, f"{promised} ms after the candle before it, as the name says, in some row")
        return promised
    if not len(steps):
        raise MarketUnreadable(
            f"{rows.tables[0].path} has only one candle, so its interval is unknown; allowed: two or more"
        )
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def _on_grid(rows: _Rows, interval: int, said: list[str]) -> _Rows:
    """Leave out candles off the grid of most others, as venues write after an outage; they become holes."""
    times = rows.columns[_TIME]
    phases = times % interval
    if (phases == phases[0]).all():
        return rows
    values, counts = np.unique(phases, return_counts=True)
    off = phases != values[counts.argmax()]
    row = int(off.argmax())
    if 2 * counts.max() <= len(times):
        row = int(np.flatnonzero(np.diff(times) % interval)[0]) + 1
        raise rows.bad_time(row, f"the candle before it plus a multiple of the interval of {interval} ms")
    table, place = rows.where(row)
    grid = f"the grid of {interval} ms"
    said.append(f"{table.line(place)}: the candle is off {grid}, left out; {off.sum()} in all")
    return rows.taken(np.flatnonzero(~off))
