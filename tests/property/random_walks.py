"""Random markets and positions that meet every rule a walk knows, in every combination."""

from decimal import Decimal
from random import Random

from exitbrain.domain.levels.levels import Distances
from exitbrain.domain.simulation.candle import Candle, CandleSeries, FundingRate, Market, PriceKind
from exitbrain.domain.simulation.exit_setup import (
    Costs,
    ExitSetup,
    ExternalClose,
    LiquidationPrices,
    Rules,
    TpExecution,
    Trailing,
)
from exitbrain.domain.simulation.tick import Tick
from exitbrain.domain.values import Side
from tests.prices import prices_at

MINUTE = 60_000

TICKS = (None, None, *(Tick.of(Decimal(size)) for size in ("0.25", "0.01", "0.3")))

SHARES = (
    (1.0, 0.0, 0.0),
    (0.4, 0.3, 0.3),
    (1 / 3, 1 / 3, 1 / 3),
    (0.5, 0.5, 0.0),
    (0.0, 0.5, 0.5),
    (0.0, 0.0, 1.0),
    (0.2, 0.0, 0.8),
)


def random_market(draw: Random) -> Market:
    """Draw candles with gaps and holes, some with mark candles and funding rates."""
    candles = _candles(draw)
    return Market(
        candles,
        mark=draw.choice([None, _mark_of(draw, candles)]),
        funding=draw.choice([(), _funding_of(draw, candles)]),
    )


def random_position(draw: Random, market: Market) -> ExitSetup:
    """Draw a position opened at a candle's open, inside one or in a hole; its levels often meet in one price.

    Targets that are not placed lie anywhere.
    """
    candles, side = market.candles, draw.choice(list(Side))
    d = side.direction
    opened = draw.choice([draw.choice(candles.opens_ms), draw.randrange(candles.opens_ms[0], candles.end_ms)])
    held = candles.at(opened) or candles.candles[0]
    entry = draw.choice([held.open, held.open, held.close])
    spread = draw.choice([0.003, 0.01, 0.05])

    def distance() -> float:
        return draw.choice([draw.random() * spread, draw.randint(0, 4) * 0.0025])

    tp1, tp2, tp3 = sorted((distance(), distance(), distance()))
    (one, two, three), stop = prices_at(side, entry, Distances(tp1, tp2, tp3, distance()))
    first, second, third = shares = draw.choice(SHARES)
    anywhere = draw.choice([entry, entry * 0.98, entry * 1.02])
    # A target without a share is not placed, so it may lie anywhere.
    targets = (one if first else anywhere, two if second else anywhere, three if third else anywhere)
    external = ExternalClose(
        opened + draw.choice([0, draw.randrange(200 * candles.interval_ms)]), entry * 1.01
    )
    leverage = draw.choice([10.0, 100.0, 400.0])
    liquidated = [entry * (1 - d * draw.uniform(0.3, 1.0) / leverage) for _ in range(3)]
    return ExitSetup(
        side,
        entry,
        opened,
        targets,
        stop,
        shares,
        Costs(draw.choice([0.0, 5.0]), draw.choice([0.0, 10.0]), draw.choice([-1.0, 2.0])),
        _rules(draw, candles.interval_ms),
        draw.choice(list(TpExecution)),
        draw.choice([None, LiquidationPrices(leverage, (liquidated[0], liquidated[1], liquidated[2]))]),
        draw.choice([None, None, None, external]),
        tick=draw.choice(TICKS),
    )


def _rules(draw: Random, interval_ms: int) -> Rules:
    trailing = Trailing(draw.choice([0.0, 0.002, 0.01]), draw.choice([0.001, 0.004, 0.02]))
    return Rules(
        break_even=draw.choice([None, None, 0.001, 0.0, -0.001, 0.02]),
        trailing=draw.choice([None, trailing]),
        time_stop_ms=draw.choice([None, None, interval_ms, 17 * interval_ms + 3]),
        interval_ms=MINUTE,
    )


def _candles(draw: Random) -> CandleSeries:
    interval, step = draw.choice([MINUTE, MINUTE // 3]), draw.choice([0.05, 0.3, 1.0])
    at = draw.randrange(3) * 7777 * interval + draw.choice([0, 5000])
    grid, close, made = draw.choice([0.25, 0.01]), 100.0, []

    def on_grid(price: float) -> float:
        return max(round(price / grid) * grid, grid)

    for _ in range(draw.randint(1, 300)):
        if draw.random() < 0.03:
            at += interval * draw.randint(1, 50)
        gap = draw.gauss(0, step) if draw.random() < 0.3 else 0.0
        opened = on_grid(close + gap)
        close = on_grid(opened + draw.gauss(0, step))
        high = on_grid(max(opened, close) + abs(draw.gauss(0, step)) * 0.6)
        low = on_grid(min(opened, close) - abs(draw.gauss(0, step)) * 0.6)
        made.append(Candle(at, opened, high, low, close))
        at += interval
    return CandleSeries(interval, made)


def _mark_of(draw: Random, candles: CandleSeries) -> CandleSeries | None:
    """Draw mark candles a little off the contract's; some are missing."""
    made = []
    for candle in candles.candles:
        off = draw.choice([0.999, 1.0, 1.001])
        prices = (candle.open * off, candle.high * off, candle.low * off, candle.close * off)
        if draw.random() < 0.95:
            made.append(Candle(candle.open_time_ms, *prices))
    return CandleSeries(candles.interval_ms, made, PriceKind.MARK) if made else None


def _funding_of(draw: Random, candles: CandleSeries) -> tuple[FundingRate, ...]:
    rates, at = [], candles.opens_ms[0] // MINUTE * MINUTE
    while at < candles.end_ms:
        rates.append(FundingRate(at + draw.randint(0, 17), draw.gauss(0, 0.001)))
        at += draw.choice([7, 60, 200]) * MINUTE
    return tuple(rates)
