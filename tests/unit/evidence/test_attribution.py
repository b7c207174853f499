"""A difference is split into levels, harvest, liquidation, cost and funding, exactly."""

from fractions import Fraction
from random import Random

import pytest

from exitbrain.domain.evidence.attribution import (
    NOTHING,
    AttributedDifference,
    attribute,
    gross_with_shares_of,
)
from exitbrain.domain.simulation.candle import FundingRate, Market
from exitbrain.domain.simulation.exit_setup import Costs, ExitSetup, LiquidationPrices
from exitbrain.domain.simulation.plan import Change, Increased, Plan, Reduced, Relevelled
from exitbrain.domain.simulation.walker import walk_both, walk_plan
from exitbrain.domain.values import changed
from tests.property.test_walking_together import another_policy
from tests.property.test_walks import MINUTE, a_candle, a_position
from tests.unit.simulation.test_changes_of_a_plan import UP_AND_DOWN, a_long, again, market


def attributed(baseline: Plan, candidate: Plan, on: Market) -> AttributedDifference:
    difference = walk_both(baseline, candidate, on)
    before, after = (
        changed(plan, setup=changed(plan.setup, liquidation=None)) for plan in (baseline, candidate)
    )
    return attribute(baseline, candidate, difference, walk_both(before, after, on), on.candles)


def only(baseline: ExitSetup, candidate: ExitSetup, on: Market) -> dict[str, float]:
    found = attributed(Plan(baseline), Plan(candidate), on)
    assert found.lower == found.upper
    lower = found.lower
    return {
        name: float(getattr(lower, name)) for name in ("levels", "harvest", "liquidation", "cost", "funding")
    }


def test_other_levels_with_the_same_shares_are_an_effect_of_levels_alone() -> None:
    found = only(a_long(), a_long(targets=(105.0, 120.0, 130.0)), UP_AND_DOWN)

    assert found == {"levels": -0.025, "harvest": 0, "liquidation": 0, "cost": 0, "funding": 0}


def test_other_shares_on_the_same_levels_are_an_effect_of_harvest_alone() -> None:
    """TP1 at 110 and the stop at 90: 0.3 instead of 0.5 at the target is 4 points less."""
    found = only(a_long(), a_long(shares=(0.3, 0.3, 0.4)), UP_AND_DOWN)

    assert found["levels"] == 0
    assert found["harvest"] == pytest.approx(-0.04)


def test_levels_are_counted_with_the_shares_of_the_baseline() -> None:
    """From TP1 at 110 to TP1 at 105, half of the position: 2.5 points; the rest of the change is its share."""
    found = only(a_long(), a_long(targets=(105.0, 120.0, 130.0), shares=(0.3, 0.3, 0.4)), UP_AND_DOWN)

    assert found["levels"] == pytest.approx(-0.025)
    assert found["harvest"] == pytest.approx(0.7 * -0.1 + 0.3 * 0.05 - (0.5 * -0.1 + 0.5 * 0.05))


def test_fees_are_an_effect_of_cost() -> None:
    found = only(a_long(), a_long(costs=Costs(10.0, 20.0)), UP_AND_DOWN)

    assert found["levels"] == found["harvest"] == 0
    assert found["cost"] == pytest.approx(-0.001 - 0.003 * (0.5 * 1.1 + 0.5 * 0.9))


def test_what_a_longer_hold_pays_is_an_effect_of_funding() -> None:
    """The tighter stop has ended before funding is due in the second minute; the wider one pays 1 % of 111 / 100."""
    on = market((100, 105, 94, 104), (111, 111, 104, 105), (105, 105, 80, 85))
    on = changed(on, funding=(FundingRate(MINUTE, 0.01),))

    found = only(a_long(stop=95.0), a_long(), on)

    assert found["funding"] == pytest.approx(-0.0111)


def test_a_liquidation_is_an_effect_of_its_own() -> None:
    """At 20x what is liquidated at 95.5 has lost its margin of 5 points; the stop at 90 would have lost 10."""
    liquidated = a_long(liquidation=LiquidationPrices(20.0, (95.5, 95.5, 95.5)))

    found = only(a_long(), liquidated, market((100, 101, 80, 85), (85, 85, 85, 85)))

    assert found["levels"] == found["harvest"] == 0
    assert found["liquidation"] == pytest.approx(0.05)


def test_a_policy_and_itself_differ_by_nothing() -> None:
    assert attributed(Plan(a_long()), Plan(a_long()), UP_AND_DOWN) == AttributedDifference(NOTHING, NOTHING)


def test_the_effects_sum_to_the_difference_exactly() -> None:
    several = 0
    for seed in range(300):
        draw = Random(seed)
        candles = [a_candle(draw, 0, 100.0)]
        for number in range(1, 7):
            candles.append(a_candle(draw, number * MINUTE, candles[-1].close))
        baseline = a_position(draw, 100.0, 0, 1.0)
        candidate = changed(another_policy(draw, baseline), costs=Costs(draw.choice([3.0, 7.0]), 1.0))
        sized: tuple[Change, ...] = draw.choice(
            [(), (Reduced(MINUTE, 0.7),), (Increased(MINUTE, 0.3, 101.3),)]
        )
        changes: list[tuple[Change, ...]] = [
            (*sized, Relevelled(2 * MINUTE, 100.0, each.targets, each.stop, shares))
            for each, shares in ((baseline, (0.2, 0.3, 0.5)), (candidate, (0.6, 0.3, 0.1)))
        ]
        on = Market(changed(UP_AND_DOWN.candles, candles=candles), funding=(FundingRate(MINUTE, 0.0003),))
        before, after = Plan(baseline, changes[0]), Plan(candidate, changes[1])

        difference = walk_both(before, after, on)
        found = attribute(before, after, difference, difference, on.candles)

        for split, (old, new) in ((found.lower, difference.lowest), (found.upper, difference.highest)):
            assert Fraction(split.total) == Fraction(new.net) - Fraction(old.net), seed
        several += found.lower != found.upper
    assert several > 20


def test_a_history_counted_again_with_its_own_shares_comes_to_the_same() -> None:
    """Written out leg by leg through a reduction, an increase and other levels, but for rounding."""
    for seed in range(300):
        draw = Random(seed)
        candles = [a_candle(draw, 0, 100.0)]
        for number in range(1, 8):
            candles.append(a_candle(draw, number * MINUTE, candles[-1].close))
        first = a_position(draw, 100.0, 0, 1.0)
        sizes: list[Change] = [
            Reduced(MINUTE, 0.6),
            Increased(3 * MINUTE, 0.5, 99.0),
            Reduced(5 * MINUTE, 0.5),
        ]
        levels = Relevelled(3 * MINUTE, 100.0, first.targets, first.stop, (0.25, 0.25, 0.5))
        plan = Plan(first, (sizes[0], sizes[1], levels, sizes[2]))
        # The shares differ in the last bit only, so that they are really counted again.
        other = changed(
            plan, changes=(*plan.changes[:2], changed(levels, shares=(0.25, 0.25 + 2**-53, 0.5)), sizes[2])
        )
        on = Market(changed(UP_AND_DOWN.candles, candles=candles))

        for history in (walk_plan(plan, on).pessimistic, walk_plan(plan, on).optimistic):
            found = gross_with_shares_of(other, plan, history, on.candles)
            assert found == pytest.approx(history.gross, abs=1e-12), seed


def test_attributions_add_up_exactly() -> None:
    one = attributed(Plan(a_long()), Plan(a_long(targets=(105.0, 120.0, 130.0))), UP_AND_DOWN).lower
    tighter = Plan(a_long(), (again(1, stop=97.0),))
    other = attributed(Plan(a_long()), tighter, UP_AND_DOWN).lower

    assert Fraction(one.plus(other).total) == Fraction(one.total) + Fraction(other.total)
