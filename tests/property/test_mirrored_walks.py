"""A short on mirrored prices has the legs of the long, mirrored, and the same result to the bit."""

from random import Random

from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, LiquidationPrices, Rules
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import History
from exitbrain.domain.values import Side

MINUTE = 60_000
ENTRY = 128.0
"""With prices on a grid of 1/4 around it, mirroring is exact in doubles, and so are sums."""


def mirrored(price: float) -> float:
    return 2 * ENTRY - price


def a_path(draw: Random) -> list[Candle]:
    candles, price = [], ENTRY
    for number in range(8):
        steps = [price + draw.randint(-8, 8) / 4 for _ in range(4)]
        opened, close = steps[0], steps[-1]
        candles.append(Candle(number * MINUTE, opened, max(steps), min(steps), close))
        price = close
    return candles


def legs(history: History, *, mirror: bool) -> list[tuple[str, float, float, int]]:
    return [
        (leg.level.value, leg.fraction, mirrored(leg.price) if mirror else leg.price, leg.at_ms)
        for leg in history.legs
    ]


def test_a_short_is_the_mirror_image_of_a_long() -> None:
    ambiguous = 0
    for seed in range(1500):
        draw = Random(seed)
        candles = a_path(draw)
        up = sorted(draw.randint(1, 12) / 4 for _ in range(3))
        down = draw.randint(1, 12) / 4
        liquidated = draw.choice([None, ENTRY - 1.5])
        rules = Rules(
            break_even=draw.choice([None, 0.0, 1 / 128]), time_stop_ms=draw.choice([None, 5 * MINUTE])
        )
        long = ExitSetup(
            Side.LONG,
            ENTRY,
            draw.choice([0, MINUTE // 2]),
            (ENTRY + up[0], ENTRY + up[1], ENTRY + up[2]),
            ENTRY - down,
            (0.5, 0.25, 0.25),
            costs=Costs(0.0, 0.0, 0.0),
            rules=rules,
            liquidation=None if liquidated is None else LiquidationPrices(32.0, (liquidated,) * 3),
        )
        short = ExitSetup(
            Side.SHORT,
            ENTRY,
            long.opened_at_ms,
            (mirrored(long.targets[0]), mirrored(long.targets[1]), mirrored(long.targets[2])),
            mirrored(long.stop),
            long.shares,
            costs=long.costs,
            rules=rules,
            liquidation=None if liquidated is None else LiquidationPrices(32.0, (mirrored(liquidated),) * 3),
        )
        turned = [
            Candle(c.open_time_ms, mirrored(c.open), mirrored(c.low), mirrored(c.high), mirrored(c.close))
            for c in candles
        ]

        of_long = simulate_exits(long, Market(CandleSeries(MINUTE, candles)))
        of_short = simulate_exits(short, Market(CandleSeries(MINUTE, turned)))

        for one, other in (
            (of_long.pessimistic, of_short.pessimistic),
            (of_long.optimistic, of_short.optimistic),
        ):
            assert legs(one, mirror=False) == legs(other, mirror=True), seed
            assert one.net == other.net, seed
        assert of_long.ambiguous == of_short.ambiguous, seed
        ambiguous += of_long.ambiguous
    assert ambiguous > 300
