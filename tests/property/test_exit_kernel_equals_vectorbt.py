"""One target, no costs, no moving stop: the same exits as vectorbt, but for contested opens."""

from pathlib import Path

import numpy as np
import pytest

from exitbrain.infrastructure.lab.exit_kernel import Exits, OneTarget, Prices, exits_each, exits_in_turn
from exitbrain.infrastructure.lab.walking.arrays import Doubles
from tests.property.exits_of_vectorbt import (
    digest_of,
    exits_on_walks,
    in_column_order,
    recorded,
    recorded_entries,
)
from tests.property.seeded_walks import RULES, seeded_walks

rules = pytest.mark.parametrize("rule", RULES)


def as_vectorbt_prices_them(ours: Exits, entry: Doubles, rule: OneTarget) -> Exits:
    """Return these exits with the stop as the price of the contested ones, which leave at the open here."""
    stop = entry * (1 - rule.direction * rule.stop)
    return Exits(
        ours.column,
        ours.entry_bar,
        ours.exit_bar,
        np.where(ours.contested, stop, ours.price),
        np.zeros_like(ours.contested),
    )


def assert_contested_leave_at_the_open(ours: Exits, prices: Prices) -> None:
    rows = ours.contested
    assert ours.price[rows].tobytes() == prices.open[ours.exit_bar[rows], ours.column[rows]].tobytes()


@rules
def test_positions_in_turn_leave_at_the_bar_and_price_of_vectorbt(rule: str) -> None:
    contested = walked = 0
    for (prices, signals), theirs in zip(seeded_walks(), exits_on_walks(rule), strict=True):
        ours = in_column_order(exits_in_turn(prices, signals, RULES[rule]))
        assert_contested_leave_at_the_open(ours, prices)
        entry = prices.close[ours.entry_bar, ours.column]
        priced = as_vectorbt_prices_them(ours, entry, RULES[rule])
        assert priced.column.tolist() == theirs.column.tolist()
        assert priced.entry_bar.tolist() == theirs.entry_bar.tolist()
        assert priced.exit_bar.tolist() == theirs.exit_bar.tolist()
        assert priced.price.tobytes() == theirs.price.tobytes()
        contested += int(ours.contested.sum())
        walked += int(ours.closed.sum())
    assert walked > 3_000
    assert contested > 10


@rules
def test_one_market_is_walked_as_a_column_of_many(rule: str) -> None:
    *_, (prices, signals) = seeded_walks()
    many = in_column_order(exits_in_turn(prices, signals, RULES[rule]))
    for column in range(signals.shape[1]):
        one = exits_in_turn(
            Prices(*(x[:, column].copy() for x in (prices.open, prices.high, prices.low, prices.close))),
            signals[:, column],
            RULES[rule],
        )
        here = many.column == column
        assert one.entry_bar.tolist() == many.entry_bar[here].tolist()
        assert one.exit_bar.tolist() == many.exit_bar[here].tolist()
        assert one.price.tobytes() == many.price[here].tobytes()
        assert one.contested.tolist() == many.contested[here].tolist()


@rules
def test_recorded_entries_leave_at_the_bar_and_price_of_vectorbt(rule: str, shared_data: Path) -> None:
    walked: list[Exits] = []
    for prices, entry_bars in recorded_entries(shared_data):
        ours = exits_each(prices, entry_bars, RULES[rule])
        walked.append(as_vectorbt_prices_them(ours, prices.close[ours.entry_bar], RULES[rule]))
    assert sum(int(exits.closed.sum()) for exits in walked) > 3_000
    assert digest_of(walked) == recorded()["on_recorded_candles"][rule]
