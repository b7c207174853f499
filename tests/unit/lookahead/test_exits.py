"""Exits: no leg and no stop may move when later candles do, and a walk that peeks is found."""

from random import Random

import pytest

from exitbrain.application.lookahead import exits
from exitbrain.application.lookahead.exits import ExitCase, ExitCheck, Walking
from exitbrain.application.lookahead.findings import Finding, PolicyVerdict
from exitbrain.domain.levels.levels import Distances
from exitbrain.domain.simulation.candle import Candle, CandleSeries, FundingRate, Market
from exitbrain.domain.simulation.exit_setup import ExitSetup, Rules, Trailing
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.values import Side, changed
from tests.prices import prices_at

MINUTE = 60_000
DISTANCES = Distances(0.004, 0.008, 0.012, 0.006)
RULES = Rules(break_even=0.001, trailing=Trailing(0.003, 0.004), time_stop_ms=90 * MINUTE)


def market_of(seed: int, count: int = 120) -> Market:
    random = Random(seed)
    candles, price = [], 100.0
    for number in range(count):
        close = price * (1.0 + random.uniform(-0.002, 0.002))
        low = min(price, close) * (1.0 - random.uniform(0.0, 0.001))
        high = max(price, close) * (1.0 + random.uniform(0.0, 0.001))
        candles.append(Candle(number * MINUTE, price, high, low, close))
        price = close
    return Market(CandleSeries(MINUTE, candles), funding=[FundingRate(30 * MINUTE, 0.0001)])


def entries(rules: Rules = RULES, count: int = 12) -> list[ExitCase]:
    made = []
    for seed in range(count):
        side = Side.LONG if seed % 2 else Side.SHORT
        targets, stop = prices_at(side, 100.0, DISTANCES)
        setup = ExitSetup(side, 100.0, 0, targets, stop, (0.3, 0.3, 0.4), rules=rules)
        made.append(ExitCase(f"entry {seed}", setup, market_of(seed)))
    return made


def checked(walking: Walking = simulate_exits, rules: Rules = RULES) -> PolicyVerdict:
    verdict = PolicyVerdict("any")
    ExitCheck(entries(rules), cuts=6, walking=walking).run(verdict)
    return verdict


@pytest.mark.parametrize("rules", [RULES, Rules()], ids=["moving stops", "resting stops"])
def test_the_walk_does_not_look_ahead(rules: Rules) -> None:
    verdict = checked(rules=rules)

    assert verdict.moved == []
    assert verdict.compared[exits.PART] > 12 * 6 * 5


def _sells_before_a_fall(setup: ExitSetup, market: Market) -> ExitBounds:
    lowest = min(candle.low for candle in market.candles.candles)
    first = (setup.targets[0] + setup.entry) / 2 if lowest < 99.0 else setup.targets[0]
    return simulate_exits(changed(setup, targets=(first, *setup.targets[1:])), market)


def _trails_what_will_be(setup: ExitSetup, market: Market) -> ExitBounds:
    highest = max(candle.high for candle in market.candles.candles)
    stop = setup.stop * (1.0 + 1e-6 * highest / 100.0)
    return simulate_exits(changed(setup, stop=stop), market)


@pytest.mark.parametrize("cheat", [_sells_before_a_fall, _trails_what_will_be])
def test_a_walk_that_peeks_is_found_with_the_leg_that_moved(cheat: Walking) -> None:
    verdict = checked(cheat)

    assert verdict.moved
    assert {moved.finding for moved in verdict.moved} == {Finding.LOOKS_AHEAD}
    assert all(moved.field.startswith("leg ") for moved in verdict.moved)


def _reads_the_last_page(setup: ExitSetup, market: Market) -> ExitBounds:
    ending = market.candles.candles[-1].close
    first = setup.entry + (setup.targets[0] - setup.entry) * (0.2 + ending * 1000.0 % 1.0 / 2.0)
    return simulate_exits(changed(setup, targets=(first, *setup.targets[1:])), market)


def test_every_future_shows_a_target_that_knows_it() -> None:
    hows = {moved.how for moved in checked(_reads_the_last_page).moved}

    assert {exits.ABSENT, *(f"later candles {future}" for future in exits.FUTURES)} <= hows


def test_a_stop_that_knows_the_future_is_read_by_the_probe() -> None:
    """No recorded candle need touch the stop: the probe does."""
    assert exits.PROBED in {moved.how for moved in checked(_trails_what_will_be, Rules()).moved}


def test_a_moment_after_a_choice_of_order_is_left_out_and_counted() -> None:
    wide = [Candle(number * MINUTE, 100.0, 103.0, 97.0, 100.0) for number in range(4)]
    calm = [Candle(0, 100.0, 100.1, 99.9, 100.0)]
    market = Market(CandleSeries(MINUTE, [*calm, *wide[1:]]))
    targets, stop = prices_at(Side.LONG, 100.0, DISTANCES)
    setup = ExitSetup(Side.LONG, 100.0, 0, targets, stop, (0.3, 0.3, 0.4))
    verdict = PolicyVerdict("any")

    ExitCheck([ExitCase("entry", setup, market)], cuts=8).run(verdict)

    assert verdict.left_out == {exits.AMBIGUOUS: 2}
    assert verdict.moved == []
