"""Break-even, trailing and time stop: when they act, at which price, and that no stop ever loosens."""

from decimal import Decimal

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import Market
from exitbrain.domain.simulation.exit_setup import ExternalClose, Rules, Trailing
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.tick import Tick
from tests.unit.simulation.example import MINUTE, a_long, a_short, both, candles, exits, walked

QUIET = (100.0, 100.5, 99.5, 100.0)
BREAK_EVEN = Rules(break_even=0.001)
FAR = {"targets": (110.0, 120.0, 130.0), "stop": 90.0}


def test_break_even_closes_the_rest_at_the_entry_plus_the_offset() -> None:
    walk = walked(a_long(rules=BREAK_EVEN), QUIET, (100.5, 101.0, 100.5, 101.0), (101.0, 101.0, 99.5, 100.0))

    assert both(walk) == [("TP1", 0.5, 101.0), ("BREAK_EVEN", 0.5, 100.0 * 1.001)]


@pytest.mark.parametrize(
    ("tick", "entry", "offset", "stop"),
    [
        ("0.1", 100.0, 0.0016, 100.1),  # 100.16 lies above the entry: down
        ("0.1", 100.0, -0.0016, 99.9),  # 99.84 lies below it: up
        ("0.5", 100.3, 0.0, 100.0),  # the entry itself, off the grid: away from the market
        ("0.1", 100.0, 0.003, 100.3),  # on the grid, although 100 * 1.003 in doubles lies below
    ],
)
def test_break_even_of_a_long_lies_on_the_tick_grid_toward_the_entry(
    tick: str, entry: float, offset: float, stop: float
) -> None:
    setup = a_long(entry=entry, rules=Rules(break_even=offset), tick=Tick.of(Decimal(tick)))

    quiet = (entry, entry, entry, entry)
    walk = walked(setup, quiet, (100.5, 101.0, 100.5, 101.0), (101.0, 101.0, 99.2, 99.5))

    assert both(walk)[-1] == ("BREAK_EVEN", 0.5, stop)


@pytest.mark.parametrize(("entry", "offset", "stop"), [(100.0, 0.0016, 99.9), (100.0, -0.0016, 100.1)])
def test_break_even_of_a_short_is_rounded_toward_the_entry_too(
    entry: float, offset: float, stop: float
) -> None:
    setup = a_short(entry=entry, rules=Rules(break_even=offset), tick=Tick.of(Decimal("0.1")))

    walk = walked(setup, QUIET, (99.5, 99.5, 99.0, 99.0), (99.0, 100.8, 99.0, 100.5))

    assert both(walk)[-1] == ("BREAK_EVEN", 0.5, stop)


def test_break_even_is_in_force_inside_the_candle_of_its_fill() -> None:
    """(a) TP1 then back to 100.1; (b) the low came first, and the close lies above."""
    bounds = walked(a_long(rules=BREAK_EVEN), QUIET, (100.0, 101.0, 99.5, 100.5))

    assert exits(bounds.pessimistic) == [("TP1", 0.5, 101.0), ("BREAK_EVEN", 0.5, 100.0 * 1.001)]
    assert exits(bounds.optimistic) == [("TP1", 0.5, 101.0), ("OPEN", 0.5, 100.5)]


def test_a_close_below_break_even_leaves_no_survivor() -> None:
    assert both(walked(a_long(rules=BREAK_EVEN), QUIET, (100.0, 101.0, 99.5, 100.0))) == [
        ("TP1", 0.5, 101.0),
        ("BREAK_EVEN", 0.5, 100.0 * 1.001),
    ]


def test_a_stop_moved_by_a_gap_fill_is_in_force_at_once() -> None:
    walk = walked(a_long(rules=BREAK_EVEN), QUIET, (101.5, 101.5, 99.5, 100.0))

    assert both(walk) == [("TP1", 0.5, 101.5), ("BREAK_EVEN", 0.5, 100.0 * 1.001)]


def test_the_stop_and_break_even_may_both_have_been_first() -> None:
    bounds = walked(a_long(rules=BREAK_EVEN), QUIET, (100.0, 101.0, 99.0, 100.5))

    assert exits(bounds.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(bounds.optimistic) == [("TP1", 0.5, 101.0), ("BREAK_EVEN", 0.5, 100.0 * 1.001)]


def test_break_even_that_is_not_nearer_than_tp1_is_inactive() -> None:
    walk = walked(
        a_long(rules=Rules(break_even=0.01)), QUIET, (100.5, 101.0, 100.5, 101.0), (101.0, 101.0, 99.5, 100.0)
    )

    assert both(walk)[-1] == ("OPEN", 0.5, 100.0)


def test_break_even_never_loosens_a_stop() -> None:
    walk = walked(
        a_long(rules=Rules(break_even=-0.02)), QUIET, (100.5, 101.0, 100.5, 101.0), (101.0, 101.0, 98.5, 99.5)
    )

    assert both(walk)[-1] == ("SL", 0.5, 99.0)


def test_a_trailed_stop_follows_the_best_price_from_the_next_candle_on() -> None:
    setup = a_long(**FAR, rules=Rules(trailing=Trailing(0.01, 0.01)))

    bounds = walked(setup, QUIET, (100.0, 103.0, 100.0, 102.5), (102.5, 102.5, 101.0, 102.0))

    assert both(bounds) == [("TRAIL", 1.0, 103.0 * 0.99)]
    assert bounds.pessimistic.legs[0].at_ms == 2 * MINUTE


def test_a_trailed_stop_lies_on_the_tick_grid_toward_the_entry() -> None:
    """103 less 1 % is 101.97, above the entry: down to 101.9; a best of 100.6 gives 99.594, below it: up to 99.6."""
    setup = a_long(**FAR, rules=Rules(trailing=Trailing(0.0, 0.01)), tick=Tick.of(Decimal("0.1")))

    above = walked(setup, QUIET, (100.0, 103.0, 100.0, 102.5), (102.5, 102.5, 101.0, 102.0))
    below = walked(setup, (100.0, 100.6, 100.0, 100.5), (100.5, 100.5, 99.0, 99.5))

    assert both(above) == [("TRAIL", 1.0, 101.9)]
    assert both(below) == [("TRAIL", 1.0, 99.6)]


def test_a_trailed_stop_that_crosses_the_entry_does_not_go_back_a_tick() -> None:
    """On ticks of 1 around an entry at 100.3, a trailed 100.287 is rounded up to 101, and 100.485 down to 100."""
    setup = a_long(entry=100.3, **FAR, rules=Rules(trailing=Trailing(0.0, 0.01)), tick=Tick.of(Decimal(1)))
    rise, further = (100.3, 101.3, 100.3, 101.2), (101.2, 101.5, 101.2, 101.4)

    walk = walked(setup, rise, further, (101.4, 101.4, 100.9, 101.0))

    assert both(walk) == [("TRAIL", 1.0, 101.0)]


def test_trailing_waits_for_its_activation() -> None:
    setup = a_long(**FAR, rules=Rules(trailing=Trailing(0.031, 0.01)))

    assert both(walked(setup, (100.0, 103.0, 100.0, 102.5), (102.5, 102.5, 101.0, 102.0))) == [
        ("OPEN", 1.0, 102.0)
    ]


def test_a_close_that_a_newly_trailed_stop_catches_closes_there() -> None:
    setup = a_long(**FAR, rules=Rules(trailing=Trailing(0.01, 0.01)))

    bounds = walked(setup, (100.0, 103.0, 100.0, 101.0), QUIET)

    assert both(bounds) == [("TRAIL", 1.0, 101.0)]
    assert bounds.pessimistic.legs[0].at_ms == 0


def test_a_candle_that_opens_beyond_a_trailed_stop_closes_at_the_open() -> None:
    setup = a_long(**FAR, rules=Rules(trailing=Trailing(0.01, 0.01)))

    assert both(walked(setup, (100.0, 103.0, 100.0, 102.5), (101.0, 104.0, 101.0, 104.0))) == [
        ("TRAIL", 1.0, 101.0)
    ]


def test_a_trailed_stop_never_loosens_and_gives_way_to_a_tighter_one() -> None:
    setup = a_long(**FAR, rules=Rules(trailing=Trailing(0.0, 0.2)))

    assert both(walked(setup, (100.0, 103.0, 100.0, 102.5), (102.5, 102.5, 89.0, 95.0))) == [
        ("SL", 1.0, 90.0)
    ]


def test_a_short_trails_from_the_lowest_price() -> None:
    setup = a_short(targets=(90.0, 80.0, 70.0), stop=110.0, rules=Rules(trailing=Trailing(0.01, 0.01)))

    assert both(walked(setup, (100.0, 100.0, 97.0, 97.5), (97.5, 98.0, 97.5, 98.0))) == [
        ("TRAIL", 1.0, 97.0 * 1.01)
    ]


def test_the_stop_is_trailed_at_the_closes_of_the_rule_interval_only() -> None:
    rules = Rules(trailing=Trailing(0.01, 0.01), interval_ms=2 * MINUTE)
    rise, fall = (100.0, 103.0, 100.0, 102.5), (102.5, 102.5, 101.99, 102.5)

    inside = walked(a_long(**FAR, rules=rules), rise, (102.5, 102.5, 101.0, 102.5), fall)

    assert both(inside) == [("OPEN", 1.0, 102.5)]
    assert both(walked(a_long(**FAR, rules=rules), rise, fall, (102.5, 102.5, 101.0, 102.5))) == [
        ("TRAIL", 1.0, 103.0 * 0.99)
    ]


def test_the_time_stop_closes_at_the_first_rule_close_that_is_late_enough_after_its_touches() -> None:
    rules = Rules(time_stop_ms=90_000)

    late = walked(a_long(rules=rules), QUIET, (100.0, 101.0, 99.5, 100.2), QUIET)
    just = walked(a_long(rules=Rules(time_stop_ms=60_000)), QUIET, QUIET)

    assert both(late) == [("TP1", 0.5, 101.0), ("TIME", 0.5, 100.2)]
    assert both(just) == [("TIME", 1.0, 100.0)]


def test_the_time_stop_waits_for_the_close_of_the_rule_interval() -> None:
    rules = Rules(time_stop_ms=MINUTE, interval_ms=3 * MINUTE)

    walk = walked(a_long(rules=rules), QUIET, QUIET, (100.0, 100.3, 100.0, 100.3), QUIET)

    assert both(walk) == [("TIME", 1.0, 100.3)]


@pytest.mark.parametrize("rules", [Rules(trailing=Trailing(0.0, 0.01)), Rules(time_stop_ms=1)])
def test_candles_coarser_than_the_rule_interval_are_refused(rules: Rules) -> None:
    market = Market(candles(QUIET, interval_ms=5 * MINUTE))

    with pytest.raises(
        InvalidValue, match="rule interval in ms is 60000; allowed: the candle interval of 300000 ms"
    ):
        simulate_exits(a_long(rules=rules), market)


def test_coarse_candles_are_walked_where_no_rule_looks_at_closes() -> None:
    assert both(simulate_exits(a_long(rules=BREAK_EVEN), Market(candles(QUIET, interval_ms=5 * MINUTE))))


def test_a_close_from_outside_ends_the_walk_at_its_price() -> None:
    closed = ExternalClose(2 * MINUTE, 100.7)

    walk = walked(a_long(external=closed), QUIET, (100.0, 101.0, 99.5, 100.2), (104.0, 104.0, 104.0, 104.0))

    assert both(walk) == [("TP1", 0.5, 101.0), ("EXTERNAL", 0.5, 100.7)]


def test_inside_a_candle_touches_may_come_before_or_after_a_close_from_outside() -> None:
    closed = ExternalClose(MINUTE + 1, 100.0)

    bounds = walked(a_long(external=closed), QUIET, (100.0, 101.0, 98.0, 98.0))

    assert exits(bounds.pessimistic) == [("SL", 1.0, 99.0)]
    assert exits(bounds.optimistic) == [("TP1", 0.5, 101.0), ("EXTERNAL", 0.5, 100.0)]
    assert bounds.optimistic.legs[-1].at_ms == MINUTE + 1
