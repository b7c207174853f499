"""On the recorded markets the walk comes to what a second one comes to that writes out every history."""

from itertools import cycle, islice
from pathlib import Path
from random import Random

from exitbrain.domain.levels.levels import Distances
from exitbrain.domain.simulation.candle import CandleSeries, Market
from exitbrain.domain.simulation.entry import Entry, entry_in
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, Rules, Trailing
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.values import Side
from exitbrain.infrastructure.lab.candles import read_candles
from tests.prices import prices_at
from tests.property.every_history import every_history
from tests.property.recorded_candles import recorded_files

POSITIONS = 1200
LIFE = 200
"""Candles of each walk; what is open after them is left open."""

ROUNDING = 1e-12


def a_recorded_position(draw: Random, whole: CandleSeries) -> tuple[ExitSetup, CandleSeries]:
    """Draw a position at the time of an open or inside a candle, at a price of that candle."""
    first = draw.randrange(1, len(whole.candles) - LIFE)
    series = CandleSeries(whole.interval_ms, whole.candles[first - 1 : first + LIFE])
    held = series.candles[1]
    entry = draw.choice([held.open, held.open, held.close, (held.high + held.low) / 2])
    tp1, tp2, tp3 = sorted(draw.uniform(0.001, 0.02) for _ in range(3))
    targets, stop = prices_at(
        side := draw.choice(list(Side)), entry, Distances(tp1, tp2, tp3, draw.uniform(0.002, 0.015))
    )
    opened = held.open_time_ms + draw.choice([0, 0, series.interval_ms // 3])
    setup = ExitSetup(side, entry, opened, targets, stop, (0.4, 0.3, 0.3), Costs(5.0, 2.0))
    is_sure = entry_in(setup, series, 1) is Entry.BEFORE
    trailing = Trailing(0.004, 0.003) if is_sure and draw.random() < 0.3 else None
    rules = Rules(draw.choice([None, 0.0014]), trailing, interval_ms=series.interval_ms)
    return ExitSetup(side, entry, opened, targets, stop, setup.shares, setup.costs, rules), series


def test_random_positions_come_to_what_all_their_histories_written_out_come_to(shared_data: Path) -> None:
    files = recorded_files(shared_data, "binance-usdm-1h", "binance-usdm-1m", "binance-spot-1m")
    markets = [read_candles([path]).series for path in files]
    ambiguous = unsure = 0
    for seed, whole in enumerate(islice(cycle(markets), POSITIONS)):
        setup, series = a_recorded_position(Random(seed), whole)

        walked = simulate_exits(setup, Market(series))

        every = sorted(one.net for one in every_history(setup, list(series.candles), series.interval_ms))
        assert abs(walked.pessimistic.net - every[0]) < ROUNDING, seed
        assert abs(walked.optimistic.net - every[-1]) < ROUNDING, seed
        assert walked.ambiguous == (len(every) > 1), seed
        ambiguous += walked.ambiguous
        unsure += entry_in(setup, series, 1) is Entry.UNSURE
    assert min(ambiguous, unsure) > 100
