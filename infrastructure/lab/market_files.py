"""Market data from a folder of files or a single file, found by symbol."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from exitbrain.application.ports.market import MarketUnreadable, NoMarket, Omitted
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import CandleSeries, FundingRate, Market, PriceKind, TradeSeries
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileLimits
from exitbrain.infrastructure.lab.candles import CandleColumns, read_candles, read_funding, read_trades
from exitbrain.infrastructure.lab.market_names import Content, MarketFile, closest, has_table_name
from exitbrain.infrastructure.wire.scalars import shown

LowerTimeframe = CandleSeries | TradeSeries
_OF_TRADES = (Content.TRADES, Content.AGGREGATED_TRADES)
_NAMED = 12
"""The most symbols or files that a message names."""


@dataclass(frozen=True)  # no slots: the list of files is cached
class Place:
    """A folder or file that a user gave for one purpose; raises MarketUnreadable if it does not exist."""

    path: Path

    def __post_init__(self) -> None:
        if not self.path.exists():
            raise MarketUnreadable(f"{self.path} does not exist; allowed: a folder or a file of market data")

    @cached_property
    def files(self) -> list[MarketFile]:
        """Return its files, ordered by name."""
        if not self.path.is_dir():
            return [MarketFile.named(self.path)]
        found = [path for path in sorted(self.path.iterdir()) if has_table_name(path) and path.is_file()]
        return [file for file in map(MarketFile.named, found) if file.content is not Content.OTHER]

    def of(self, symbol: str, *contents: Content) -> list[MarketFile]:
        """Return a symbol's files with the first of these contents found; a file given alone always fits.

        Raises MarketUnreadable if files of several symbols may be meant.
        """
        if not self.path.is_dir():
            return _of_one_symbol(self.files, symbol)
        for content in contents:
            if found := _of_one_symbol([file for file in self.files if file.content is content], symbol):
                return found
        return []

    def missing(self, symbol: str, content: Content) -> NoMarket:
        """Return the error for a symbol without such a file."""
        files = [file for file in self.files if not self.path.is_dir() or file.content is content]
        known = sorted({file.symbol for file in files})
        there = shown(", ".join(known[:_NAMED])) + (", ..." if len(known) > _NAMED else "")
        return NoMarket(f"no {content} of {symbol} in {self.path}; there: {there or 'no such file'}")


class MarketFiles:
    """Provide market data from files. Each symbol is read on first use, and kept.

    `remarks` lists what was assumed or left out, `left_out` the lower-timeframe data that could not be used;
    both grow as symbols are read.
    """

    def __init__(
        self,
        candles: Path,
        *,
        mark: Path | None = None,
        lower_timeframe: Path | None = None,
        funding: Path | None = None,
        limits: FileLimits = DEFAULT_LIMITS,
    ) -> None:
        """Take the places of candles and, if any, mark candles, lower-timeframe data and funding rates.

        Raises MarketUnreadable if one of them does not exist.
        """
        self._candles = Place(candles)
        self._mark = None if mark is None else Place(mark)
        self._lower_timeframe = None if lower_timeframe is None else Place(lower_timeframe)
        self._funding = None if funding is None else Place(funding)
        self._limits = limits
        self._columns: dict[str, CandleColumns] = {}
        self._markets: dict[str, Market | MarketUnreadable] = {}
        self.remarks: list[str] = []
        self.left_out: list[Omitted] = []

    def market(self, symbol: str) -> Market:
        """Return all data of a symbol; raises MarketUnreadable."""
        if symbol not in self._markets:
            try:
                self._markets[symbol] = self._read(symbol)
            except MarketUnreadable as error:
                self._markets[symbol] = error
        found = self._markets[symbol]
        if isinstance(found, MarketUnreadable):
            raise type(found)(str(found))
        return found

    def columns(self, symbol: str) -> CandleColumns:
        """Return the candles of a symbol as columns; raises MarketUnreadable."""
        if symbol not in self._columns:
            files = self._candle_files(symbol)
            of_mark = files[0].content is Content.MARK  # a file given alone may be of any content
            kind = PriceKind.MARK if of_mark else PriceKind.CONTRACT
            self._columns[symbol] = self._series(files, kind, None)
        return self._columns[symbol]

    def _candle_files(self, symbol: str) -> list[MarketFile]:
        files = self._candles.of(symbol, Content.CANDLES)
        if not files:
            raise self._candles.missing(symbol, Content.CANDLES)
        return files

    def _read(self, symbol: str) -> Market:
        candles = self.columns(symbol)
        mark = self._mark_candles(symbol, candles.interval_ms)
        funding = () if self._funding is None else self._rates(self._funding, symbol)
        lower_timeframe = (
            ()
            if self._lower_timeframe is None
            else tuple(self._lower_timeframe_data(self._lower_timeframe, symbol, candles.interval_ms))
        )
        try:
            return Market(
                candles.series,
                mark,
                lower_timeframe[0] if lower_timeframe else None,
                funding,
                lower_timeframe[1:],
            )
        except InvalidValue as error:
            raise MarketUnreadable(f"market data of {symbol} do not fit: {error}") from error

    def _mark_candles(self, symbol: str, interval_ms: int) -> CandleSeries | None:
        if self._mark is None:
            return None
        files = self._mark.of(symbol, Content.MARK, Content.CANDLES)
        return self._series(files, PriceKind.MARK, interval_ms).series if files else None

    def _rates(self, place: Place, symbol: str) -> tuple[FundingRate, ...]:
        files = place.of(symbol, Content.FUNDING, Content.CANDLES)
        return read_funding([file.path for file in files], self.remarks, self._limits) if files else ()

    def _lower_timeframe_data(self, place: Place, symbol: str, interval_ms: int) -> Iterator[LowerTimeframe]:
        """Yield data on the order inside candles, the finest first; unusable data go to `left_out`."""
        for content in _OF_TRADES:
            files = place.of(symbol, content)
            if files and files[0].content is content:
                try:
                    yield read_trades([file.path for file in files], self.remarks, self._limits)
                except MarketUnreadable as error:
                    self._leave_out(files, error)
        found: list[CandleColumns] = []
        for files in self._lower_timeframe_files(place, symbol, interval_ms):
            try:
                found.append(self._series(files, PriceKind.CONTRACT, None))
            except MarketUnreadable as error:
                self._leave_out(files, error)
        for columns in sorted(found, key=lambda columns: columns.interval_ms):
            yield columns.series

    def _lower_timeframe_files(
        self, place: Place, symbol: str, interval_ms: int
    ) -> Iterator[list[MarketFile]]:
        """Yield the files of each interval that may be finer, without the candle files found in a folder."""
        walked = {file.path.resolve() for file in self._candle_files(symbol)}
        if not place.path.is_dir():
            walked = set()
        by_interval: dict[int | None, list[MarketFile]] = defaultdict(list)
        for file in place.of(symbol, Content.CANDLES):
            if file.content not in _OF_TRADES and file.path.resolve() not in walked:
                by_interval[file.interval_ms].append(file)
        for named, files in by_interval.items():
            if named is None or (named < interval_ms and not interval_ms % named):
                yield files

    def _leave_out(self, files: list[MarketFile], error: MarketUnreadable) -> None:
        self.left_out.append(Omitted(_names(files), f"{error}; {files[0].symbol} is walked without"))

    def _series(self, files: list[MarketFile], kind: PriceKind, preferred_ms: int | None) -> CandleColumns:
        """Read files of one interval, the preferred one of several; otherwise refuse them as ambiguous."""
        by_interval: dict[int | None, list[MarketFile]] = defaultdict(list)
        for file in files:
            by_interval[file.interval_ms].append(file)
        if preferred_ms in by_interval:
            by_interval = {preferred_ms: by_interval[preferred_ms]}
        if len(by_interval) > 1:
            raise MarketUnreadable(
                f"{files[0].path.parent} holds candles of {files[0].symbol} of several intervals ({_names(files)}); "
                f"allowed: those of one, or name the file"
            )
        [(interval_ms, same)] = by_interval.items()
        return read_candles([file.path for file in same], kind, interval_ms, self.remarks, self._limits)


def _of_one_symbol(files: list[MarketFile], symbol: str) -> list[MarketFile]:
    found = closest(files, symbol)
    if len({file.symbol for file in found}) > 1:
        raise MarketUnreadable(
            f"{found[0].path.parent} holds files of several symbols that may be {symbol} ({_names(found)}); "
            f"allowed: those of one, or name the file"
        )
    return found


def _names(files: list[MarketFile]) -> str:
    return shown(", ".join(file.path.name for file in files[:4]))
