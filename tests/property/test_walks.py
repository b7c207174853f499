"""The walk equals a second one that enumerates every history, and contains what trades show to have happened."""

from collections.abc import Sequence
from random import Random

import pytest

from exitbrain.domain.simulation.candle import Candle, CandleSeries, FundingRate, Market, Trade, TradeSeries
from exitbrain.domain.simulation.entry import Entry, entry_in
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, Rules, Trailing
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds, History, LegLevel
from exitbrain.domain.values import Side, changed
from tests.effort import share_of
from tests.property.every_history import every_history
from tests.property.trade_by_trade import candles_of, legs_on_trades

MINUTE = 60_000
AT_CLOSE = (LegLevel.TIME, LegLevel.OPEN)
ROUNDING = 1e-12
"""More than the rounding of the sums of a walk, less than any difference between two of these histories."""


def as_made(history: History) -> list[tuple[str, float, float, int]]:
    return [(leg.level.value, leg.fraction, leg.price, leg.at_ms) for leg in history.legs]


def a_position(
    draw: Random, entry: float, opened_at_ms: int, step: float, rule_interval_ms: int = MINUTE
) -> ExitSetup:
    """Draw a position whose levels lie on the price grid, so that touches exactly at a level are common."""
    side = draw.choice(list(Side))
    one = draw.randint(1, 4)
    two = one + draw.randint(0, 3)
    three = two + draw.randint(0, 3)
    d = side.direction
    shares = draw.choice([(0.3, 0.3, 0.4), (0.4, 0.4, 0.2), (0.5, 0.25, 0.25)])
    return ExitSetup(
        side,
        entry,
        opened_at_ms,
        (entry + d * one * step, entry + d * two * step, entry + d * three * step),
        entry - d * draw.randint(1, 5) * step,
        shares,
        costs=Costs(draw.choice([0.0, 5.0]), draw.choice([0.0, 10.0])),
        rules=Rules(
            break_even=draw.choice([None, None, 0.0, 0.001, -0.02]),
            trailing=draw.choice([None, Trailing(draw.choice([0.0, 0.02]), draw.choice([0.01, 0.03]))]),
            time_stop_ms=draw.choice([None, None, 3 * MINUTE, 7 * MINUTE // 2]),
            interval_ms=rule_interval_ms,
        ),
    )


def a_candle(draw: Random, open_time_ms: int, before: float) -> Candle:
    opened = before + draw.choice([0, 0, 0, -2, -1, 1, 2])
    close = opened + draw.randint(-2, 2)
    high = max(opened, close) + draw.choice([0, 0, 1, 2, 3])
    low = min(opened, close) - draw.choice([0, 0, 1, 2, 3])
    return Candle(open_time_ms, float(opened), float(high), float(low), float(close))


@pytest.mark.parametrize(
    "inside", [False, True], ids=["entry at the time of an open", "entry inside a candle"]
)
def test_the_bounds_are_the_lowest_and_highest_of_all_histories_written_out(inside: bool) -> None:
    ambiguous = 0
    for seed in range(share_of(3000)):
        draw = Random(seed)
        candles = [a_candle(draw, 0, 100.0)]
        for number in range(1, 6):
            candles.append(a_candle(draw, number * MINUTE, candles[-1].close))
        setup = a_position(draw, float(draw.choice([100, candles[0].open])), 30_000 if inside else 0, 1.0)
        if setup.rules.trailing is not None and (inside or setup.entry != candles[0].open):
            continue

        walked = simulate_exits(setup, Market(CandleSeries(MINUTE, candles)))

        every = sorted(every_history(setup, candles, MINUTE), key=lambda one: one.net)
        assert len(every) >= 1
        assert walked.ambiguous == (len(every) > 1), seed
        ambiguous += walked.ambiguous
        for found, wanted, others in (
            (walked.pessimistic, every[0], every[1:]),
            (walked.optimistic, every[-1], every[:-1]),
        ):
            assert abs(found.net - wanted.net) < ROUNDING, seed
            if all(abs(other.net - wanted.net) > ROUNDING for other in others):
                assert as_made(found) == list(wanted.legs), seed
            else:
                assert tuple(as_made(found)) in {one.legs for one in every}, seed
    assert ambiguous > share_of(500)


def some_trades(draw: Random, seconds: int) -> list[Trade]:
    price, trades = 100.0, []
    for second in range(0, seconds, 10):
        price += draw.choice([-1.0, -0.5, 0.0, 0.5, 1.0, 0.5, -0.5, draw.choice([-3.0, 3.0])])
        trades.append(Trade(second * 1000, price))
    return trades


def contains(walked: ExitBounds, narrower: ExitBounds) -> bool:
    return (
        walked.pessimistic.net <= narrower.pessimistic.net + ROUNDING
        and narrower.optimistic.net <= walked.optimistic.net + ROUNDING
    )


def test_what_trades_show_lies_within_the_bounds_and_refinement_finds_it() -> None:
    """On random paths, with moving stops, rule closes and entries inside candles."""
    touched = narrowed = 0
    for seed in range(share_of(20_000)):
        draw = Random(seed)
        trades = some_trades(draw, 300)
        number = draw.randrange(0, 10)
        at = trades[number]
        setup = a_position(draw, at.price, at.at_ms, 0.5 * draw.randint(1, 2), MINUTE * draw.randint(1, 2))
        candles = candles_of(trades, MINUTE)

        coarse = simulate_exits(setup, Market(candles))
        exact = simulate_exits(setup, Market(candles, lower_timeframe=TradeSeries(trades)))

        truth = legs_on_trades(setup, trades, MINUTE)
        assert as_made(exact.pessimistic) == truth, seed
        assert not exact.ambiguous, seed
        assert exact.unrefined_candles == 0, seed
        assert contains(coarse, exact), seed
        touched += coarse.ambiguous
        if seed % 4:
            continue
        lower_timeframe = simulate_exits(setup, Market(candles, lower_timeframe=candles_of(trades, 20_000)))
        assert contains(coarse, lower_timeframe), seed
        assert contains(lower_timeframe, exact), seed
        narrowed += coarse.ambiguous and not lower_timeframe.ambiguous
    assert touched > share_of(5000)
    assert narrowed > share_of(300)


def test_what_followed_an_entry_cut_to_the_minute_lies_within_the_bounds() -> None:
    """A recorder writes 12:00 for an entry at 12:00:40: what the high and low of that minute did may lie before it."""
    cut = 0
    for seed in range(share_of(1500)):
        draw = Random(seed)
        trades = some_trades(draw, 300)
        at = trades[draw.randrange(0, 12)]
        setup = a_position(draw, at.price, at.at_ms, 0.5 * draw.randint(1, 2))
        setup = changed(setup, rules=changed(setup.rules, time_stop_ms=None))  # it counts from the entry
        candles = candles_of(trades, MINUTE)
        recorded = changed(setup, opened_at_ms=at.at_ms // MINUTE * MINUTE)
        if entry_in(recorded, candles, at.at_ms // MINUTE) is Entry.BEFORE:
            continue  # by chance at the price of the open, or of the close before it

        truth = simulate_exits(setup, Market(candles, lower_timeframe=TradeSeries(trades)))

        assert contains(simulate_exits(recorded, Market(candles)), truth), seed
        cut += recorded != setup
    assert cut > share_of(500)


def test_funding_inside_coarse_candles_lies_within_the_bounds_and_refinement_finds_it() -> None:
    """Candles of five minutes, a rate of either sign every minute: paid or not, as the trades tell."""
    widened = 0
    for seed in range(share_of(1000)):
        draw = Random(seed)
        trades = some_trades(draw, 900)
        at = trades[draw.randrange(0, 40)]
        setup = a_position(draw, at.price, at.at_ms, 0.5 * draw.randint(1, 2), 5 * MINUTE)
        candles = candles_of(trades, 5 * MINUTE)
        rates = tuple(FundingRate(minute * MINUTE, draw.gauss(0, 0.01)) for minute in range(15))
        if entry_in(setup, candles, at.at_ms // (5 * MINUTE)) is Entry.UNSURE:
            continue

        coarse = simulate_exits(setup, Market(candles, funding=rates))
        minutes = simulate_exits(
            setup, Market(candles, lower_timeframe=candles_of(trades, MINUTE), funding=rates)
        )
        exact = simulate_exits(setup, Market(candles, lower_timeframe=TradeSeries(trades), funding=rates))

        assert not exact.ambiguous, seed
        if (
            setup.rules.trailing is None
        ):  # of a trailed leg the time is not known: the open or the close of its candle
            paid = funding_on_trades(setup, candles, rates, exact)
            assert abs(exact.pessimistic.funding - paid) < ROUNDING, seed
        assert contains(coarse, exact), seed
        assert contains(coarse, minutes), seed
        assert contains(minutes, exact), seed
        widened += coarse.ambiguous and not minutes.ambiguous
    assert widened > share_of(100)


def funding_on_trades(
    setup: ExitSetup, candles: CandleSeries, rates: Sequence[FundingRate], exact: ExitBounds
) -> float:
    """Add up what was due while how much was open, from the times of the legs."""
    total = 0.0
    for due in rates:
        if due.at_ms <= setup.opened_at_ms or due.at_ms >= candles.end_ms:
            continue
        candle = candles.at(due.at_ms)
        assert candle is not None
        still_open = sum(
            leg.fraction
            for leg in exact.pessimistic.legs
            if leg.at_ms >= due.at_ms or (leg.level in AT_CLOSE and candle.open_time_ms <= leg.at_ms)
        )
        total += setup.side.direction * due.rate * still_open * candle.open / setup.entry
    return total
