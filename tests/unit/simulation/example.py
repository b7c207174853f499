"""A long from 100 with targets at 101, 102, 103 and a stop at 99; free of costs, so that results can be read off."""

from collections.abc import Sequence
from typing import Any

from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds, History
from exitbrain.domain.values import Side

MINUTE = 60_000
FREE = Costs(fee_bps=0.0, slippage_bps=0.0, maker_fee_bps=0.0)

Prices = tuple[float, float, float, float]
Exits = list[tuple[str, float, float]]


def a_long(**given: Any) -> ExitSetup:
    return ExitSetup(
        **{
            "side": Side.LONG,
            "entry": 100.0,
            "opened_at_ms": 0,
            "targets": (101.0, 102.0, 103.0),
            "stop": 99.0,
            "shares": (0.5, 0.25, 0.25),
            "costs": FREE,
            **given,
        }
    )


def a_short(**given: Any) -> ExitSetup:
    return a_long(side=Side.SHORT, **{"targets": (99.0, 98.0, 97.0), "stop": 101.0, **given})


def candles(*prices: Prices, missing: Sequence[int] = (), interval_ms: int = MINUTE) -> CandleSeries:
    """Return candles (open, high, low, close) from time 0 on; `missing` numbers are left out."""
    numbers = [number for number in range(len(prices) + len(missing)) if number not in missing]
    return CandleSeries(
        interval_ms,
        [Candle(number * interval_ms, *of) for number, of in zip(numbers, prices, strict=True)],
    )


def walked(setup: ExitSetup, *prices: Prices, **market: Any) -> ExitBounds:
    return simulate_exits(setup, Market(candles(*prices), **market))


def exits(history: History) -> Exits:
    return [(leg.level.value, leg.fraction, leg.price) for leg in history.legs]


def both(bounds: ExitBounds) -> Exits:
    """Return the exits of a walk that is not ambiguous."""
    assert not bounds.ambiguous
    assert bounds.pessimistic == bounds.optimistic
    return exits(bounds.pessimistic)
