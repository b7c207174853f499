"""The column kernel and the row walk give the same walks, leg by leg and bit by bit."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from exitbrain.application.ports.walks import RowWalks
from exitbrain.domain.levels.levels import Distances, LevelInputs
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5_FRACTION
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.candle import CandleSeries, FundingRate, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, Rules, Trailing
from exitbrain.domain.simulation.outcome import ExitBounds, History, LegLevel
from exitbrain.domain.values import Side, changed, round_trip_cost
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.lab.market_files import MarketFiles
from exitbrain.infrastructure.lab.walking.columns import market_columns, setup_columns
from exitbrain.infrastructure.lab.walking.kernel import walk_columns
from exitbrain.infrastructure.lab.walking.walker import KernelWalks
from tests.effort import share_of
from tests.prices import prices_at
from tests.property.random_walks import random_market, random_position

_MARKETS, _POSITIONS = share_of(150), 20
_HOUR = 3_600_000


def bits(walked: ExitBounds) -> tuple[object, ...]:
    """Return a walk with every double written out to the last bit."""
    return (
        *(history_bits(history) for history in (walked.pessimistic, walked.optimistic)),
        changed(walked, pessimistic=None, optimistic=None),  # compared above
    )


def history_bits(history: History) -> tuple[object, ...]:
    sums = (
        history.gross,
        history.entry_fee,
        history.exit_fees,
        history.slippage,
        history.funding,
        history.net,
    )
    legs = [(leg.level, leg.fraction.hex(), leg.price.hex(), leg.at_ms) for leg in history.legs]
    return tuple(legs), tuple(number.hex() for number in sums), history.holes


def assert_same(positions: Sequence[ExitSetup], market: Market) -> list[ExitBounds]:
    rows = RowWalks().walk_each(positions, market)
    kernel = KernelWalks().walk_each(positions, market)
    for number, (row, column) in enumerate(zip(rows, kernel, strict=True)):
        assert bits(column) == bits(row), positions[number]
    return list(rows)


def test_random_positions_are_walked_alike_under_every_combination_of_rules() -> None:
    levels: Counter[LegLevel] = Counter()
    ambiguous = funded = holes = off_market = assumed = 0
    for seed in range(_MARKETS):
        draw = Random(seed)
        market = random_market(draw)
        walks = assert_same([random_position(draw, market) for _ in range(_POSITIONS)], market)
        for walked in walks:
            levels.update(
                leg.level for history in (walked.pessimistic, walked.optimistic) for leg in history.legs
            )
            ambiguous += walked.ambiguous
            funded += walked.pessimistic.funding != 0
            holes += walked.holes > 0
            off_market += walked.entry_off_market is None
            assumed += walked.mark_assumed
    assert all(levels[level] > share_of(100) for level in LegLevel), levels
    assert min(ambiguous, funded, holes, off_market, assumed) > share_of(50)


@pytest.mark.parametrize("policy", SHIPPED.values(), ids=SHIPPED)
def test_random_entries_of_the_recorded_market_are_walked_alike(policy: Policy, shared_data: Path) -> None:
    folders = ("binance-usdm-1h", "binance-usdm-1m", "binance-spot-1m")
    ambiguous = walked = 0
    for folder in folders:
        files = MarketFiles(shared_data / "market" / folder)
        symbols = sorted({path.name.split(".")[0] for path in (shared_data / "market" / folder).iterdir()})
        for number, symbol in enumerate(symbols[::2]):
            draw, market = Random(number), files.market(symbol)
            opens = market.candles.opens_ms
            funded = changed(
                market, funding=[FundingRate(at, 1e-4) for at in range(opens[0], opens[-1], 8 * _HOUR)]
            )
            positions = [_entry(draw, policy, market.candles) for _ in range(12)]
            walks = assert_same(positions, funded)
            ambiguous += sum(one.ambiguous for one in walks)
            walked += len(walks)
    assert walked > 300
    assert ambiguous > (20 if policy.name == V3_5_FRACTION.name else 0)


def _entry(draw: Random, policy: Policy, candles: CandleSeries) -> ExitSetup:
    """Draw an entry with the levels that a policy sets, its break-even at cost, some with trailing and a time stop."""
    side, candle = draw.choice(list(Side)), draw.choice(candles.candles)
    opened = candle.open_time_ms + draw.choice([0, candles.interval_ms // 3])
    base = policy.parameters
    leverage, volatility = draw.choice([5.0, 20.0, 75.0]), draw.uniform(0.5, 2.5)
    rates = (0.0, 0.0, 0.8, 0.0, base["base_tp"], base["base_sl"], 5.0, 0.0)
    inputs = LevelInputs(side, leverage, False, volatility, *rates, None, None)
    raw = BuiltInFormulas().compute(policy, inputs, ())
    distances = Distances(*(policy.unit.to_fraction(level) for level in (raw.tp1, raw.tp2, raw.tp3, raw.sl)))
    targets, stop = prices_at(side, candle.open, distances)
    h1, h2, h3 = raw.harvest
    rules = Rules(
        draw.choice([None, round_trip_cost(5.0, 2.0)]),
        draw.choice([None, Trailing(distances.tp1, distances.sl)]),
        draw.choice([None, 48 * candles.interval_ms]),
        candles.interval_ms,
    )
    return ExitSetup(side, candle.open, opened, targets, stop, (h1, h2, h3), Costs(5.0, 2.0), rules)


def test_walks_do_not_depend_on_the_number_of_threads() -> None:
    draw = Random(1)
    market = random_market(draw)
    columns, given = (
        market_columns(market),
        setup_columns([random_position(draw, market) for _ in range(101)]),
    )
    alone = walk_columns(columns, given, threads=1)
    for threads in (2, 5):
        for one, other in zip(alone, walk_columns(columns, given, threads), strict=True):
            np.testing.assert_array_equal(one, other)


def test_no_position_at_all_is_no_walk() -> None:
    assert list(KernelWalks().walk_each([], random_market(Random(1)))) == []


def test_positions_with_lower_timeframe_data_are_refined_as_in_the_row_walk() -> None:
    draw = Random(6)
    market = random_market(draw)
    while market.candles.interval_ms == 20_000:
        market = random_market(draw)
    coarse = market.candles
    lower_timeframe = CandleSeries(
        20_000,
        [
            changed(candle, open_time_ms=candle.open_time_ms + part)
            for candle in coarse.candles
            for part in (0, 20_000, 40_000)
        ],
    )
    refined = changed(market, lower_timeframe=lower_timeframe)
    walks = assert_same([random_position(draw, market) for _ in range(50)], refined)
    assert any(walked.refined_candles for walked in walks)
