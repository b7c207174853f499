"""A synthetic record on which the laboratory can decide whether another stop would have done better.

Three symbols trade in a fair market. With the effect WICKS three in ten positions meet a dip of one candle that goes
beyond their stop and comes back; with NONE the same positions, entered at the same prices, meet none. A seed gives
the same messages and candles on every machine.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from functools import cache
from itertools import islice
from random import Random
from typing import NamedTuple

from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.policies.formulas.registry import V3_6, compute
from exitbrain.domain.values import Side, ms_of
from exitbrain.infrastructure.demo.candles import MINUTE_MS, Candles, SyntheticCandle
from exitbrain.infrastructure.demo.fair_market import TickCandle, fair_candles
from exitbrain.infrastructure.demo.synthetic import START, Fields, enveloped, listings

RECORDED_POLICY = V3_6
"""The policy whose stops the record shows; it must be in force in the store that takes the messages in."""

_SYMBOLS = 3
_ENTRIES, _EVERY_MIN = 8, 90
"""Entries a day, beginning at midnight: the rest of the day is long enough for whatever goes on."""

_DAY_MIN = 24 * 60
_LATEST_MIN, _HOLD_MIN = 14, (20, 50)
_LEVERAGES = (3, 5, 10)
_QUANTITIES = ("0.05", "1.5", "30")
_VOLATILITY, _CONFIDENCE = 1.0, 0.8
_SIGNAL, _STOPPED = "signal", "stop_loss"
_WICKED_PERCENT = 35
"""How many positions are meant to meet a dip; those that are stopped or well ahead by then do not."""

_WICK_MIN = (2, 18)
_WICK_DEPTH_PERCENT = (125, 145)
"""How far a dip goes, in percent of the distance of the stop."""


class PlantedEffect(StrEnum):
    """What the market does to tight stops."""

    WICKS = "wicks"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LabExample:
    """The messages in time order, as an import holds them, and the candles of each symbol."""

    effect: PlantedEffect
    days: int
    seed: int
    messages: Sequence[Fields]
    candles: Candles

    @property
    def positions(self) -> int:
        """Return how many positions were opened and closed."""
        return len(self.messages) // 2

    @property
    def stopped(self) -> int:
        """Return how many positions the record closes at their stop."""
        return sum(message["fields"].get("reason") == _STOPPED for message in self.messages)


class _Entry(NamedTuple):
    """A position as it was entered, in ticks and minutes, and the dip that awaits it if dips are planted."""

    minute: int
    side: Side
    leverage: int
    ticks: int
    until: int
    wick_minute: int | None
    wick_depth_percent: int

    @property
    def stop_ticks(self) -> int:
        """Return the stop, rounded toward the entry as the levels are."""
        up = self.side.direction
        exact = self.ticks * (1 - up * Decimal(repr(_stop_distance(self.side, self.leverage))))
        return int(exact.to_integral_value(ROUND_CEILING if up == 1 else ROUND_FLOOR))

    def is_ahead_in(self, candle: TickCandle) -> bool:
        """Return whether a candle is better than the entry by half the distance of the stop."""
        up = self.side.direction
        favourable = candle.high if up == 1 else candle.low
        return 2 * up * (favourable - self.ticks) >= up * (self.ticks - self.stop_ticks)

    @property
    def wick_ticks(self) -> int:
        """Return how far the dip goes."""
        return self.ticks + (self.stop_ticks - self.ticks) * self.wick_depth_percent // 100


class _Message(NamedTuple):
    """A message before it has an id."""

    at_ms: int
    stream: str
    fields: Fields


def lab_example(effect: PlantedEffect, *, days: int, seed: int) -> LabExample:
    """Return the example of a seed; the effects differ in the dips and in the closes that they cause."""
    random = Random(seed)  # noqa: S311 - a seeded generator is what makes the same bytes again
    messages: list[_Message] = []
    candles: dict[str, Sequence[SyntheticCandle]] = {}
    for (symbol, tick, first), quantity in zip(islice(listings(), _SYMBOLS), _QUANTITIES, strict=True):
        prices = list(fair_candles(random, first, days * _DAY_MIN))
        entries = list(_entries(random, prices, days))
        if effect is PlantedEffect.WICKS:
            _plant_wicks(prices, entries)
        for entry in entries:
            messages += _recorded(symbol, tick, quantity, entry, prices)
        candles[symbol] = [
            SyntheticCandle(_ms_at(minute), *(tick * ticks for ticks in candle))
            for minute, candle in enumerate(prices)
        ]
    return LabExample(effect, days, seed, list(_with_ids(messages)), candles)


def _entries(random: Random, prices: Sequence[TickCandle], days: int) -> Iterator[_Entry]:
    for number in range(days * _ENTRIES):
        day, place = divmod(number, _ENTRIES)
        minute = day * _DAY_MIN + place * _EVERY_MIN + random.randint(0, _LATEST_MIN)
        is_wicked = random.randint(1, 100) <= _WICKED_PERCENT
        wick_minute = minute + random.randint(*_WICK_MIN)
        yield _Entry(
            minute=minute,
            side=random.choice((Side.LONG, Side.SHORT)),
            leverage=random.choice(_LEVERAGES),
            ticks=prices[minute].open,
            until=minute + random.randint(*_HOLD_MIN),
            wick_minute=wick_minute if is_wicked else None,
            wick_depth_percent=random.randint(*_WICK_DEPTH_PERCENT),
        )


def _plant_wicks(prices: list[TickCandle], entries: Sequence[_Entry]) -> None:
    """Let the candles of the dips go beyond the stops of positions that are still open and near their entry by then."""
    for entry in entries:
        minute = entry.wick_minute
        if minute is None or _stopped_at(entry, prices, before=minute + 1) is not None:
            continue
        if entry.is_ahead_in(prices[minute]):
            continue
        open_, high, low, close = prices[minute]
        high, low = max(high, entry.wick_ticks), min(low, entry.wick_ticks)
        prices[minute] = TickCandle(open_, high, low, close)


def _stopped_at(entry: _Entry, prices: Sequence[TickCandle], *, before: int) -> int | None:
    """Return the minute in which the stop is touched, None where it is not."""
    up, stop = entry.side.direction, entry.stop_ticks
    for minute in range(entry.minute, before):
        adverse = prices[minute].low if up == 1 else prices[minute].high
        if up * (adverse - stop) <= 0:
            return minute
    return None


def _recorded(
    symbol: str, tick: Decimal, quantity: str, entry: _Entry, prices: Sequence[TickCandle]
) -> Iterator[_Message]:
    """Yield the intent of a position and the report of its close: at its stop, else by a signal."""
    at_ms = _ms_at(entry.minute)
    intent = {
        "symbol": symbol,
        "side": "BUY" if entry.side is Side.LONG else "SELL",
        "entry_price": float(tick * entry.ticks),
        "quantity": quantity,
        "leverage": entry.leverage,
        "confidence": _CONFIDENCE,
        "volatility_factor": _VOLATILITY,
    }
    yield _Message(at_ms, "trade.intent", enveloped(intent, _at(at_ms)))
    stopped = _stopped_at(entry, prices, before=entry.until)
    if stopped is None:
        closed_ms, ticks, reason = _ms_at(entry.until), prices[entry.until].open, _SIGNAL
    else:
        closed_ms, ticks, reason = _ms_at(stopped) + MINUTE_MS // 2, entry.stop_ticks, _STOPPED
    gain = entry.side.direction * 100.0 * (ticks - entry.ticks) / entry.ticks
    close = {
        "symbol": symbol,
        "side": entry.side.value,
        "exit_price": str(tick * ticks),
        "pnl_percent": f"{gain:.4f}",
        "reason": reason,
        "timestamp": _at(closed_ms).isoformat(),
        "source": "synthetic",
    }
    yield _Message(closed_ms, "trade.closed", close)


def _with_ids(messages: Sequence[_Message]) -> Iterator[Fields]:
    """Yield the messages in time order with the ids of their streams; closes also get the number of an order."""
    taken: Counter[tuple[str, int]] = Counter()
    for number, (at_ms, stream, fields) in enumerate(sorted(messages, key=lambda message: message.at_ms)):
        order = {"order_id": str(9_000_000 + number)} if stream == "trade.closed" else {}
        sequence = taken[stream, at_ms]
        taken[stream, at_ms] += 1
        yield {
            "stream": f"quantum:stream:{stream}",
            "stream_id": f"{at_ms}-{sequence}",
            "fields": fields | order,
        }


@cache
def _stop_distance(side: Side, leverage: int) -> float:
    """Return the distance of the stop under the recorded policy, as a fraction of the entry price."""
    inputs = LevelInputs(
        side=side,
        leverage=float(leverage),
        leverage_assumed=False,
        volatility=_VOLATILITY,
        funding=0.0,
        divergence=0.0,
        confidence=_CONFIDENCE,
        average_pnl=0.0,
        base_tp=RECORDED_POLICY.parameters["base_tp"],
        base_sl=RECORDED_POLICY.parameters["base_sl"],
        fee_bps=5.0,
        slippage_bps=0.0,
        entry_price=None,
        quantity=None,
    )
    return compute(RECORDED_POLICY, inputs).sl


def _ms_at(minute: int) -> int:
    return ms_of(START) + minute * MINUTE_MS


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
