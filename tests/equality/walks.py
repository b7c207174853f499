"""Seeded positions walked under every rule on every market, to the bit.

Only whole numbers are drawn and prices are ticks divided by a power of ten, so a seed gives the same doubles on every
machine: no logarithm or cosine of the platform is asked.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

from tests.equality import subject
from tests.equality.pins import Groups
from tests.equality.subject import (
    Candle,
    CandleSeries,
    Costs,
    ExitSetup,
    ExternalClose,
    FundingRate,
    Increased,
    LiquidationPrices,
    Market,
    Plan,
    PriceKind,
    Reduced,
    Relevelled,
    Rules,
    Side,
    Tick,
    TpExecution,
    Trade,
    TradeSeries,
    Trailing,
)

SEEDS = 23
"""How many positions are walked under each rule on each market: 90 groups of them are 2,070 walks."""

START_MS = 1_767_268_800_000
MINUTE_MS, PART_MS, STEP_MS = 60_000, 15_000, 5_000
MINUTES = 90
GRID = 100
"""Ticks of one unit of price; the price begins at 100."""

SHARES = ((0.4, 0.3, 0.3), (0.5, 0.25, 0.25), (0.4, 0.4, 0.2), (0.5, 0.5, 0.0), (0.0, 0.5, 0.5))


@dataclass(frozen=True)
class Position:
    """A position without any rule, and what draws the details of one."""

    side: Side
    entry: int
    """The entry price in ticks."""

    opened_ms: int
    gains: tuple[int, int, int]
    """How many ticks the targets lie from the entry."""

    loss: int
    shares: tuple[float, float, float]
    costs: Costs
    draw: Random

    def price(self, ticks: int) -> float:
        """Return the price that lies so many ticks from the entry, in the direction of a gain."""
        return (self.entry + (ticks if self.side is Side.LONG else -ticks)) / GRID

    @property
    def targets(self) -> tuple[float, float, float]:
        """Return the prices of the targets."""
        one, two, three = map(self.price, self.gains)
        return one, two, three

    @property
    def stop(self) -> float:
        """Return the price of the stop."""
        return self.price(-self.loss)

    def minutes_later(self, low: int, high: int) -> int:
        """Return a time some minutes after the position was opened."""
        return self.opened_ms + self.draw.randint(low, high) * MINUTE_MS

    def plan(self, *changes: Increased | Reduced | Relevelled, **rules: Any) -> Plan:
        """Return its plan, with changes and with what a rule adds to what is given."""
        given = ExitSetup(
            side=self.side,
            entry=self.price(0),
            opened_at_ms=self.opened_ms,
            targets=self.targets,
            stop=self.stop,
            shares=self.shares,
            costs=self.costs,
            **rules,
        )
        return Plan(given, changes)

    def drawing(self, seed: str) -> "Position":
        """Return it with another draw of the details."""
        return replace(self, draw=Random(seed))


def walks() -> Groups:
    """Return what every walk came to, by rule and market."""
    groups: Groups = {}
    for seed in range(SEEDS):
        draw = Random(f"equality {seed}")
        trades = _trades(draw)
        position = _position(draw, trades)
        for kind, market in markets(trades, draw).items():
            for rule, plan_of in RULES.items():
                found = subject.walked(plan_of(position.drawing(f"rule {seed}")), market)
                groups.setdefault(f"{rule}; {kind}", []).append(json.dumps(found))
            baseline = _levels_again(position.drawing(f"baseline {seed}"))
            candidate = _break_even(position.drawing(f"candidate {seed}"))
            both = subject.walked_under_both(baseline, candidate, market)
            groups.setdefault(f"{BOTH}; {kind}", []).append(json.dumps(both))
    return groups


def _trades(draw: Random) -> Sequence[Trade]:
    """Return a walk on the grid, a trade every five seconds; six of a hundred jump, some minutes are missing."""
    ticks, found = 100 * GRID, []
    missing = {draw.randrange(20, MINUTES) for _ in range(draw.choice((0, 0, 3)))}
    for number in range(MINUTES * MINUTE_MS // STEP_MS):
        reach = 60 if draw.randrange(100) < 6 else 9
        ticks = max(GRID, ticks + draw.randint(-reach, reach))
        at_ms = START_MS + number * STEP_MS
        if number * STEP_MS // MINUTE_MS not in missing:
            found.append(Trade(at_ms, ticks / GRID))
    return found


def _position(draw: Random, trades: Sequence[Trade]) -> Position:
    """Return a position opened at a trade, at the open of a minute or inside it."""
    first = draw.choice((0, 12 * draw.randint(1, 15), draw.randint(1, 200), draw.randint(600, 900)))
    reach = draw.choice((20, 60, 250, 900))
    one, two, three = sorted(draw.randint(2, reach) for _ in range(3))
    return Position(
        side=draw.choice((Side.LONG, Side.SHORT)),
        entry=round(trades[first].price * GRID),
        opened_ms=trades[first].at_ms + draw.choice((0, 0, 1700)),
        gains=(one, two, three),
        loss=draw.randint(2, reach) * draw.choice((1, 2)),
        shares=draw.choice(SHARES),
        costs=Costs(draw.choice((0.0, 4.5, 5.0)), draw.choice((0.7, 1.5, 2.0)), draw.choice((-1.0, 2.0))),
        draw=draw,
    )


def _no_rule(position: Position) -> Plan:
    return position.plan()


def _break_even(position: Position) -> Plan:
    return position.plan(rules=Rules(break_even=position.draw.choice((0.0, 0.001, -0.0005))))


def _break_even_on_a_tick(position: Position) -> Plan:
    rules = Rules(break_even=position.draw.choice((0.0007, 0.001, -0.0005)))
    return position.plan(rules=rules, tick=Tick.of(Decimal("0.05")))


def _trailed(interval_ms: int) -> Callable[[Position], Plan]:
    def plan_of(position: Position) -> Plan:
        trailing = Trailing(position.draw.randint(0, 8) / 1000, position.draw.randint(1, 6) / 1000)
        return position.plan(rules=Rules(trailing=trailing, interval_ms=interval_ms))

    return plan_of


def _timed(position: Position) -> Plan:
    return position.plan(rules=Rules(time_stop_ms=position.draw.randint(1, 15) * MINUTE_MS))


def _liquidation(position: Position) -> LiquidationPrices:
    leverage = position.draw.choice((50.0, 100.0, 125.0))
    first, second, third = (position.price(-position.draw.randint(15, 90)) for _ in range(3))
    return LiquidationPrices(leverage, (first, second, third))


def _liquidated(position: Position) -> Plan:
    return position.plan(liquidation=_liquidation(position))


def _limited(position: Position) -> Plan:
    return position.plan(tp_execution=TpExecution.LIMIT)


def _closed_outside(position: Position) -> Plan:
    at_ms = position.minutes_later(0, 15) + position.draw.choice((0, 1, 31_000))
    return position.plan(external=ExternalClose(at_ms, position.price(position.draw.randint(-50, 50))))


def _on_mark(position: Position) -> Plan:
    targets_on = position.draw.choice((PriceKind.CONTRACT, PriceKind.MARK))
    return position.plan(stop_on=PriceKind.MARK, targets_on=targets_on)


def _every_rule(position: Position) -> Plan:
    return position.plan(
        rules=Rules(0.001, Trailing(0.003, 0.002), 50 * MINUTE_MS, MINUTE_MS),
        liquidation=_liquidation(position),
        tick=Tick.of(Decimal(position.draw.choice(("0.25", "0.01", "0.3")))),
    )


def _levels_again(position: Position) -> Plan:
    changes, draw = [], position.draw
    for at_ms in sorted(position.minutes_later(0, 12) for _ in range(2)):
        one, two, three = (position.price(ticks) for ticks in sorted(draw.randint(5, 160) for _ in range(3)))
        stop, shares = position.price(-draw.randint(10, 120)), draw.choice(SHARES[:4])
        changes.append(Relevelled(at_ms, position.price(0), (one, two, three), stop, shares))
    return position.plan(*changes)


def _reduced(position: Position) -> Plan:
    price = position.draw.choice((None, position.price(position.draw.randint(-30, 30))))
    return position.plan(Reduced(position.minutes_later(0, 8), 0.625, price))


def _increased(position: Position) -> Plan:
    at_ms, price = position.minutes_later(0, 8), position.price(position.draw.randint(-30, 30))
    again = Relevelled(at_ms, position.price(0), position.targets, position.stop, (0.4, 0.3, 0.3))
    return position.plan(Increased(at_ms, 0.5, price), again)


RULES: dict[str, Callable[[Position], Plan]] = {
    "no rule": _no_rule,
    "break-even": _break_even,
    "trailing 1 m": _trailed(MINUTE_MS),
    "trailing 15 m": _trailed(15 * MINUTE_MS),
    "time stop": _timed,
    "liquidation": _liquidated,
    "limit targets": _limited,
    "closed from outside": _closed_outside,
    "triggered by mark price": _on_mark,
    "every rule, on a tick": _every_rule,
    "levels computed again": _levels_again,
    "reduced": _reduced,
    "increased": _increased,
    "break-even on a tick": _break_even_on_a_tick,
}
BOTH = "two policies"
"""Walked under the levels computed again and under break-even, and compared."""


def _candles(trades: Sequence[Trade], interval_ms: int) -> CandleSeries:
    return CandleSeries(interval_ms, list(_bars(trades, interval_ms)))


def _bars(trades: Sequence[Trade], interval_ms: int) -> Iterator[Candle]:
    inside: dict[int, list[float]] = {}
    for trade in trades:
        inside.setdefault(trade.at_ms // interval_ms * interval_ms, []).append(trade.price)
    for at_ms, prices in inside.items():
        yield Candle(at_ms, prices[0], max(prices), min(prices), prices[-1])


def _mark(trades: Sequence[Trade], draw: Random) -> CandleSeries:
    """Return mark candles some ticks off the trades; one in twenty is missing."""
    moved = []
    for candle in _candles(trades, MINUTE_MS).candles:
        off = draw.randint(-25, 25)
        prices = (candle.open, candle.high, candle.low, candle.close)
        opened, high, low, close = ((round(price * GRID) + off) / GRID for price in prices)
        if draw.randrange(20):
            moved.append(Candle(candle.open_time_ms, opened, high, low, close))
    return CandleSeries(MINUTE_MS, moved, PriceKind.MARK)


def _funding(draw: Random) -> tuple[FundingRate, ...]:
    times = range(START_MS + 7 * MINUTE_MS, START_MS + MINUTES * MINUTE_MS, 16 * MINUTE_MS)
    return tuple(
        FundingRate(at_ms + draw.randint(0, 17), draw.randint(-500, 500) / 1_000_000) for at_ms in times
    )


def _damaged(trades: Sequence[Trade]) -> Sequence[Trade]:
    """Return the trades without every fortieth: some do not add up to their candle."""
    return [trade for number, trade in enumerate(trades) if number % 40 != 7]


def markets(trades: Sequence[Trade], draw: Random) -> dict[str, Market]:
    """Return every kind of market data that tells of the same trades."""
    candles = _candles(trades, MINUTE_MS)
    mark, funding, parts = _mark(trades, draw), _funding(draw), _candles(trades, PART_MS)
    return {
        "candles": Market(candles),
        "lower timeframe": Market(candles, None, parts),
        "trades": Market(candles, None, TradeSeries(trades)),
        "mark price": Market(candles, mark),
        "funding": Market(candles, None, None, funding),
        "all of it": Market(candles, mark, TradeSeries(_damaged(trades)), funding, (parts,)),
    }
