"""Levels computed again, reductions and increases while a position is open, on candles made by hand."""

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import Candle, CandleSeries, Market
from exitbrain.domain.simulation.exit_setup import (
    Costs,
    ExitSetup,
    ExternalClose,
    LiquidationPrices,
    Rules,
    Trailing,
)
from exitbrain.domain.simulation.outcome import History
from exitbrain.domain.simulation.plan import Change, Increased, Plan, Reduced, Relevelled
from exitbrain.domain.simulation.walker import walk_both, walk_plan
from exitbrain.domain.values import Side, changed

MINUTE = 60_000
FREE = Costs(0.0, 0.0)


def a_long(**changes: object) -> ExitSetup:
    """Return a long entered at 100 with targets at 110, 120, 130 and the stop at 90."""
    given = {
        "side": Side.LONG,
        "entry": 100.0,
        "opened_at_ms": 0,
        "targets": (110.0, 120.0, 130.0),
        "stop": 90.0,
        "shares": (0.5, 0.25, 0.25),
        "costs": FREE,
    }
    return ExitSetup(**{**given, **changes})  # type: ignore[arg-type]


def market(*candles: tuple[float, float, float, float]) -> Market:
    """Return candles of a minute: open, high, low, close."""
    return Market(
        CandleSeries(MINUTE, [Candle(number * MINUTE, *prices) for number, prices in enumerate(candles)])
    )


def again(
    minute: float,
    targets: tuple[float, float, float] = (110.0, 120.0, 130.0),
    stop: float = 90.0,
    shares: tuple[float, float, float] = (0.5, 0.25, 0.25),
) -> Relevelled:
    return Relevelled(round(minute * MINUTE), 100.0, targets, stop, shares)


def only(plan: Plan, on: Market) -> History:
    walked = walk_plan(plan, on)
    assert not walked.ambiguous
    return walked.pessimistic


def legs(history: History) -> list[tuple[str, float, float]]:
    return [(leg.level.value, leg.fraction, leg.price) for leg in history.legs]


UP_AND_DOWN = market((100, 112, 100, 111), (111, 111, 104, 105), (105, 105, 80, 85))


def test_targets_not_reached_are_replaced_and_reached_ones_stay() -> None:
    """TP1 fills in the first minute; the levels computed after it put TP2 lower and TP1, behind, anywhere."""
    plan = Plan(a_long(), (again(1, targets=(101, 111, 125)),))

    assert legs(only(plan, UP_AND_DOWN)) == [("TP1", 0.5, 110.0), ("TP2", 0.25, 111.0), ("SL", 0.25, 90.0)]


def test_a_stop_computed_again_is_never_looser() -> None:
    tighter, looser = again(1, stop=95.0), again(2, stop=80.0)

    assert legs(only(Plan(a_long(), (tighter, looser)), UP_AND_DOWN))[-1] == ("SL", 0.5, 95.0)
    assert legs(only(Plan(a_long(), (looser,)), UP_AND_DOWN))[-1] == ("SL", 0.5, 90.0)


def test_a_stop_at_break_even_stays_there() -> None:
    setup = a_long(rules=Rules(break_even=-0.01))

    found = legs(only(Plan(setup, (again(1, stop=95.0),)), UP_AND_DOWN))

    assert found == [("TP1", 0.5, 110.0), ("BREAK_EVEN", 0.5, 99.0)]


def test_what_is_open_is_shared_in_proportion_to_the_new_shares() -> None:
    """After TP1 half is open; the new scheme gives TP2 and TP3 0.4 and 0.2 of the original."""
    up = market((100, 112, 100, 111), (111, 120, 111, 118), (118, 130, 118, 130))

    found = legs(only(Plan(a_long(), (again(1, shares=(0.4, 0.4, 0.2)),)), up))

    assert [level for level, _, _ in found] == ["TP1", "TP2", "TP3"]
    assert [fraction for _, fraction, _ in found] == pytest.approx([0.5, 1 / 3, 1 / 6])


def test_a_change_inside_a_candle_is_in_force_from_the_next() -> None:
    fall = market((100, 100, 94, 94.5), (94.5, 94.5, 80, 80))
    tight = again(0.5, stop=95.0)

    assert legs(only(Plan(a_long(), (tight,)), fall)) == [("SL", 1.0, 94.5)]
    assert legs(only(Plan(a_long(), (again(0, stop=95.0),)), fall)) == [("SL", 1.0, 95.0)]


def test_a_reduction_closes_its_part_of_what_is_open_at_the_open_of_its_candle() -> None:
    """TP1 closes half in the first minute; of the other half a quarter goes with the reduction."""
    found = legs(only(Plan(a_long(), (Reduced(MINUTE, 0.75),)), UP_AND_DOWN))

    assert found == [("TP1", 0.5, 110.0), ("EXTERNAL", 0.125, 111.0), ("SL", 0.375, 90.0)]


def test_a_reduction_closes_at_its_price_where_that_is_known() -> None:
    found = legs(only(Plan(a_long(), (Reduced(MINUTE, 0.75, 108.5),)), UP_AND_DOWN))

    assert found == [("TP1", 0.5, 110.0), ("EXTERNAL", 0.125, 108.5), ("SL", 0.375, 90.0)]


def test_targets_after_a_reduction_share_what_is_left() -> None:
    up = market((100, 105, 100, 104), (104, 130, 104, 130))

    found = legs(only(Plan(a_long(), (Reduced(MINUTE, 0.5),)), up))

    assert found == [
        ("EXTERNAL", 0.5, 104.0),
        ("TP1", 0.25, 110.0),
        ("TP2", 0.125, 120.0),
        ("TP3", 0.125, 130.0),
    ]


def test_an_increase_is_counted_from_its_own_price() -> None:
    """1 at 100 and 1 at 104, both stopped at 90: -10 % and -14 % of the first notional."""
    down = market((100, 105, 100, 104), (104, 104, 80, 80))

    found = only(Plan(a_long(), (Increased(MINUTE, 1.0, 104.0),)), down)

    assert legs(found) == [("SL", 2.0, 90.0)]
    assert found.gross == pytest.approx(-0.24)


def test_an_increase_pays_its_entry_fee() -> None:
    plan = Plan(a_long(costs=Costs(10.0, 0.0)), (Increased(MINUTE, 1.0, 104.0),))

    found = only(plan, market((100, 105, 100, 104), (104, 104, 80, 80)))

    assert found.entry_fee + found.exit_fees == pytest.approx(0.001 * (1 + 1.04 + 2 * 0.9))


def test_an_increase_does_not_bring_back_what_has_ended() -> None:
    plan = Plan(a_long(), (Increased(2 * MINUTE, 1.0, 104.0),))

    assert legs(only(plan, market((100, 100, 95, 95), (95, 95, 85, 85), (85, 90, 85, 90)))) == [
        ("SL", 1.0, 90.0)
    ]


def test_a_liquidation_is_priced_at_the_leverage_and_entry_of_its_levels() -> None:
    """The leverage went from 10x to 20x: what is liquidated then has lost 5 % of the price, not 10 %."""
    at_10x = LiquidationPrices(10.0, (90.5, 90.5, 90.5))
    at_20x = changed(again(1), liquidation=LiquidationPrices(20.0, (95.5, 95.5, 95.5)))
    fall = market((100, 100, 99, 99), (99, 99, 80, 80))

    assert legs(only(Plan(a_long(stop=80.0, liquidation=at_10x)), fall)) == [("LIQUIDATION", 1.0, 90.0)]
    assert legs(only(Plan(a_long(stop=80.0, liquidation=at_10x), (at_20x,)), fall)) == [
        ("LIQUIDATION", 1.0, 95.0)
    ]
    assert legs(only(Plan(a_long(stop=80.0), (at_20x,)), fall)) == [("LIQUIDATION", 1.0, 95.0)]


def test_a_trailed_stop_stays_when_an_increase_moves_the_entry() -> None:
    """Trailing from +4 % on at 1 %: the stop stands at 103.95 and stays there, though 105 is not 4 % above 102.5."""
    rules = Rules(trailing=Trailing(0.04, 0.01))
    rows = market((100, 105, 100, 105), (105, 105, 104.5, 104.5), (104.5, 104.5, 100, 100))
    moved = Relevelled(MINUTE, 102.5, (115.0, 125.0, 135.0), 90.0, (0.5, 0.25, 0.25))
    plan = Plan(a_long(rules=rules), (Increased(MINUTE, 1.0, 105.0), moved))

    (leg,) = only(plan, rows).legs

    assert (leg.level.value, leg.price) == ("TRAIL", 103.95)


def test_changes_after_a_close_from_outside_do_nothing() -> None:
    setup = a_long(external=ExternalClose(MINUTE, 104.0))

    found = only(Plan(setup, (Increased(MINUTE, 1.0, 104.0), again(2))), UP_AND_DOWN)

    assert legs(found)[-1] == ("EXTERNAL", 0.5, 104.0)


def test_a_close_from_outside_ends_both_policies_at_its_price() -> None:
    close = ExternalClose(MINUTE, 104.0)
    tight, wide = a_long(external=close, targets=(105.0, 140.0, 150.0)), a_long(external=close)

    both = walk_both(Plan(wide), Plan(tight), market((100, 108, 99, 107), (107, 107, 80, 80)))

    assert legs(both.lowest[0]) == [("EXTERNAL", 1.0, 104.0)]
    assert legs(both.lowest[1]) == [("TP1", 0.5, 105.0), ("EXTERNAL", 0.5, 104.0)]
    assert both.lower == both.upper == pytest.approx(0.005)


def test_the_wider_stop_can_not_be_hit_while_the_nearer_one_is_not() -> None:
    """Stops at 95 and 94, the same targets, a candle that sees everything.

    Apart, the wider one may be stopped where the nearer one wins. On one way of the price the wider one is stopped
    after the nearer one, a point lower, or wins where the nearer one was stopped.
    """
    near, far = a_long(stop=95.0), a_long(stop=94.0)
    wild = market((100, 131, 90, 100))

    apart = walk_plan(Plan(far), wild).pessimistic.net - walk_plan(Plan(near), wild).optimistic.net
    both = walk_both(Plan(near), Plan(far), wild)

    assert apart == pytest.approx(-0.06 - 0.175)
    assert both.lower == pytest.approx(-0.01)
    assert both.upper == pytest.approx(0.05 + 0.175)


def test_a_stop_between_decides_alone() -> None:
    """The price may turn between 95 and 94 only in a candle whose low lies there."""
    near, far = a_long(stop=95.0), a_long(stop=94.0)

    both = walk_both(Plan(near), Plan(far), market((100, 131, 94.5, 131)))

    assert both.lower == 0.0
    assert both.upper == pytest.approx(0.05 + 0.175)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ((again(2), again(1)), "time of a change is 60000; allowed: 120000 or later, in order"),
        ((again(-1),), "time of a change is -60000; allowed: 0 or later, in order"),
    ],
)
def test_changes_come_in_the_order_of_time(changes: tuple[Change, ...], says: str) -> None:
    with pytest.raises(InvalidValue, match=says):
        Plan(a_long(), changes)


@pytest.mark.parametrize("kept", [0.0, 1.0, -1.0])
def test_a_reduction_keeps_a_part(kept: float) -> None:
    with pytest.raises(InvalidValue, match="part kept by a reduction"):
        Reduced(0, kept)


def test_an_increase_adds_something_at_a_price() -> None:
    with pytest.raises(InvalidValue, match="part added by an increase"):
        Increased(0, 0.0, 100.0)
    with pytest.raises(InvalidValue, match="price of an increase"):
        Increased(0, 1.0, 0.0)
