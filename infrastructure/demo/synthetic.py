"""Synthetic messages and instruments from a seed: nothing in them was ever traded."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z

# Symbol, price, tick, step, minimum notional; round figures of our own.
_MARKETS = [
    ("BTCUSDT", 90_000.0, "0.1", "0.001", "100"),
    ("ETHUSDT", 3_000.0, "0.01", "0.001", "20"),
    ("SOLUSDT", 130.0, "0.01", "0.01", "5"),
    ("XRPUSDT", 2.0, "0.0001", "0.1", "5"),
    ("DOGEUSDT", 0.14, "0.00001", "1", "5"),
    ("1000PEPEUSDT", 0.004, "0.0000001", "1", "5"),
    ("LINKUSDT", 13.0, "0.001", "0.01", "5"),
    ("AVAXUSDT", 14.0, "0.001", "1", "5"),
]
_BRACKETS = [
    [0, 50_000, 0.004, 125],
    [50_000, 600_000, 0.005, 100],
    [600_000, 3_000_000, 0.01, 50],
    [3_000_000, 12_000_000, 0.02, 25],
    [12_000_000, 100_000_000, 0.05, 10],
]


def instruments() -> dict[str, Any]:
    """Return the synthetic instruments in the form of an instruments file."""
    return {
        symbol: {"tick_size": tick, "step_size": step, "min_notional": notional, "brackets": _BRACKETS}
        for symbol, _, tick, step, notional in _MARKETS
    }


@dataclass
class _Market:
    symbol: str
    price: float
    side: str | None = None
    entry: float = 0.0
    opened: int = 0


def messages(count: int, *, seed: int = 1, symbols: int = len(_MARKETS), refused: bool = True) -> Iterator[dict[str, Any]]:
    """Yield `count` messages as lines of an import file: `stream`, `stream_id`, `fields`.

    Prices walk at random. Markets are entered, added to, flipped, reduced and closed with a result; with
    `refused` a few messages are broken on purpose. More symbols than the eight known ones are numbered.
    """
    random = Random(seed)
    markets = [_market(number) for number in range(symbols)]
    at_ms = START_MS
    for number in range(count):
        at_ms += random.randint(200, 20_000)
        market = random.choice(markets)
        market.price *= 1.0 + random.gauss(0.0, 0.004)
        stream, payload = _next(random, market, number)
        if refused and number % 47 == 46:
            payload = {**payload, **random.choice([{"leverage": 400}, {"entry_price": "NaN"}, {"symbol": ""}])}
        yield {
            "stream": f"quantum:stream:{stream}",
            "stream_id": f"{at_ms}-0",
            "fields": {"event_type": stream, "payload": json.dumps(payload), "source": "synthetic"},
        }


def lines(count: int, *, seed: int = 1, symbols: int = len(_MARKETS), refused: bool = True) -> Iterator[bytes]:
    """Yield the messages as the lines of a file."""
    for message in messages(count, seed=seed, symbols=symbols, refused=refused):
        yield json.dumps(message, separators=(",", ":")).encode() + b"\n"


def _market(number: int) -> _Market:
    symbol, price, *_ = _MARKETS[number % len(_MARKETS)]
    return _Market(symbol if number < len(_MARKETS) else f"S{number}USDT", price)


def _next(random: Random, market: _Market, number: int) -> tuple[str, dict[str, Any]]:
    chance = random.random()
    if market.side is None or chance < 0.45:
        return "trade.intent", _entry(random, market, market.side or random.choice(["BUY", "SELL"]))
    if chance < 0.65:
        return "trade.intent", _entry(random, market, "SELL" if market.side == "BUY" else "BUY")
    if chance < 0.75:
        reduce = {"symbol": market.symbol, "side": "SELL", "reduce_only": True, "price": round(market.price, 8)}
        return "trade.intent", {**reduce, "intent_type": "REDUCE_ONLY"}
    direction = 1.0 if market.side == "BUY" else -1.0
    gain = direction * (market.price - market.entry) / market.entry * 100.0
    market.side = None
    closed = {"symbol": market.symbol, "exit_price": round(market.price, 8), "pnl_percent": round(gain, 4)}
    return "trade.closed", {**closed, "order_id": str(8_000_000 + number), "reason": "synthetic exit"}


def _entry(random: Random, market: _Market, side: str) -> dict[str, Any]:
    market.side, market.entry = side, market.price
    return {
        "symbol": market.symbol,
        "side": side,
        "entry_price": round(market.price, 8),
        "position_size_usd": float(random.choice([200, 500, 1_000, 5_000])),
        "leverage": random.choice([1, 3, 5, 10, 15, 20, 25, 30, 50, 75]),
        "confidence": round(random.uniform(0.4, 0.95), 2),
        "volatility_factor": round(random.uniform(0.5, 1.8), 4),
        "funding_rate": round(random.gauss(0.0, 0.0002), 6),
        "exchange_divergence": round(abs(random.gauss(0.0, 0.1)), 4),
        "atr_value": 0.02,
        "regime": random.choice(["trending", "ranging", "unknown"]),
        "model": "synthetic",
    }
