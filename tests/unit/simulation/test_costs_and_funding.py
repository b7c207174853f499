"""What fees, slippage and funding take, in doubles and in the written order."""

from typing import Any

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.simulation.candle import (
    Candle,
    CandleSeries,
    FundingRate,
    Market,
    PriceKind,
    Trade,
    TradeSeries,
)
from exitbrain.domain.simulation.costs import Account
from exitbrain.domain.simulation.exit_setup import (
    Costs,
    ExitSetup,
    ExternalClose,
    Rules,
    TpExecution,
    Trailing,
)
from exitbrain.domain.simulation.exits import simulate_exits
from exitbrain.domain.simulation.outcome import ExitBounds
from exitbrain.domain.simulation.plan import Plan
from exitbrain.domain.simulation.walker import walk_both
from tests.unit.simulation.example import MINUTE, Prices, a_long, a_short, candles, walked

QUIET = (100.0, 100.5, 99.5, 100.0)
COSTS = Costs(fee_bps=5.0, slippage_bps=10.0, maker_fee_bps=2.0)


def test_the_sums_are_those_of_the_written_order_to_the_last_bit() -> None:
    setup = a_long(entry=100.1, costs=COSTS, shares=(0.3, 0.3, 0.4))

    history = walked(setup, QUIET, (100.0, 102.0, 99.9, 100.0), (98.7, 98.8, 98.6, 98.7)).pessimistic

    e, legs = 100.1, ((0.3, 101.0), (0.3, 102.0), (0.4, 98.7))
    gross = fees = slippage = 0.0
    for fraction, price in legs:
        gross = gross + fraction * 1 * (price - e) / e
        fees = fees + 0.0005 * fraction * price / e
        slippage = slippage + 0.001 * fraction * price / e
    assert [(leg.fraction, leg.price) for leg in history.legs] == list(legs)
    assert (history.gross, history.exit_fees, history.slippage) == (gross, fees, slippage)
    assert history.entry_fee == 0.0005
    assert history.net == gross - 0.0005 - fees - slippage - 0.0


def test_a_limit_target_pays_the_maker_fee_and_no_slippage() -> None:
    setup = a_long(costs=COSTS, tp_execution=TpExecution.LIMIT, shares=(1.0, 0.0, 0.0))

    history = walked(setup, QUIET, (100.0, 101.0, 99.5, 100.0)).pessimistic

    assert (history.exit_fees, history.slippage) == (0.0002 * 1.0 * 101.0 / 100.0, 0.0)


def test_what_is_left_open_bears_exit_cost() -> None:
    history = walked(a_long(costs=COSTS), QUIET).pessimistic

    assert (history.exit_fees, history.slippage) == (0.0005, 0.001)


def test_a_close_from_outside_pays_the_fee_at_its_price_and_no_slippage() -> None:
    history = walked(a_long(costs=COSTS, external=ExternalClose(MINUTE, 100.0)), QUIET, QUIET).pessimistic

    assert (history.exit_fees, history.slippage) == (0.0005, 0.0)


def test_the_results_of_the_legs_are_the_net_result_before_entry_fee_and_funding() -> None:
    setup = a_long(costs=COSTS)
    history = walked(setup, QUIET, (100.0, 101.0, 99.5, 100.0)).pessimistic
    account = Account(setup)

    total = sum(account.result_of(leg, setup.margin_gone_at) for leg in history.legs)

    assert total - history.entry_fee == pytest.approx(history.net, abs=1e-16)


def funded(setup: ExitSetup, *stamps: tuple[int, float], mark: CandleSeries | None = None) -> float:
    series = candles(QUIET, (100.2, 101.0, 99.5, 100.0), (100.4, 100.5, 99.5, 100.0))
    rates = tuple(FundingRate(*stamp) for stamp in stamps)
    return simulate_exits(setup, Market(series, mark=mark, funding=rates)).pessimistic.funding


def test_a_long_pays_a_positive_rate_and_a_short_is_paid() -> None:
    assert funded(a_long(), (MINUTE, 0.001)) == 1 * 0.001 * 1.0 * 100.2 / 100.0
    assert funded(a_short(), (MINUTE, 0.001)) == -1 * 0.001 * 1.0 * 100.2 / 100.0


def test_funding_is_paid_for_what_was_open_before_the_candle_of_its_time() -> None:
    """TP1 closes half in the second candle: at its open all is open, at the open of the third half."""
    assert funded(a_long(), (MINUTE, 0.001)) == 0.001 * 1.0 * 100.2 / 100.0
    assert funded(a_long(), (2 * MINUTE, 0.001)) == 0.001 * 0.5 * 100.4 / 100.0


def inside(setup: ExitSetup, candle: Prices, *rates: tuple[int, float], **market: Any) -> ExitBounds:
    """Walk a quiet candle of five minutes and then this one, in which the rates are due at these minutes."""
    series = candles(QUIET, candle, interval_ms=5 * MINUTE)
    funding = tuple(FundingRate((5 + minute) * MINUTE, rate) for minute, rate in rates)
    return simulate_exits(setup, Market(series, funding=funding, **market))


def fundings(walked: ExitBounds) -> tuple[float, float]:
    return walked.pessimistic.funding, walked.optimistic.funding


def test_funding_inside_a_candle_may_come_before_or_after_what_closes_there() -> None:
    stopped = inside(a_long(), (100.0, 100.5, 99.0, 99.2), (2, 0.001))
    partly = inside(a_long(), (100.0, 101.0, 99.5, 100.5), (2, 0.001))

    assert fundings(stopped) == (0.001, 0.0)
    assert fundings(partly) == (0.001, 0.0005)
    assert stopped.ambiguous
    assert (stopped.ambiguous_candles, partly.ambiguous_candles) == (1, 1)


def test_a_short_that_is_paid_has_its_bounds_the_other_way_round() -> None:
    assert fundings(inside(a_short(), (100.0, 101.0, 99.5, 100.5), (2, 0.001))) == (0.0, -0.001)


def test_of_several_fundings_inside_a_candle_those_before_the_close_are_paid() -> None:
    """Of 0.002, then -0.003, then 0.0005 a part from the beginning: at most 0.002, at least -0.001."""
    rates = ((1, 0.002), (2, -0.003), (3, 0.0005))

    assert fundings(inside(a_long(), (100.0, 100.5, 99.0, 99.2), *rates)) == (0.002, 0.002 - 0.003)


def test_funding_at_the_open_comes_first_and_a_gap_before_what_is_due_inside() -> None:
    gap = inside(a_long(), (98.0, 98.5, 98.0, 98.5), (0, 0.001), (2, 0.001))
    quiet = inside(a_long(), (100.0, 100.5, 99.5, 100.0), (2, 0.001))

    assert fundings(gap) == (0.001 * 98.0 / 100.0,) * 2
    assert fundings(quiet) == (0.001, 0.001)
    assert not gap.ambiguous
    assert not quiet.ambiguous


def test_lower_timeframe_data_tell_whether_funding_came_before_a_close() -> None:
    coarse = (100.0, 100.5, 99.0, 99.2)
    minutes = [(100.0, 100.5, 99.8, 99.9), (99.9, 99.9, 99.0, 99.2), *[(99.2, 99.2, 99.2, 99.2)] * 3]
    lower_timeframe = CandleSeries(
        MINUTE, [Candle((5 + n) * MINUTE, *prices) for n, prices in enumerate(minutes)]
    )
    trades = TradeSeries([Trade((300 + at) * 1000, price) for at, price in enumerate(coarse)])

    for due, paid in ((1, 0.001), (2, 0.0)):
        assert fundings(inside(a_long(), coarse, (due, 0.001), lower_timeframe=lower_timeframe)) == (
            paid,
            paid,
        )
    assert fundings(inside(a_long(), coarse, (1, 0.001), lower_timeframe=trades)) == (0.0, 0.0)


def test_two_policies_that_close_alike_pay_alike_and_others_may_not() -> None:
    market = Market(
        candles(QUIET, (100.0, 100.5, 98.9, 99.2), interval_ms=5 * MINUTE),
        funding=(FundingRate(7 * MINUTE, 0.001),),
    )
    far = {"targets": (110.0, 120.0, 130.0)}

    alike = walk_both(Plan(a_long()), Plan(a_long(**far)), market)
    other = walk_both(Plan(a_long()), Plan(a_long(stop=98.95)), market)

    assert (alike.lower, alike.upper) == (0.0, 0.0)
    assert other.lower == pytest.approx(-0.0005 - 0.001)
    assert other.upper == pytest.approx(-0.0005 + 0.001)


def test_stamps_are_snapped_to_the_minute() -> None:
    assert funded(a_long(), (2 * MINUTE - 17, 0.001)) == funded(a_long(), (2 * MINUTE + 17, 0.001)) != 0.0
    assert FundingRate(1637193600017, 0.0001).minute_ms == 1637193600000


def test_funding_at_the_entry_and_after_the_end_is_not_paid() -> None:
    assert funded(a_long(), (0, 0.001)) == 0.0
    assert funded(a_long(), (3 * MINUTE, 0.001)) == 0.0
    assert funded(a_long(stop=99.5), (2 * MINUTE, 0.001)) == 0.0


def test_funding_is_valued_at_the_mark_price_where_it_is_given() -> None:
    mark = CandleSeries(MINUTE, [Candle(MINUTE, 98.0, 99.0, 97.0, 98.0)], PriceKind.MARK)

    assert funded(a_long(), (MINUTE, 0.001), mark=mark) == 0.001 * 1.0 * 98.0 / 100.0
    assert funded(a_long(), (2 * MINUTE, 0.001), mark=mark) == 0.001 * 0.5 * 100.4 / 100.0


def test_several_funding_times_are_added_in_the_order_of_time() -> None:
    both = funded(a_long(), (MINUTE, 0.001), (2 * MINUTE, -0.0007))

    assert both == 0.0 + 0.001 * 1.0 * 100.2 / 100.0 + -0.0007 * 0.5 * 100.4 / 100.0


def test_funding_in_a_hole_is_paid_with_the_candle_after_it() -> None:
    market = Market(
        candles(QUIET, (100.3, 100.5, 99.5, 100.0), missing=[1]), funding=(FundingRate(MINUTE, 0.001),)
    )

    assert simulate_exits(a_long(), market).pessimistic.funding == 0.001 * 1.0 * 100.3 / 100.0


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Costs(fee_bps=-1.0), "fee_bps is -1.0"),
        (lambda: Costs(slippage_bps=float("nan")), "slippage_bps is nan"),
        (lambda: Costs(maker_fee_bps=10000.0), "maker_fee_bps is 10000.0"),
        (lambda: Trailing(-0.1, 0.1), "trailing activation is -0.1"),
        (lambda: Trailing(0.1, 1.0), "trailing distance is 1.0"),
        (lambda: Rules(break_even=1.0), "break-even offset is 1.0"),
        (lambda: Rules(time_stop_ms=0), "time stop in ms is 0"),
        (lambda: Rules(interval_ms=0), "rule interval in ms is 0"),
        (lambda: a_long(entry=0.0), "entry price is 0.0"),
        (lambda: a_long(stop=float("nan")), "stop price is nan"),
        (lambda: a_long(targets=(102.0, 101.0, 103.0)), "targets is"),
        (lambda: a_short(targets=(98.0, 99.0, 97.0)), "targets is"),
        (lambda: a_long(shares=(0.5, 0.5, 0.5)), "shares is"),
        (lambda: a_long(shares=(1.5, -0.5, 0.0)), "shares is"),
        (lambda: a_long(external=ExternalClose(-1, 1.0)), "time of the external close is -1"),
        (lambda: Market(candles(QUIET), funding=(FundingRate(9, 0.1), FundingRate(5, 0.1))), "funding time is 5"),
    ],
)  # fmt: skip
def test_setups_that_can_not_be_are_refused_by_name(make: object, what: str) -> None:
    assert callable(make)
    with pytest.raises(InvalidValue, match=what):
        make()
