"""Every position of the recorded history under the policy that recorded it differs from the record by exactly 0."""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from exitbrain.application.queries.recorded_positions import recorded_positions
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.simulation.positions import BreakEven, Terms
from exitbrain.application.whatif.closes import (
    AfterClose,
    CloseRules,
    Reading,
    UnknownCloses,
    horizon_of,
)
from exitbrain.application.whatif.outcomes import Outcomes, PositionOutcome
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.positions.ended_by import EndedBy
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Trailing
from exitbrain.domain.values import ms_of
from tests.world import World

POLICY = SHIPPED["v3.6"]
QUARTER_MS = 900_000
TERMS = Terms(POLICY, break_even=BreakEven(), trailing=Trailing(0.004, 0.002), rule_interval_ms=QUARTER_MS)
HELD = timedelta(minutes=40)
"""The recorded trades do not say when they began."""


def history(folder: Path) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    """Yield the recorded positions as messages with their time and kind."""
    for line in (folder / "positions-with-klines.jsonl").read_text(encoding="utf-8").splitlines():
        held = json.loads(line)["position"] | {"symbol": json.loads(line)["symbol"]}
        yield from entry(held["symbol"], held["side"], held["avg_entry"], held["opened_at"], held["qty"])
    for symbol, held in json.loads((folder / "trade-state.json").read_text(encoding="utf-8")).items():
        if held.get("opened_at"):
            yield from entry(symbol, held["side"], held["avg_entry"], held["opened_at"], held["qty"])
    with gzip.open(folder / "clm-trades.jsonl.gz", "rt", encoding="utf-8") as lines:
        trades = {(t["symbol"], t["entry_price"], t["exit_price"]): t for t in map(json.loads, lines)}
    for number, trade in enumerate(trades.values()):
        account = f"account-{number}"
        at = datetime.fromisoformat(trade["timestamp"])
        yield from entry(trade["symbol"], "LONG", trade["entry_price"], (at - HELD).isoformat(), 1.0, account)
        yield (
            at,
            "trade.closed",
            {
                "symbol": trade["symbol"],
                "account": account,
                "exit_price": trade["exit_price"],
                "reason": trade["exit_reason"],
                "timestamp": at.isoformat(),
            },
        )


def entry(
    symbol: str, side: str, price: float, at: str, quantity: float, account: str = "default"
) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    said = {
        "symbol": symbol,
        "account": account,
        "side": side,
        "entry_price": price,
        "quantity": quantity,
        "leverage": 10,
        "timestamp": at,
    }
    yield datetime.fromisoformat(at), "trade.intent", said


class Drawn:
    """Draws candles of a quarter of an hour for any symbol, from its first entry on."""

    def __init__(self, world: World) -> None:
        self._begins: dict[str, tuple[int, float]] = {}
        for position in recorded_positions(world.ledger, world.translator):
            assert position.entry_price is not None
            begin = (ms_of(position.opened_at), float(position.entry_price))
            self._begins[position.symbol] = min(begin, self._begins.get(position.symbol, begin))
        self._markets: dict[str, Market] = {}

    def market(self, symbol: str) -> Market:
        if symbol not in self._markets:
            self._markets[symbol] = Market(CandleSeries(QUARTER_MS, list(self._candles(symbol))))
        return self._markets[symbol]

    def _candles(self, symbol: str) -> Iterator[Candle]:
        draw, (begin_ms, price) = Random(symbol), self._begins[symbol]
        first_ms = begin_ms // QUARTER_MS * QUARTER_MS
        for number in range(4 * 24 * 100):
            close = price * (1 + draw.gauss(0, 0.002))
            high, low = (
                max(price, close) * (1 + 0.001 * draw.random()),
                min(price, close) * (1 - 0.001 * draw.random()),
            )
            yield Candle(first_ms + number * QUARTER_MS, price, high, low, close)
            price = close


@pytest.fixture(scope="module")
def world(shared_data: Path) -> World:
    world = World(policy=POLICY.name)
    for at, stream, fields in sorted(history(shared_data / "history"), key=lambda each: each[0]):
        world.clock.at = at
        if stream == "trade.intent":
            world.intent(**fields)
        else:
            world.closed(**fields)
    return world


@pytest.mark.parametrize("unknown", UnknownCloses)
def test_the_record_differs_from_its_own_policy_by_exactly_nothing(
    world: World, unknown: UnknownCloses
) -> None:
    positions = recorded_positions(world.ledger, world.translator)
    outcomes = Outcomes(Policies(world.ledger), Snapshots(world.ledger), world.engine, Drawn(world))
    closes = CloseRules(reading=Reading(unknown, AfterClose.NEXT_ENTRY), horizon_ms=horizon_of(positions))

    found = list(outcomes.run(positions, None, (POLICY,), TERMS, closes))

    walked = [each for each in found if isinstance(each, PositionOutcome)]
    assert len(walked) > 150
    assert sum(each.ended_by is EndedBy.UNKNOWN for each in walked) > 100
    for each in walked:
        for differences in (each.differences, *each.readings.values()):
            assert [(one.lower, one.upper) for one in differences] == [(0.0, 0.0)]
