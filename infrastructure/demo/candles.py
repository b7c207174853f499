"""Synthetic candles that agree with the synthetic messages: at the time of a message its symbol has its price.

Between two messages the price walks on the tick grid towards the next one, and after the last it goes on. As with
the messages a seed gives the same bytes everywhere.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random

from exitbrain.application.ports.market import NoMarket
from exitbrain.domain.values import ms_of
from exitbrain.domain.walk.candle import Candle, CandleSeries, Market
from exitbrain.infrastructure.demo.synthetic import START, Quote, listings, quotes
from exitbrain.infrastructure.written_files import FOLDER_MODE, finished_text

MINUTE_MS = 60_000
MINUTES = 240
"""How long the candles go on: the messages of the demonstration end after some 70 minutes."""

_STEP_MS = 5_000
_REACH = 2000
"""A step moves by up to the 2,000th part of the price, beside what the next quote pulls."""


@dataclass(frozen=True, slots=True)
class TickCandle:
    """A candle of a minute; prices in ticks."""

    open_time_ms: int
    open: int
    high: int
    low: int
    close: int


@dataclass(frozen=True, slots=True)
class SyntheticSymbol:
    """The candles of a symbol on its tick grid."""

    tick: Decimal
    candles: Sequence[TickCandle]

    def lines(self) -> Iterator[str]:
        """Yield the lines of a candle file, prices as exact decimals."""
        yield "open_time_ms,open,high,low,close"
        for one in self.candles:
            prices = ",".join(f"{self.tick * ticks:f}" for ticks in (one.open, one.high, one.low, one.close))
            yield f"{one.open_time_ms},{prices}"

    def series(self) -> CandleSeries:
        """Return the candles as a walk takes them: the doubles that a reader of the file gets."""
        return CandleSeries(MINUTE_MS, [self._candle(one) for one in self.candles])

    def _candle(self, one: TickCandle) -> Candle:
        opened, high, low, close = (
            float(self.tick * ticks) for ticks in (one.open, one.high, one.low, one.close)
        )
        return Candle(one.open_time_ms, opened, high, low, close)


class SyntheticMarket:
    """Know what the synthetic market did: the port MarketData without any file."""

    def __init__(self, symbols: Mapping[str, SyntheticSymbol]) -> None:
        self._markets = {symbol: Market(found.series()) for symbol, found in symbols.items()}

    def market(self, symbol: str) -> Market:
        """Return the candles of a symbol; raises NoMarket."""
        if symbol not in self._markets:
            raise NoMarket(f"no synthetic candles of {symbol}; there: {', '.join(self._markets)}")
        return self._markets[symbol]


def synthetic_candles(messages: int, *, seed: int, minutes: int = MINUTES) -> dict[str, SyntheticSymbol]:
    """Return the candles of each symbol around the messages of a seed; `minutes` must hold them all."""
    random = Random(seed)  # noqa: S311 - a seeded generator is what makes the same bytes again
    quoted: dict[str, list[Quote]] = defaultdict(list)
    for quote in quotes(messages, seed=seed):
        quoted[quote.symbol].append(quote)
    found = {}
    for symbol, tick, first in listings():
        path = _path(random, first, quoted[symbol], minutes)
        found[symbol] = SyntheticSymbol(tick, list(_candles(first, path)))
    return found


def write_candles(folder: Path, symbols: Mapping[str, SyntheticSymbol]) -> None:
    """Write a file SYMBOL.csv for each symbol."""
    folder.mkdir(FOLDER_MODE, exist_ok=True)
    for symbol, found in symbols.items():
        with finished_text(folder / f"{symbol}.csv") as file:
            file.write("\n".join(found.lines()) + "\n")


def _path(random: Random, first: int, quoted: Sequence[Quote], minutes: int) -> Iterator[tuple[int, int]]:
    """Yield times and prices in ticks, every five seconds and at each quote, where the price is the quoted one."""
    coming, ticks = list(reversed(quoted)), first
    begin_ms = ms_of(START)
    for at_ms in range(begin_ms, begin_ms + minutes * MINUTE_MS, _STEP_MS):
        pull = (
            (coming[-1].ticks - ticks) * _STEP_MS // max(_STEP_MS, coming[-1].at_ms - at_ms) if coming else 0
        )
        reach = max(1, ticks // _REACH)
        ticks = max(1, ticks + pull + random.randint(-reach, reach))
        yield at_ms, ticks
        while coming and coming[-1].at_ms < at_ms + _STEP_MS:
            quote = coming.pop()
            ticks = quote.ticks
            yield quote.at_ms, ticks


def _candles(first: int, path: Iterator[tuple[int, int]]) -> Iterator[TickCandle]:
    by_minute: dict[int, list[int]] = defaultdict(list)
    for at_ms, ticks in path:
        by_minute[at_ms // MINUTE_MS].append(ticks)
    last = first
    for minute, inside in by_minute.items():
        seen = [last, *inside]
        yield TickCandle(minute * MINUTE_MS, last, max(seen), min(seen), inside[-1])
        last = inside[-1]
