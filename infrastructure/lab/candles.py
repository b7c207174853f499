"""Candles, trades and funding rates from files, every row checked; what is wrong is named with file and line."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from exitbrain.application.ports.market import MarketUnreadable
from exitbrain.domain.walk.candle import Candle, CandleSeries, FundingRate, PriceKind, Trade, TradeSeries
from exitbrain.infrastructure.lab.tables import Column, Table, read_table

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_TIME_NAMES = ("open_time", "opentime", "open time", "timestamp", "time_ms", "time", "calc_time")
_OHLC = ("open", "high", "low", "close")
_CANDLE = (Column("open_time_ms", _TIME_NAMES, whole=True), *map(Column, _OHLC))
_TRADE_TIME = Column("time", ("trade_ms", "time_ms", "timestamp", "transact_time"), whole=True)
_TRADE = (_TRADE_TIME, Column("price"))
_FUNDING = (
    Column("time_ms", (*_TIME_NAMES, "fundingtime"), whole=True),
    Column("funding_rate", ("rate", "last_funding_rate", "fundingrate")),
)
_FIRST_MS, _END_MS = 946_684_800_000, 4_133_980_800_000  # the years 2000 to 2100
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "s": 1_000}


@dataclass(frozen=True)  # no slots: the series is made once and kept
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
        """Return the candles as the walk takes them."""
        columns = (self.open_time_ms, self.open, self.high, self.low, self.close)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return CandleSeries(self.interval_ms, [Candle(*row) for row in rows], self.kind)


def read_candles(
    paths: list[Path], kind: PriceKind = PriceKind.CONTRACT, interval_ms: int | None = None
) -> CandleColumns:
    """Read candles from files that follow each other; raises MarketUnreadable.

    Times are milliseconds, or microseconds as in newer archives. The interval is the most frequent distance of two
    candles; where `interval_ms` says what the file names promise, they must agree.
    """
    tables = [_with_milliseconds(read_table(path, _CANDLE), "open_time_ms") for path in paths]
    tables.sort(key=lambda table: table.cell("open_time_ms", 0))
    for table in tables:
        _check_prices(table)
    times = np.concatenate([table.columns["open_time_ms"] for table in tables]).astype(np.int64)
    interval = _check_interval(tables, times, interval_ms)
    opened, high, low, close = (_joined(tables, name) for name in _OHLC)
    return CandleColumns(interval, times, opened, high, low, close, kind)


def read_trades(paths: list[Path]) -> TradeSeries:
    """Read trades from files that follow each other; raises MarketUnreadable."""
    trades: list[Trade] = []
    for table in _in_order([read_table(path, _TRADE) for path in paths], "time", strictly=False):
        prices = table.columns["price"]
        _refuse_first(table, ~(np.isfinite(prices) & (prices > 0)), "price", "a finite price above 0")
        rows = zip(table.columns["time"].tolist(), prices.tolist(), strict=True)
        trades += [Trade(*row) for row in rows]
    return TradeSeries(trades)


def read_funding(paths: list[Path]) -> tuple[FundingRate, ...]:
    """Read funding rates, fractions of notional, from files that follow each other; raises MarketUnreadable."""
    rates: list[FundingRate] = []
    for table in _in_order([read_table(path, _FUNDING) for path in paths], "time_ms", strictly=True):
        column = table.columns["funding_rate"]
        _refuse_first(table, ~(np.abs(column) < 1.0), "funding_rate", "a fraction above -1 and below 1")
        rows = zip(table.columns["time_ms"].tolist(), column.tolist(), strict=True)
        rates += [FundingRate(*row) for row in rows]
    return tuple(rates)


def interval_named(text: str) -> int | None:
    """Return the milliseconds of an interval like 1m or 8h, None where a text is none."""
    number, unit = text[:-1], text[-1:]
    return int(number) * _UNITS[unit] if number.isdecimal() and int(number) and unit in _UNITS else None


def _joined(tables: list[Table], name: str) -> Doubles:
    return np.concatenate([table.columns[name].astype(np.float64, copy=False) for table in tables])


def _in_order(tables: list[Table], time: str, *, strictly: bool) -> list[Table]:
    tables = sorted(
        (_with_milliseconds(table, time) for table in tables), key=lambda table: table.cell(time, 0)
    )
    before = None
    for table in tables:
        times = table.columns[time]
        steps = np.diff(times, prepend=times[0] - 1 if before is None else before)
        late = steps <= 0 if strictly else steps < 0
        _refuse_first(table, late, time, f"{'later than' if strictly else 'not before'} the row before it")
        before = times[-1]
    return tables


def _with_milliseconds(table: Table, time: str) -> Table:
    times = table.columns[time]
    if times[0] >= _END_MS:
        times = times // 1000
    table = Table(table.path, {**table.columns, time: times}, table.first_line)
    outside = (times < _FIRST_MS) | (times >= _END_MS)
    _refuse_first(table, outside, time, "milliseconds or microseconds since 1970, of the years 2000 to 2100")
    return table


def _check_prices(table: Table) -> None:
    prices = table.columns
    for name in _OHLC:
        _refuse_first(
            table, ~(np.isfinite(prices[name]) & (prices[name] > 0)), name, "a finite price above 0"
        )
    top = np.maximum(prices["open"], prices["close"])
    bottom = np.minimum(prices["open"], prices["close"])
    _refuse_first(table, prices["high"] < top, "high", "at least open and close")
    _refuse_first(table, prices["low"] > bottom, "low", "at most open and close")


def _check_interval(tables: list[Table], times: Integers, promised: int | None) -> int:
    steps = np.diff(times)
    if promised is None and not len(steps):
        raise MarketUnreadable(
            f"{tables[0].path} has one candle, which tells no interval; allowed: two or more"
        )
    row = np.flatnonzero(steps <= 0)
    if len(row):
        raise _bad_step(tables, int(row[0]) + 1, "later than the candle before it")
    interval = promised
    if interval is None:
        values, counts = np.unique(steps, return_counts=True)
        interval = int(values[counts.argmax()])
    row = np.flatnonzero(steps % interval)
    if len(row):
        raise _bad_step(
            tables, int(row[0]) + 1, f"the candle before it plus a multiple of the interval of {interval} ms"
        )
    return interval


def _bad_step(tables: list[Table], row: int, allowed: str) -> MarketUnreadable:
    for table in tables:
        if row < len(table):
            return _bad_value(table, row, "open_time_ms", allowed)
        row -= len(table)
    raise AssertionError("the row is of one of the tables")


def _refuse_first(table: Table, bad: npt.NDArray[np.bool_], name: str, allowed: str) -> None:
    if bad.any():
        raise _bad_value(table, int(bad.argmax()), name, allowed)


def _bad_value(table: Table, row: int, name: str, allowed: str) -> MarketUnreadable:
    return MarketUnreadable(f"{table.line(row)}: {name} is {table.cell(name, row)!r}; allowed: {allowed}")
