"""Synthetic candles that agree with the synthetic messages: at the time of a message its symbol has its price.

Between two messages the price walks on the tick grid towards the next one, and after the last it goes on. As with
the messages, a seed gives the same bytes everywhere.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import NamedTuple

from exitbrain.application.ports.market import NoMarket, Omitted
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.values import ms_of
from exitbrain.infrastructure.demo.synthetic import START, Quote, listings, quotes
from exitbrain.infrastructure.files.written import FOLDER_MODE, finished_text

SYNTHETIC = "Synthetic messages and candles of exitbrain demo: nothing in them was ever traded."
MINUTE_MS = 60_000
MINUTES = 240
"""How long the candles go on: the messages of the demonstration end after some 70 minutes."""

_STEP_MS = 5_000
_REACH = 2000
"""A step moves by up to 1/2,000 of the price, plus a pull towards the next quote."""


class SyntheticCandle(NamedTuple):
    """A candle of a minute; prices are exact."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


Candles = Mapping[str, Sequence[SyntheticCandle]]
"""The candles of each symbol."""


class SyntheticMarket:
    """Serve the candles of the synthetic market without files; every report on it carries its remark."""

    def __init__(self, candles: Candles) -> None:
        self.left_out: list[Omitted] = []
        self.remarks = [SYNTHETIC]
        self._markets = {symbol: Market(_series(found)) for symbol, found in candles.items()}

    def market(self, symbol: str) -> Market:
        """Return the candles of a symbol; raises NoMarket."""
        if symbol not in self._markets:
            raise NoMarket(f"no synthetic candles of {symbol}; there: {', '.join(self._markets)}")
        return self._markets[symbol]


def _series(candles: Sequence[SyntheticCandle]) -> CandleSeries:
    return CandleSeries(MINUTE_MS, [Candle(time, *map(float, prices)) for time, *prices in candles])


def synthetic_candles(messages: int, *, seed: int, minutes: int = MINUTES) -> Candles:
    """Return the candles of each symbol around the messages of a seed; `minutes` must hold them all."""
    random = Random(seed)  # noqa: S311 - a seeded generator is what makes the same bytes again
    quoted: dict[str, list[Quote]] = defaultdict(list)
    for quote in quotes(messages, seed=seed):
        quoted[quote.symbol].append(quote)
    return {
        symbol: list(_candles(tick, first, _path(random, first, quoted[symbol], minutes)))
        for symbol, tick, first in listings()
    }


def write_candles(folder: Path, candles: Candles) -> None:
    """Write a file SYMBOL.csv for each symbol."""
    folder.mkdir(FOLDER_MODE, exist_ok=True)
    for symbol, found in candles.items():
        with finished_text(folder / f"{symbol}.csv") as file:
            file.writelines(f"{line}\n" for line in lines(found))


def lines(candles: Sequence[SyntheticCandle]) -> Iterator[str]:
    """Yield the lines of a candle file."""
    yield "open_time_ms,open,high,low,close"
    for time, *prices in candles:
        yield ",".join((str(time), *(f"{price:f}" for price in prices)))


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


def _candles(tick: Decimal, first: int, path: Iterator[tuple[int, int]]) -> Iterator[SyntheticCandle]:
    by_minute: dict[int, list[int]] = defaultdict(list)
    for at_ms, ticks in path:
        by_minute[at_ms // MINUTE_MS].append(ticks)
    last = first
    for minute, inside in by_minute.items():
        seen = [last, *inside]
        prices = (tick * ticks for ticks in (last, max(seen), min(seen), inside[-1]))
        yield SyntheticCandle(minute * MINUTE_MS, *prices)
        last = inside[-1]
