"""MarketFiles: what the market did, from a folder of files or a single one, found by the names of symbols.

A name begins with the symbol, `BTCUSDT` or `BTC_USDT_USDT`, and may go on after a dash: `1m`, `mark`, `funding_rate`,
`trades`, a date. `BTCUSDT.csv.gz`, `BTCUSDT-1m-2024-08.zip` and `XRP_USDT_USDT-8h-mark.csv.gz` are such names.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from exitbrain.application.ports.market import MarketUnreadable, NoMarket
from exitbrain.domain.walk.candle import CandleSeries, FundingRate, Market, PriceKind, TradeSeries
from exitbrain.infrastructure.lab.candles import (
    CandleColumns,
    interval_named,
    read_candles,
    read_funding,
    read_trades,
)

_ENDINGS = (".csv", ".csv.gz", ".zip", ".parquet")
_UNIFIED = re.compile(r"(?P<base>[^_]+)_(?P<quote>[^_]+)_(?P=quote)")


class Content(StrEnum):
    """What a file holds, as its name tells."""

    CANDLES = "candles"
    MARK = "mark candles"
    FUNDING = "funding rates"
    TRADES = "trades"
    OTHER = "something else"


_CONTENT_OF = {
    "mark": Content.MARK,
    "markprice": Content.MARK,
    "funding": Content.FUNDING,
    "funding_rate": Content.FUNDING,
    "fundingrate": Content.FUNDING,
    "trades": Content.TRADES,
    "aggtrades": Content.TRADES,
    "book": Content.OTHER,
}


@dataclass(frozen=True, slots=True)
class MarketFile:
    """A file and what its name tells; `interval_ms` is None where it tells none."""

    path: Path
    symbol: str
    content: Content
    interval_ms: int | None


@dataclass(frozen=True)  # no slots: what lies there is looked up once
class Place:
    """A folder or file that a user named for one purpose."""

    path: Path

    @cached_property
    def files(self) -> list[MarketFile]:
        """Return the files there, in the order of their names; raises MarketUnreadable."""
        if not self.path.exists():
            raise MarketUnreadable(f"{self.path} does not exist; allowed: a folder or a file of market data")
        if self.path.is_file():
            return [_described(self.path)]
        return [_described(path) for path in sorted(self.path.iterdir()) if path.name.endswith(_ENDINGS)]

    def of(self, symbol: str, *contents: Content) -> list[MarketFile]:
        """Return the files of a symbol with the first of these contents that there is; a file named alone is it."""
        files = [file for file in self.files if file.symbol == symbol]
        if self.path.is_file():
            return files
        for content in contents:
            if found := [file for file in files if file.content is content]:
                return found
        return []

    def missing(self, symbol: str, what: str) -> NoMarket:
        """Return the error for a symbol of which nothing lies here."""
        known = sorted({file.symbol for file in self.files})
        shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        return NoMarket(f"no {what} of {symbol} in {self.path}; there: {shown or 'nothing'}")


class MarketFiles:
    """Know what files say of the market. Each symbol is read when it is first asked for, and kept."""

    def __init__(
        self,
        candles: Path,
        *,
        mark: Path | None = None,
        finer: Path | None = None,
        funding: Path | None = None,
    ) -> None:
        """Name where candles lie, and, for those who have them, mark candles, finer data and funding rates."""
        self._candles = Place(candles)
        self._mark = None if mark is None else Place(mark)
        self._finer = None if finer is None else Place(finer)
        self._funding = None if funding is None else Place(funding)
        self._columns: dict[str, CandleColumns] = {}
        self._markets: dict[str, Market] = {}

    def market(self, symbol: str) -> Market:
        """Return everything known of a symbol; raises MarketUnreadable."""
        if symbol not in self._markets:
            self._markets[symbol] = self._read(symbol)
        return self._markets[symbol]

    def columns(self, symbol: str) -> CandleColumns:
        """Return the candles of a symbol as columns; raises MarketUnreadable."""
        if symbol not in self._columns:
            files = self._candles.of(symbol, Content.CANDLES)
            if not files:
                raise self._candles.missing(symbol, "candles")
            of_mark = files[0].content is Content.MARK  # a file named alone may be any
            self._columns[symbol] = _candles(files, PriceKind.MARK if of_mark else PriceKind.CONTRACT, None)
        return self._columns[symbol]

    def _read(self, symbol: str) -> Market:
        candles = self.columns(symbol)
        return Market(
            candles.series,
            self._mark_candles(symbol, candles.interval_ms),
            self._finer_data(symbol, candles.interval_ms),
            () if self._funding is None else self._rates(self._funding, symbol),
        )

    def _mark_candles(self, symbol: str, interval_ms: int) -> CandleSeries | None:
        if self._mark is None:
            return None
        files = self._mark.of(symbol, Content.MARK, Content.CANDLES)
        return _candles(files, PriceKind.MARK, interval_ms).series if files else None

    def _finer_data(self, symbol: str, interval_ms: int) -> CandleSeries | TradeSeries | None:
        if self._finer is None:
            return None
        files = self._finer.of(symbol, Content.TRADES, Content.CANDLES)
        if not files:
            return None
        if files[0].content is Content.TRADES:
            return read_trades([file.path for file in files])
        files = [file for file in files if file.interval_ms is None or file.interval_ms < interval_ms]
        return _candles(files, PriceKind.CONTRACT, None).series if files else None

    def _rates(self, place: Place, symbol: str) -> tuple[FundingRate, ...]:
        files = place.of(symbol, Content.FUNDING, Content.CANDLES)
        return read_funding([file.path for file in files]) if files else ()


def _candles(files: list[MarketFile], kind: PriceKind, preferred_ms: int | None) -> CandleColumns:
    """Read files of one interval; of several the preferred one, else there is no telling which is meant."""
    by_interval: dict[int | None, list[MarketFile]] = defaultdict(list)
    for file in files:
        by_interval[file.interval_ms].append(file)
    if preferred_ms in by_interval:
        by_interval = {preferred_ms: by_interval[preferred_ms]}
    if len(by_interval) > 1:
        names = ", ".join(file.path.name for file in files[:4])
        raise MarketUnreadable(
            f"{files[0].path.parent} holds candles of {files[0].symbol} of several intervals ({names}); "
            f"allowed: those of one, or name the file"
        )
    [(interval_ms, same)] = by_interval.items()
    return read_candles([file.path for file in same], kind, interval_ms)


def _described(path: Path) -> MarketFile:
    stem = path.name
    for ending in sorted(_ENDINGS, key=len, reverse=True):
        stem = stem.removesuffix(ending)
    head, *words = stem.split("-")
    unified = _UNIFIED.fullmatch(head)
    symbol = f"{unified['base']}{unified['quote']}" if unified else head
    content, interval_ms = Content.CANDLES, None
    for word in words:
        content = _CONTENT_OF.get(word.lower(), content)
        interval_ms = interval_ms or interval_named(word)
    return MarketFile(path, symbol.upper() if symbol.isascii() else symbol, content, interval_ms)
