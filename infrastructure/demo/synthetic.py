"""Synthetic messages and instruments from a seed: nothing in them was ever traded.

The generator is only asked for integers and uniform numbers, and prices stay on the tick grid, so a seed gives the
same bytes on every machine and Python.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from exitbrain.domain.values import ms_of

START = datetime(2026, 1, 1, tzinfo=UTC)

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a symbol in ticks, at a time in epoch milliseconds."""

    symbol: str
    at_ms: int
    ticks: int


@dataclass(frozen=True, slots=True)
class _Listing:
    """A symbol with its first price and its trading rules; round figures of our own."""

    symbol: str
    price: str
    tick: str
    step: str
    min_notional: str
    brackets: tuple[tuple[float, float, float, float], ...]


_LARGE = (
    (0, 50_000, 0.004, 125),
    (50_000, 600_000, 0.005, 100),
    (600_000, 3_000_000, 0.01, 50),
    (3_000_000, 12_000_000, 0.02, 25),
    (12_000_000, 100_000_000, 0.05, 10),
)
# At 75x with 1 % maintenance no stop outside the costs fits inside the liquidation price.
_SMALL = (
    (0, 50_000, 0.01, 75),
    (50_000, 250_000, 0.02, 25),
    (250_000, 2_500_000, 0.05, 10),
)
_LISTINGS = (
    _Listing("BTCUSDT", "90000.0", "0.1", "0.001", "100", _LARGE),
    _Listing("ETHUSDT", "3000.00", "0.01", "0.001", "20", _LARGE),
    _Listing("SOLUSDT", "130.000", "0.001", "0.01", "5", _LARGE),
    _Listing("XRPUSDT", "2.0000", "0.0001", "0.1", "5", _LARGE),
    _Listing("DOGEUSDT", "0.14000", "0.00001", "1", "5", _SMALL),
    _Listing("1000PEPEUSDT", "0.0040000", "0.0000001", "1", "5", _SMALL),
    _Listing("LINKUSDT", "13.000", "0.001", "0.01", "5", _SMALL),
    _Listing("AVAXUSDT", "14.0000", "0.0001", "1", "5", _SMALL),
)
_LEVERAGES = (1, 3, 5, 10, 15, 20, 25, 30, 50, 75)
_SIZES_USD = (50.0, 200.0, 1_000.0, 5_000.0)
_BREAKAGES: tuple[Fields, ...] = (
    {"leverage": 400},
    {"leverage": "high"},
    {"side": "UP"},
    {"symbol": ""},
)
_BROKEN_EVERY = 47


def instruments() -> dict[str, Any]:
    """Return the synthetic instruments in the form of an instruments file."""
    return {
        listing.symbol: {
            "tick_size": listing.tick,
            "step_size": listing.step,
            "min_notional": listing.min_notional,
            "brackets": listing.brackets,
        }
        for listing in _LISTINGS
    }


def lines(
    count: int, *, seed: int = 1, symbols: int = len(_LISTINGS), refused: bool = True
) -> Iterator[bytes]:
    """Yield the messages as the lines of a file to ingest."""
    for message in messages(count, seed=seed, symbols=symbols, refused=refused):
        yield json.dumps(message, separators=(",", ":")).encode() + b"\n"


def messages(
    count: int, *, seed: int = 1, symbols: int = len(_LISTINGS), refused: bool = True
) -> Iterator[dict[str, Any]]:
    """Yield `count` messages as an import holds them: `stream`, `stream_id`, `fields`; each has source `synthetic`.

    Positions are entered, added to, flipped, reduced and closed with a result; some closes are reported twice, some
    signals are to hold. With `refused` every 47th message is broken on purpose. Symbols beyond the eight with
    instruments are numbered and have none.
    """
    for happening in _happenings(count, seed, symbols, refused=refused):
        milliseconds = ms_of(happening.at)
        stream = f"quantum:stream:{happening.stream}"
        yield {"stream": stream, "stream_id": f"{milliseconds}-0", "fields": happening.fields}


def quotes(count: int, *, seed: int = 1) -> Iterator[Quote]:
    """Yield the price of its symbol at each of the messages, those that are broken or name no price too."""
    for happening in _happenings(count, seed, len(_LISTINGS), refused=True):
        yield Quote(happening.market.symbol, ms_of(happening.at), happening.market.ticks)


def listings() -> Iterator[tuple[str, Decimal, int]]:
    """Yield each symbol with its tick size and the price, in ticks, from which it starts."""
    for listing in _LISTINGS:
        tick = Decimal(listing.tick)
        yield listing.symbol, tick, int(Decimal(listing.price) / tick)


@dataclass(frozen=True, slots=True)
class _Happening:
    """A message before it is written down."""

    market: "_Market"
    at: datetime
    stream: str
    fields: Fields


def _happenings(count: int, seed: int, symbols: int, *, refused: bool) -> Iterator[_Happening]:
    random = Random(seed)  # noqa: S311 - a seeded generator is what makes the same bytes again
    markets = [_Market(random, number) for number in range(symbols)]
    at = START
    for number in range(1, count + 1):
        at += timedelta(milliseconds=random.randint(200, 20_000))
        market = random.choice(markets)
        market.move()
        if refused and number % _BROKEN_EVERY == 0:
            broken = enveloped(market.signal("BUY") | random.choice(_BREAKAGES), at)
            yield _Happening(market, at, "trade.intent", broken)
        else:
            yield _Happening(market, at, *market.message(number, at))


class _Market:
    """One symbol: its price, and the open position in it."""

    def __init__(self, random: Random, number: int) -> None:
        listing = _LISTINGS[number % len(_LISTINGS)]
        self._random = random
        self.symbol = listing.symbol if number < len(_LISTINGS) else f"S{number}USDT"
        self._tick = Decimal(listing.tick)
        self.ticks = int(Decimal(listing.price) / self._tick)
        self._side: str | None = None
        self._entry_ticks = 0
        self._last_close: Fields | None = None

    def move(self) -> None:
        """Let the price walk by up to 0.8 %."""
        reach = max(1, self.ticks // 125)
        self.ticks = max(1000, self.ticks + self._random.randint(-reach, reach))

    def message(self, number: int, at: datetime) -> tuple[str, Fields]:
        """Return the stream and the fields of what happens next."""
        chance = self._random.random()
        if self._side is None:
            if chance < 0.1 and self._last_close is not None:
                return "trade.closed", self._last_close
            return "trade.intent", enveloped(self._entry(self._random.choice(("BUY", "SELL"))), at)
        if chance < 0.04:
            return "trade.intent", enveloped(self.signal("HOLD"), at)
        if chance < 0.45:
            return "trade.intent", enveloped(self.signal(self._side), at)
        if chance < 0.6:
            return "trade.intent", enveloped(self._entry(self._other_side()), at)
        if chance < 0.7:
            return "trade.intent", enveloped(self._reduction(), at)
        return "trade.closed", self._close(number, at)

    def signal(self, side: str) -> Fields:
        """Return the signal of a strategy at the current price."""
        random = self._random
        return {
            "symbol": self.symbol,
            "side": side,
            "entry_price": self._price(),
            "position_size_usd": random.choice(_SIZES_USD),
            "leverage": random.choice(_LEVERAGES),
            "confidence": round(random.uniform(0.4, 0.95), 2),
            "volatility_factor": round(random.uniform(0.5, 1.8), 4),
            "funding_rate": round(random.uniform(-0.0003, 0.0005), 6),
            "exchange_divergence": round(random.uniform(0.0, 0.3), 4),
            "atr_value": round(random.uniform(0.005, 0.03), 4),
            "regime": random.choice(("trending", "ranging", "unknown")),
        }

    def _entry(self, side: str) -> Fields:
        self._side, self._entry_ticks = side, self.ticks
        return self.signal(side)

    def _reduction(self) -> Fields:
        # Too little to end a position: whether its report would come in time depends on how fast they are sent.
        quantity = round(self._random.choice(_SIZES_USD) / 1_000 / self._price(), 6)
        return {
            "symbol": self.symbol,
            "side": self._other_side(),
            "quantity": quantity,
            "price": self._price(),
            "reduce_only": True,
        }

    def _close(self, number: int, at: datetime) -> Fields:
        """Return the report of a close, flat text fields as the venue's reporter writes them."""
        direction = 1 if self._side == "BUY" else -1
        gain = direction * 100.0 * (self.ticks - self._entry_ticks) / self._entry_ticks
        self._side = None
        self._last_close = {
            "symbol": self.symbol,
            "side": "LONG" if direction == 1 else "SHORT",
            "exit_price": str(self._tick * self.ticks),
            "pnl_percent": f"{gain:.4f}",
            "order_id": str(8_000_000 + number),
            "reason": "take profit" if gain > 0 else "stop loss",
            "timestamp": at.isoformat(),
            "source": "synthetic",
        }
        return self._last_close

    def _other_side(self) -> str:
        return "SELL" if self._side == "BUY" else "BUY"

    def _price(self) -> float:
        return float(self._tick * self.ticks)


def enveloped(payload: Fields, at: datetime) -> Fields:
    """Return an intent as its producer sends it: the payload as JSON text in an envelope."""
    return {
        "event_type": "trade.intent",
        "payload": json.dumps(payload),
        "timestamp": at.isoformat(),
        "source": "synthetic",
    }
