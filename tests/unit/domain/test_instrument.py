"""An instrument: its brackets, what it may not say, and the hash of its content."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.instrument import Instrument, brackets_with_amounts, id_of_snapshot
from exitbrain.domain.values import changed
from tests.property.recorded_brackets import recorded_brackets
from tests.unit.domain.example import BRACKETS, BTCUSDT


def test_amounts_make_the_maintenance_margin_continuous() -> None:
    assert [bracket.cum for bracket in BRACKETS] == pytest.approx([0.0, 50.0, 950.0, 11450.0, 131450.0])


def test_every_recorded_ladder_is_continuous_and_valid(shared_data: Path) -> None:
    for symbol, brackets in recorded_brackets(shared_data).items():
        Instrument(symbol, brackets=brackets)
        for lower, upper in pairwise(brackets):
            below = lower.maintenance_rate * lower.cap - lower.cum
            above = upper.maintenance_rate * upper.floor - upper.cum
            assert below == pytest.approx(above), symbol


def test_rows_in_any_order_make_the_same_brackets() -> None:
    rows = [(50.0, 100.0, 0.01, 50.0), (0.0, 50.0, 0.005, 100.0)]

    assert brackets_with_amounts(rows) == brackets_with_amounts(rows[::-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tick_size": Decimal(0)}, "BTCUSDT tick_size"),
        ({"step_size": Decimal("-1")}, "BTCUSDT step_size"),
        ({"min_notional": Decimal("NaN")}, "BTCUSDT min_notional"),
        ({"taker_fee_bps": -1.0}, "BTCUSDT taker_fee_bps"),
        ({"taker_fee_bps": float("nan")}, "BTCUSDT taker_fee_bps"),
        ({"brackets": (BRACKETS[0], BRACKETS[2])}, "bracket floor is 600000.0; allowed: 50000.0"),
        ({"brackets": (changed(BRACKETS[0], cap=0.0),)}, "bracket cap is 0.0"),
        ({"brackets": (changed(BRACKETS[0], cap=float("inf")),)}, "bracket cap is inf"),
        ({"brackets": (changed(BRACKETS[0], maintenance_rate=0.0),)}, "maintenance rate is 0.0"),
        ({"brackets": (changed(BRACKETS[0], maintenance_rate=1.0),)}, "maintenance rate is 1.0"),
        ({"brackets": (changed(BRACKETS[0], max_leverage=0.5),)}, "maximum leverage is 0.5"),
    ],
)
def test_what_can_not_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        changed(BTCUSDT, **changes)


def test_the_same_content_has_the_same_hash_and_id() -> None:
    same = changed(BTCUSDT, brackets=tuple(BRACKETS))

    assert same.content_hash == BTCUSDT.content_hash
    assert id_of_snapshot(same) == id_of_snapshot(BTCUSDT)


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETHUSDT"},
        {"tick_size": Decimal("0.01")},
        {"step_size": None},
        {"taker_fee_bps": 4.0},
        {"brackets": BRACKETS[:4]},
    ],
)
def test_other_content_has_another_hash(changes: dict[str, Any]) -> None:
    assert changed(BTCUSDT, **changes).content_hash != BTCUSDT.content_hash
