"""Two policies on the same prices: the truth lies within the bounds of their difference, and chance cancels."""

from random import Random

from exitbrain.domain.simulation.bar_moves import BarMoves, bar_of
from exitbrain.domain.simulation.candle import (
    Candle,
    CandleSeries,
    FundingRate,
    Market,
    PriceKind,
    TradeSeries,
)
from exitbrain.domain.simulation.difference import difference_apart
from exitbrain.domain.simulation.entry import Entry
from exitbrain.domain.simulation.exit_setup import (
    ExitSetup,
    ExternalClose,
    LiquidationPrices,
    Rules,
    Trailing,
)
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.intrabar_path import Standing, ending, endings, price_paths_from
from exitbrain.domain.simulation.ladder import ladder_of
from exitbrain.domain.simulation.outcome import ExitBounds, LegLevel
from exitbrain.domain.simulation.plan import Plan, Relevelled
from exitbrain.domain.simulation.stops import Stops
from exitbrain.domain.simulation.walker import walk_both, walk_plan
from exitbrain.domain.values import changed
from tests.effort import share_of
from tests.property.test_walks import MINUTE, ROUNDING, a_candle, a_position, some_trades
from tests.property.trade_by_trade import candles_of


def another_policy(draw: Random, setup: ExitSetup) -> ExitSetup:
    """Draw other levels for the same position, mostly on the same price grid."""
    other = a_position(draw, setup.entry, setup.opened_at_ms, 0.5 * draw.randint(1, 2))
    d = setup.side.direction * other.side.direction
    mirrored = [setup.entry + d * (price - setup.entry) for price in (*other.targets, other.stop)]
    one, two, three, stop = mirrored
    rules = changed(setup.rules, break_even=other.rules.break_even)
    return changed(setup, targets=(one, two, three), stop=stop, shares=other.shares, rules=rules)


def test_levels_computed_again_without_a_change_change_nothing() -> None:
    """Where no target was filled before, to the bit; afterwards but for the rounding of the shares."""
    for seed in range(share_of(1500)):
        draw = Random(seed)
        candles = [a_candle(draw, 0, 100.0)]
        for number in range(1, 7):
            candles.append(a_candle(draw, number * MINUTE, candles[-1].close))
        g = a_position(draw, 100.0, 0, 1.0)
        market = Market(CandleSeries(MINUTE, candles))
        changes = tuple(Relevelled(at * MINUTE, g.entry, g.targets, g.stop, g.shares) for at in (1, 2, 4))

        before, after = simulate_exits(g, market), walk_plan(Plan(g, changes), market)

        assert abs(before.pessimistic.net - after.pessimistic.net) < ROUNDING, seed
        assert abs(before.optimistic.net - after.optimistic.net) < ROUNDING, seed
        assert [leg.level for leg in before.pessimistic.legs] == [leg.level for leg in after.pessimistic.legs]


def test_the_difference_on_trades_lies_within_its_bounds_and_these_within_the_bounds_apart() -> None:
    narrower = 0
    for seed in range(share_of(2000)):
        draw = Random(seed)
        trades = some_trades(draw, 300)
        at = trades[draw.randrange(0, 10)]
        interval = draw.choice([MINUTE, MINUTE, 2 * MINUTE])  # funding may lie inside candles of two minutes
        one = a_position(draw, at.price, at.at_ms, 0.5 * draw.randint(1, 2), interval)
        if draw.random() < 0.3:
            one = changed(one, external=ExternalClose(draw.choice([150_000, 180_000, 271_000]), 100.0))
        other = another_policy(draw, one)
        candles = candles_of(trades, interval)
        rates = tuple(FundingRate(minute * MINUTE, draw.gauss(0, 0.01)) for minute in range(5))
        coarse = Market(candles, funding=rates)

        both = walk_both(Plan(one), Plan(other), coarse)

        exact = Market(candles, lower_timeframe=TradeSeries(trades), funding=rates)
        truth = [simulate_exits(setup, exact) for setup in (one, other)]
        apart = [simulate_exits(setup, coarse) for setup in (one, other)]
        if not any(walked.ambiguous for walked in truth):
            assert both.lower <= truth[1].pessimistic.net - truth[0].pessimistic.net + ROUNDING, seed
            assert truth[1].pessimistic.net - truth[0].pessimistic.net <= both.upper + ROUNDING, seed
            refined = walk_both(Plan(one), Plan(other), exact)
            assert abs(refined.upper - refined.lower) < ROUNDING, seed
            assert both.lower - ROUNDING <= refined.lower <= both.upper + ROUNDING, seed
        lowest = apart[1].pessimistic.net - apart[0].optimistic.net
        highest = apart[1].optimistic.net - apart[0].pessimistic.net
        assert lowest - ROUNDING <= both.lower <= both.upper <= highest + ROUNDING, seed
        narrower += both.upper - both.lower < highest - lowest - ROUNDING
    assert narrower > share_of(300)


def test_policies_that_end_at_different_times_differ_by_no_more_than_their_bounds() -> None:
    """One is closed from outside; the other goes on to its own exit, or until it is no longer followed."""
    went_on = 0
    for seed in range(share_of(1500)):
        draw = Random(seed)
        trades = some_trades(draw, 300)
        at = trades[draw.randrange(0, 10)]
        interval = draw.choice([MINUTE, 2 * MINUTE])  # funding may lie inside candles of two minutes
        one = a_position(draw, at.price, at.at_ms, 0.5 * draw.randint(1, 6), interval)
        other = Plan(another_policy(draw, one), until_ms=draw.choice([None, 180_000, 200_000, 299_999]))
        close = ExternalClose(draw.choice([90_000, 120_000, 151_000, 180_000]), 100.0)
        plans = [Plan(changed(one, external=close)), other]
        if draw.random() < 0.5:
            plans.reverse()
        candles = candles_of(trades, interval)
        rates = tuple(FundingRate(minute * MINUTE, draw.gauss(0, 0.01)) for minute in range(5))
        coarse = Market(candles, funding=rates)

        both = walk_both(plans[0], plans[1], coarse)

        exact = Market(candles, lower_timeframe=TradeSeries(trades), funding=rates)
        truth = [walk_plan(plan, exact) for plan in plans]
        apart = [walk_plan(plan, coarse) for plan in plans]
        if not any(walked.ambiguous for walked in truth):
            found = truth[1].pessimistic.net - truth[0].pessimistic.net
            assert both.lower - ROUNDING <= found <= both.upper + ROUNDING, seed
        lowest = apart[1].pessimistic.net - apart[0].optimistic.net
        highest = apart[1].optimistic.net - apart[0].pessimistic.net
        assert lowest - ROUNDING <= both.lower <= both.upper <= highest + ROUNDING, seed
        assert both.last_end_ms == max(walked.last_end_ms for walked in apart), seed
        went_on += apart[plans.index(other)].last_end_ms > close.at_ms
    assert went_on > share_of(100)


def test_where_one_of_two_is_certain_the_difference_is_that_of_the_walks_apart_to_the_bit() -> None:
    """Under every rule, with liquidation and mark prices, and plans that end at different times."""
    certain = 0
    for seed in range(share_of(3000)):
        draw = Random(seed)
        trades = some_trades(draw, 300)
        at = trades[draw.randrange(0, 10)]
        interval = draw.choice([MINUTE, 2 * MINUTE])
        one = a_position(draw, at.price, at.at_ms, 0.5 * draw.randint(1, 2), interval)
        other = another_policy(draw, one)
        if draw.random() < 0.4:
            d = one.side.direction
            first, second, third = (one.entry * (1 - d * draw.choice([0.004, 0.01, 0.02])) for _ in range(3))
            leverage = draw.choice([10.0, 50.0])
            one = changed(one, liquidation=LiquidationPrices(leverage, (first, second, third)))
            other = changed(other, liquidation=one.liquidation)
        if draw.random() < 0.3:
            one = changed(one, external=ExternalClose(draw.choice([150_000, 180_000, 271_000]), 100.0))
            other = changed(other, external=draw.choice([None, one.external]))
        candles = candles_of(trades, interval)
        mark = draw.choice([None, CandleSeries(interval, candles.candles, kind=PriceKind.MARK)])
        rates = tuple(FundingRate(minute * MINUTE, draw.gauss(0, 0.01)) for minute in range(5))
        market = Market(candles, mark=mark, funding=rates)
        plans = Plan(one), Plan(other, until_ms=draw.choice([None, 200_000]))

        apart = difference_apart(*plans, *(walk_plan(plan, market) for plan in plans))

        if apart is not None and plans[0] != plans[1]:
            both = walk_both(plans[0], plans[1], market)
            assert (apart.lower, apart.upper) == (both.lower, both.upper), seed
            assert (apart.ambiguous, apart.last_end_ms) == (both.ambiguous, both.last_end_ms), seed
            certain += 1
    assert certain > share_of(700)


def test_a_policy_compared_with_itself_differs_by_nothing() -> None:
    ambiguous = 0
    for seed in range(share_of(1000)):
        draw = Random(seed)
        candles = [a_candle(draw, 0, 100.0)]
        for number in range(1, 7):
            candles.append(a_candle(draw, number * MINUTE, candles[-1].close))
        setup = a_position(draw, 100.0, 0, 1.0)
        setup = changed(setup, rules=Rules(break_even=setup.rules.break_even))
        market = Market(CandleSeries(MINUTE, candles))

        both = walk_both(Plan(setup), Plan(setup), market)

        assert (both.lower, both.upper) == (0.0, 0.0), seed
        ambiguous += simulate_exits(setup, market).ambiguous
    assert ambiguous > share_of(100)


def test_every_way_that_one_policy_can_end_a_candle_is_part_of_some_pair_and_no_other_is() -> None:
    for seed in range(share_of(3000)):
        draw = Random(seed)
        candle = a_candle(draw, 0, 100.0)
        one = a_position(draw, 100.0, 0, 1.0)
        setups = [
            changed(each, rules=Rules(break_even=each.rules.break_even))
            for each in (one, another_policy(draw, one))
        ]
        bar, d = bar_of(candle, candle, one.side.direction), one.side.direction
        standing, moves = [], []
        inside = draw.random() < 0.5 and candle.low <= 100.0 <= candle.high
        for each in setups:
            ladder = ladder_of(each)
            stops = Stops(each, ladder)
            bar_moves = BarMoves(ladder, stops)
            filled = 0
            if not inside:
                (gap,) = bar_moves.at_open(0, bar)
                if gap.exit is not None or gap.filled == ladder.last:
                    break
                filled = gap.filled
            standing.append(Standing(ladder, stops, filled))
            found = bar_moves.inside_after_entry(filled, bar) if inside else bar_moves.inside(filled, bar)
            moves.append({ending(move) for move in found})
        if len(standing) < 2:
            continue
        (price_path,) = price_paths_from(bar, d, 100.0, Entry.INSIDE if inside else Entry.BEFORE)

        pairs = endings(price_path, *standing)

        for number, each in enumerate(setups):
            found_together = {pair[number] for pair in pairs}
            if len(set(each.targets)) == 3:
                assert found_together == moves[number], seed
            else:  # the walk of one policy lets a stop come between targets at one price
                assert found_together <= moves[number], seed


def test_passing_over_quiet_stretches_changes_nothing() -> None:
    """Long series, mostly within a narrow band, with holes, funding, changes and closes from outside now and then."""
    passed, trailed, timed = 0, 0, 0
    for seed in range(share_of(400)):
        draw = Random(seed)
        count = draw.choice([500, 512, 513])
        prices = [draw.uniform(99.5, 100.5) for _ in range(count)]
        opens = [number * MINUTE for number in range(count)]
        candles = [
            Candle(at, price, price + 0.1, price - 0.1, price)
            for at, price in zip(opens, prices, strict=True)
        ]
        for place in draw.sample(range(count), draw.choice([0, 1, 2])):
            high, low = draw.choice([(103.0, 97.0), (103.0, 99.9), (100.1, 97.0)])
            candles[place] = Candle(candles[place].open_time_ms, 100.0, high, low, 100.0)
        if draw.random() < 0.4:
            missing = draw.choice([draw.randrange(1, 499), 320, 384, 506])
            del candles[missing : missing + draw.choice([1, 3])]
        setup = a_position(draw, 100.0, draw.randrange(0, 300) * MINUTE, 0.6)
        trailing = draw.choice(
            [None, None, Trailing(draw.choice([0.0, 0.003]), draw.choice([0.007, 0.0102]))]
        )
        time_stop_ms = draw.choice([None, None, 201 * MINUTE + 1])
        rules = Rules(setup.rules.break_even, trailing, time_stop_ms, draw.choice([1, 15]) * MINUTE)
        setup = changed(setup, rules=rules)
        if draw.random() < 0.3:
            setup = changed(
                setup,
                external=ExternalClose(setup.opened_at_ms + draw.choice([150, 210]) * MINUTE + 7, 100.0),
            )
        funding = tuple(FundingRate(at * MINUTE, 0.0001) for at in (200, 320, 480))
        market = Market(CandleSeries(MINUTE, candles), funding=funding)
        d = setup.side.direction
        again = Relevelled(350 * MINUTE, 100.0, setup.targets, 100.0 - 0.3 * d, setup.shares)
        changes = (again,) if setup.opened_at_ms < again.at_ms else ()

        for plan in (Plan(setup), Plan(setup, changes)):
            walked = walk_plan(plan, market)

            assert walked == candle_by_candle(plan, market), seed
            levels = [leg.level for leg in walked.pessimistic.legs]
            passed += walked.pessimistic.legs[-1].at_ms - setup.opened_at_ms > 150 * MINUTE
            trailed, timed = trailed + (LegLevel.TRAIL in levels), timed + (LegLevel.TIME in levels)
    assert passed > share_of(50)
    assert trailed > share_of(50)
    assert timed > share_of(20)


def candle_by_candle(plan: Plan, market: Market) -> ExitBounds:
    """Walk a plan with a liquidation price out of reach of every mark candle: nothing is passed over."""
    out_of_reach = 1e-9 if plan.setup.side.direction > 0 else 1e9
    liquidation = LiquidationPrices(1.0, (out_of_reach, out_of_reach, out_of_reach))
    watched = changed(plan, setup=changed(plan.setup, liquidation=liquidation))
    return walk_plan(watched, changed(market, mark=market.candles))
