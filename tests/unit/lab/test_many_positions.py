"""Many positions of many symbols are walked at once, and come out as one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.ports.walks import RowWalks
from exitbrain.application.simulation.positions import BreakEven, GivenPosition, Simulation, Terms
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.policies.formulas.registry import V3_5_FRACTION
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import ExitSetup, Trailing
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.values import Side
from exitbrain.infrastructure.cli.simulate import MANY, walks_for
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.lab.walking.walker import KernelWalks

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TERMS = Terms(V3_5_FRACTION, break_even=BreakEven(), trailing=Trailing(0.01, 0.005), rule_interval_ms=60_000)


class RandomMarkets:
    """Markets of minutes, one for each symbol."""

    def __init__(self) -> None:
        self._markets = {symbol: _market(Random(symbol)) for symbol in ("AAA", "BBB", "CCC")}

    def market(self, symbol: str) -> Market:
        return self._markets[symbol]


class Counted(KernelWalks):
    """Walks that remember how many positions each call brought."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []

    def walk_each(self, positions: Sequence[ExitSetup], market: Market) -> Sequence[ExitBounds]:
        self.calls.append(len(positions))
        return super().walk_each(positions, market)


def _market(draw: Random) -> Market:
    candles, price = [], 100.0
    for number in range(600):
        opened, close = price, price * (1 + draw.gauss(0, 0.002))
        high, low = (
            max(opened, close) * (1 + draw.random() * 0.002),
            min(opened, close) * (1 - draw.random() * 0.002),
        )
        candles.append(Candle(number * 60_000, opened, high, low, close))
        price = close
    return Market(CandleSeries(60_000, candles))


def _position(draw: Random, number: int) -> GivenPosition:
    return GivenPosition(
        draw.choice(["AAA", "BBB", "CCC"]),
        draw.choice(list(Side)),
        Decimal("100"),
        _EPOCH + timedelta(seconds=draw.randrange(600 * 60)),
        where=f"line {number}",
    )


def _positions() -> list[GivenPosition]:
    return [_position(Random(number), number) for number in range(300)]


def test_many_at_once_come_out_in_order_and_as_one_by_one() -> None:
    one_by_one = Simulation(BuiltInFormulas(), NoInstruments(), RandomMarkets())
    counted = Counted()
    at_once = Simulation(BuiltInFormulas(), NoInstruments(), RandomMarkets(), counted, at_once=120)
    assert list(at_once.run(_positions(), _TERMS)) == list(one_by_one.run(_positions(), _TERMS))
    assert [sum(counted.calls[first : first + 3]) for first in (0, 3, 6)] == [120, 120, 60]


def test_a_position_that_cannot_be_walked_is_named_among_many() -> None:
    positions = _positions()
    too_late = GivenPosition("AAA", Side.LONG, Decimal("100"), _EPOCH + timedelta(days=9), where="line 4711")
    simulation = Simulation(BuiltInFormulas(), NoInstruments(), RandomMarkets(), KernelWalks(), at_once=1_000)
    with pytest.raises(InvalidValue, match="line 4711: opened_at"):
        list(simulation.run([*positions, too_late], _TERMS))


def test_few_positions_are_walked_one_by_one_and_many_by_the_kernel() -> None:
    few, many = walks_for(MANY - 1), walks_for(MANY)
    assert isinstance(few[0], RowWalks)
    assert isinstance(many[0], KernelWalks)
    assert few[1] == 1
    assert many[1] > 1
