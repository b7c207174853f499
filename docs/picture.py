"""Draw the picture of the README: one synthetic trade with its stop as deployed under v3.5 and as v3.6 has it.

`python docs/picture.py` writes `docs/stop.svg` anew; a test fails while it is stale.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from exitbrain.domain.levels.levels import Distances, LevelInputs, fractions_of
from exitbrain.domain.policies.formulas.registry import V3_5, V3_6, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import Side, round_trip_cost
from exitbrain.infrastructure.demo.candles import SyntheticCandle
from exitbrain.infrastructure.demo.lab_example import PlantedEffect, lab_example

PICTURE = Path(__file__).with_name("stop.svg")

_DAYS, _SEED, _SYMBOL, _FEE_BPS = 3, 7, "BTCUSDT", 5.0
_LEAD_MIN, _TAIL_MIN = 15, 8
_WIDTH, _HEIGHT = 880, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 28, 620, 84, 380
_INK, _MUTED, _LOSS, _GAIN, _BLUE = "#1f2933", "#616e7c", "#b83b0b", "#0b7a4b", "#0b63a5"

Candles = Sequence[SyntheticCandle]


class Trade(NamedTuple):
    """A long: its entry and levels in prices, the candles where it begins, is stopped, and reaches the target."""

    leverage: float
    entry: float
    tight_stop: float
    wide_stop: float
    target: float
    entered: int
    stopped: int
    reached: int


def picture() -> str:
    """Return the picture as SVG text, the same on every machine."""
    example = lab_example(PlantedEffect.NONE, days=_DAYS, seed=_SEED)
    candles = example.candles[_SYMBOL]
    intents = [json.loads(each["fields"].get("payload", "{}")) | each for each in example.messages]
    longs = [each for each in intents if each.get("symbol") == _SYMBOL and each.get("side") == "BUY"]
    trades = (_trade(each, candles) for each in longs)
    return _Drawing(next(trade for trade in trades if _tells(trade)), candles).text()


def _tells(trade: Trade) -> bool:
    """Return whether the deployed stop ended it at once, though it came to its target without touching the other."""
    return trade.stopped - trade.entered <= 3 and 30 < trade.reached - trade.entered < 120


def _trade(intent: dict[str, object], candles: Candles) -> Trade:
    entry, leverage = float(str(intent["entry_price"])), float(str(intent["leverage"]))
    tight, wide = _levels(V3_5, leverage), _levels(V3_6, leverage)
    began_ms = int(str(intent["stream_id"]).partition("-")[0])
    entered = next(number for number, candle in enumerate(candles) if candle.open_time_ms == began_ms)

    def first(holds: Callable[[SyntheticCandle], bool]) -> int:
        after = range(entered, len(candles))
        return next((number for number in after if holds(candles[number])), len(candles))

    prices = (entry * (1 - tight.sl), entry * (1 - wide.sl), entry * (1 + wide.tp1))
    stopped = first(lambda candle: candle.low <= prices[0])
    lost = first(lambda candle: candle.low <= prices[1])
    reached = first(lambda candle: candle.high >= prices[2])
    return Trade(leverage, entry, *prices, entered, stopped, reached if reached < lost else len(candles))


def _levels(policy: Policy, leverage: float) -> Distances:
    inputs = LevelInputs(
        side=Side.LONG,
        leverage=leverage,
        leverage_assumed=False,
        volatility=1.0,
        funding=0.0,
        divergence=0.0,
        confidence=0.8,
        average_pnl=0.0,
        base_tp=policy.parameters["base_tp"],
        base_sl=policy.parameters["base_sl"],
        fee_bps=_FEE_BPS,
        slippage_bps=0.0,
        entry_price=None,
        quantity=None,
    )
    return fractions_of(policy.unit, compute(policy, inputs))


class _Drawing:
    def __init__(self, trade: Trade, candles: Candles) -> None:
        self._trade = trade
        self._begin = trade.entered - _LEAD_MIN
        self._shown = candles[self._begin : trade.reached + _TAIL_MIN + 1]
        cost = round_trip_cost(_FEE_BPS, 0.0)
        self._break_even = trade.entry * (1 - cost)
        self._cost = _percent(cost)
        margin = 0.06 * (trade.target - trade.wide_stop)
        self._low, self._high = trade.wide_stop - margin, trade.target + margin

    def text(self) -> str:
        parts = (*self._frame(), *self._costs(), *self._price(), *self._lines(), *self._moments())
        return "\n".join((*parts, "</svg>", ""))

    def _x(self, number: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (number - self._begin) / (len(self._shown) - 1)

    def _y(self, price: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (price - self._low) / (self._high - self._low)

    def _frame(self) -> Iterator[str]:
        trade = self._trade
        began = datetime.fromtimestamp(self._shown[_LEAD_MIN].open_time_ms / 1000, UTC)
        title = "A stop meant as 2 % was deployed as 0.02 %"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">'
        )
        yield f"<title>{title}</title>"
        yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="#ffffff" stroke="#d3dae2"/>'
        yield _text(_LEFT, 34, title, size=19, weight=600)
        about = f"{_SYMBOL} long at {trade.leverage:g}x, {began:%H:%M} UTC; one-minute prices, synthetic"
        yield _text(_LEFT, 56, about, colour=_MUTED)
        for minutes in range(0, len(self._shown) - _LEAD_MIN, 15):
            label = "entry" if minutes == 0 else f"+{minutes} min"
            yield _text(self._x(trade.entered + minutes), _HEIGHT - 22, label, colour=_MUTED, anchor="middle")

    def _costs(self) -> Iterator[str]:
        x, top, bottom = self._x(self._trade.entered), self._y(self._trade.entry), self._y(self._break_even)
        yield (
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{_RIGHT - x:.1f}" height="{bottom - top:.1f}" '
            f'fill="{_LOSS}" opacity="0.13"/>'
        )

    def _price(self) -> Iterator[str]:
        path = " ".join(
            f"M{self._x(self._begin + number):.1f} {self._y(float(candle.high)):.1f}"
            f"V{max(self._y(float(candle.low)), self._y(float(candle.high)) + 1):.1f}"
            for number, candle in enumerate(self._shown)
        )
        yield f'<path d="{path}" stroke="#52606d" stroke-width="2.4" fill="none"/>'

    def _lines(self) -> Iterator[str]:
        trade, entry = self._trade, self._y(self._trade.entry)
        tight, wide, target = (
            _percent(price / trade.entry - 1) for price in (trade.tight_stop, trade.wide_stop, trade.target)
        )
        yield from self._line(trade.target, _BLUE, "7 4")
        yield from self._line(trade.entry, _INK, "2 3")
        yield from self._line(trade.tight_stop, _LOSS, "none")
        yield from self._line(trade.wide_stop, _GAIN, "7 4")
        yield _label(self._y(trade.target), f"TP1 of v3.6, {target}", _BLUE)
        yield _label(entry - 14, f"entry {trade.entry:,.1f}", _INK)
        yield _label(entry + 6, f"stop deployed (v3.5), {tight}", _LOSS)
        yield _label(entry + 26, f"the round trip costs {self._cost}", _LOSS)
        yield _label(self._y(trade.wide_stop), f"stop of v3.6, {wide}", _GAIN)

    def _line(self, price: float, colour: str, dashes: str) -> Iterator[str]:
        yield (
            f'<path d="M{self._x(self._trade.entered):.1f} {self._y(price):.1f}H{_RIGHT}" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dashes}"/>'
        )

    def _moments(self) -> Iterator[str]:
        trade = self._trade
        minutes = trade.stopped - trade.entered
        when = "in its first minute" if minutes == 0 else f"after {minutes} min"
        x, below = self._x(trade.stopped), self._y(trade.wide_stop)
        lost = f"{_percent(trade.tight_stop / trade.entry - 1)}, and {self._cost} of costs"
        yield f'<path d="M{x:.1f} {self._y(trade.tight_stop):.1f}V{below - 60:.1f}" stroke="{_LOSS}"/>'
        yield _dot(x, self._y(trade.tight_stop), _LOSS)
        yield _text(x - 6, below - 44, f"stopped out {when}:", colour=_LOSS, weight=600)
        yield _text(x - 6, below - 26, lost, colour=_LOSS)
        reached, above = self._x(trade.reached), self._y(trade.target)
        after = f"target, {trade.reached - trade.entered} min after the entry"
        yield _dot(reached, above, _BLUE)
        yield _text(reached - 12, above - 10, after, colour=_BLUE, anchor="end", weight=600)


def _label(y: float, words: str, colour: str) -> str:
    return _text(_RIGHT + 10, y + 4, words, colour=colour, weight=600)


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}" stroke="#ffffff" stroke-width="2"/>'


def _text(
    x: float,
    y: float,
    words: str,
    *,
    colour: str = _INK,
    size: int = 13,
    anchor: str = "start",
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{words}</text>'
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %".replace("-", "\u2212")


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"written: {PICTURE}\n")
