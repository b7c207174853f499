"""Recorded positions and random entries, walked through recorded market data."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.simulation.positions import GivenPosition, Simulated, Simulation, Terms
from exitbrain.application.simulation.totals import totals_of
from exitbrain.domain.levels.levels import Distances
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.simulation.candle import CandleSeries, Market, TradeSeries
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, Rules, Trailing
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import History, LegLevel
from exitbrain.domain.values import Side
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.lab.candles import read_trades
from exitbrain.infrastructure.lab.market_files import MarketFiles
from exitbrain.infrastructure.lab.positions import read_positions
from tests.prices import prices_at
from tests.property.every_history import every_history
from tests.property.trade_by_trade import candles_of, legs_on_trades

HOUR = 3_600_000
CRASH_HOUR = 1_760_130_000_000
"""2025-10-10 21:00 UTC: from 17 % (ETH) to 450 % (RENDER) from low to high in one candle."""

ROUNDING = 1e-14

OFF_MARKET = {"JUPUSDT", "KNCUSDT", "STXUSDT", "YFIUSDT", "AVAUSDT", "PENDLEUSDT", "FXSUSDT", "VIDTUSDT"}

policies = pytest.mark.parametrize("policy", SHIPPED.values(), ids=SHIPPED)


@pytest.fixture(scope="module")
def hours(shared_data: Path) -> MarketFiles:
    return MarketFiles(shared_data / "market/binance-usdm-1h")


@pytest.fixture(scope="module")
def hourly_symbols(shared_data: Path) -> list[str]:
    return sorted(
        path.name.removesuffix(".csv.gz") for path in (shared_data / "market/binance-usdm-1h").iterdir()
    )


def made(history: History) -> list[tuple[str, float, float, int]]:
    return [(leg.level.value, leg.fraction, leg.price, leg.at_ms) for leg in history.legs]


@policies
def test_the_recorded_positions_are_walked_and_those_off_market_named(
    shared_data: Path, policy: Policy
) -> None:
    market = MarketFiles(shared_data / "market/binance-usdm-1m")
    positions = read_positions(str(shared_data / "history/positions-with-klines.jsonl"))
    simulation = Simulation(BuiltInFormulas(), NoInstruments(), market)

    simulated = list(simulation.run(positions, Terms(policy)))

    totals, with_all = totals_of(simulated), totals_of(simulated, include_off_market=True)
    assert len(simulated) == 13
    assert {one.position.symbol for one in totals.off_market} == OFF_MARKET
    assert (totals.everything.positions, with_all.everything.positions) == (5, 13)
    for one in simulated:
        assert one.bounds is not None
        assert one.bounds.pessimistic.net <= one.bounds.optimistic.net
        assert sum(leg.fraction for leg in one.bounds.pessimistic.legs) == pytest.approx(1.0)
    frozen = [one for one in simulated if one.position.symbol in {"BNXUSDT", "ALPHAUSDT", "AGIXUSDT"}]
    assert all(exits_of(one) == ["OPEN"] and one.bounds.holes for one in frozen if one.bounds is not None)


def exits_of(one: Simulated) -> list[str]:
    assert one.bounds is not None
    return [leg.level.value for leg in one.bounds.pessimistic.legs]


def test_the_recorded_opening_candle_is_the_first_of_the_walk(shared_data: Path) -> None:
    file = shared_data / "history/positions-with-klines.jsonl"
    market = MarketFiles(shared_data / "market/binance-usdm-1m")
    recorded = [json.loads(line)["candle_at_open"]["timestamp"] for line in file.read_text().splitlines()]
    simulation = Simulation(BuiltInFormulas(), NoInstruments(), market)

    simulated = list(simulation.run(read_positions(str(file)), Terms(SHIPPED["v3.6"])))

    assert [one.bounds.first_candle_ms for one in simulated if one.bounds is not None] == recorded


def a_position(draw: Random, entry: float, opened_at_ms: int) -> ExitSetup:
    side = draw.choice(list(Side))
    one = draw.uniform(0.003, 0.02)
    targets, stop = prices_at(
        side,
        entry,
        Distances(one, one * draw.uniform(1, 2), one * draw.uniform(2, 3), draw.uniform(0.003, 0.02)),
    )
    inside = opened_at_ms % HOUR != 0
    trailing = None if inside else draw.choice([None, Trailing(0.005, 0.01)])
    rules = Rules(draw.choice([None, 0.001]), trailing, draw.choice([None, 24 * HOUR]), HOUR)
    shares = draw.choice([(0.3, 0.3, 0.4), (0.4, 0.4, 0.2), (0.5, 0.3, 0.2)])
    return ExitSetup(side, entry, opened_at_ms, targets, stop, shares, Costs(5.0, 2.0), rules)


def test_random_entries_have_the_legs_of_a_second_plain_walk(
    hours: MarketFiles, hourly_symbols: list[str]
) -> None:
    draw, ambiguous = Random(7), 0
    for _ in range(400):
        series = hours.market(draw.choice(hourly_symbols)).candles
        first = draw.randrange(len(series.candles) - 60)
        candles = list(series.candles[first : first + 60])
        opened_at_ms = candles[0].open_time_ms + draw.choice([0, HOUR // 3])
        entry = candles[0].open if opened_at_ms == candles[0].open_time_ms else candles[0].close
        setup = a_position(draw, entry, opened_at_ms)

        walked = simulate_exits(setup, Market(CandleSeries(HOUR, candles)))

        every = sorted(every_history(setup, candles, HOUR), key=lambda one: one.net)
        for found, wanted in ((walked.pessimistic, every[0]), (walked.optimistic, every[-1])):
            assert found.net == pytest.approx(wanted.net, abs=ROUNDING)
            assert tuple(made(found)) in {one.legs for one in every if abs(one.net - wanted.net) < ROUNDING}
        assert walked.ambiguous == (len(every) > 1)
        ambiguous += walked.ambiguous
    assert ambiguous > 40


@policies
@pytest.mark.parametrize("side", Side)
def test_in_the_crash_hour_every_order_is_possible_and_the_bounds_say_so(
    hours: MarketFiles, hourly_symbols: list[str], policy: Policy, side: Side
) -> None:
    """Entered at the open of the hour, every symbol may have met its stop first or all of its targets."""
    simulation = Simulation(BuiltInFormulas(), NoInstruments(), hours)
    positions = [crash_entry(hours, symbol, side) for symbol in hourly_symbols]

    simulated = list(simulation.run(positions, Terms(policy)))

    wide = 0
    for one in simulated:
        assert one.bounds is not None
        assert one.bounds.first_candle_ms == CRASH_HOUR
        low, high = one.bounds.pessimistic, one.bounds.optimistic
        if one.bounds.ambiguous_candles and low.legs[0].level is LegLevel.SL and len(high.legs) == 3:
            assert {leg.at_ms for leg in (*low.legs, *high.legs)} == {CRASH_HOUR}
            wide += 1
    assert (
        wide == 11 if side is Side.LONG else wide >= 15
    )  # some open near their high and reach no target above


def crash_entry(hours: MarketFiles, symbol: str, side: Side) -> GivenPosition:
    candle = hours.market(symbol).candles.at(CRASH_HOUR)
    assert candle is not None
    at = datetime.fromtimestamp(CRASH_HOUR / 1000, UTC)
    return GivenPosition(symbol, side, Decimal(repr(candle.open)), at, leverage=20.0)


def test_recorded_trades_lie_within_the_bounds_of_candles_built_from_them(
    shared_data: Path,
) -> None:
    file = shared_data / "market/binance-usdm-trades-2024-08-08/BTCUSDT-trades.csv.gz"
    trades = list(read_trades([file]).trades)
    second = 1000
    draw, narrowed = Random(3), 0
    for interval in (10 * second, 60 * second):
        coarse = candles_of(trades, interval)
        for _ in range(60):
            entered = trades[draw.randrange(len(trades) // 2)]
            one = draw.uniform(0.00005, 0.0004)
            side = draw.choice(list(Side))
            targets, stop = prices_at(side, entered.price, Distances(one, 1.5 * one, 2 * one, one))
            rules = Rules(0.2 * one, Trailing(one / 2, one / 2), None, interval)
            setup = ExitSetup(
                side, entered.price, entered.at_ms, targets, stop, (0.5, 0.25, 0.25), rules=rules
            )

            bounds = simulate_exits(setup, Market(coarse))
            exact = simulate_exits(setup, Market(coarse, lower_timeframe=TradeSeries(trades)))

            assert made(exact.pessimistic) == legs_on_trades(setup, trades, interval)
            assert not exact.ambiguous
            assert bounds.pessimistic.net <= exact.pessimistic.net + 1e-15
            assert exact.optimistic.net <= bounds.optimistic.net + 1e-15
            narrowed += bounds.ambiguous
    assert narrowed > 20
