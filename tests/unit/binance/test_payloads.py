"""What answers of the venue become, row by row."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from exitbrain.domain.levels.instrument import Bracket, Instrument
from exitbrain.infrastructure.binance.errors import VenueUnavailable
from exitbrain.infrastructure.binance.payloads import (
    MarkPrice,
    brackets_of,
    commission_of,
    mark_prices_of,
    rules_of,
    server_time_of,
)

TIER = {"notionalFloor": 0, "notionalCap": 10, "maintMarginRatio": 0.01, "initialLeverage": 50, "cum": 0}


def symbol(*filters: dict[str, Any]) -> dict[str, Any]:
    """Return an exchangeInfo answer with one symbol."""
    return {"symbols": [{"symbol": "AUSDT", "filters": list(filters)}]}


def step(kind: str, size: str) -> dict[str, str]:
    return {"filterType": kind, "stepSize": size}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([step("LOT_SIZE", "0.001"), step("MARKET_LOT_SIZE", "0.01")], "0.01"),
        ([step("LOT_SIZE", "0.1"), step("MARKET_LOT_SIZE", "0.01")], "0.1"),
        ([step("LOT_SIZE", "0.001"), step("MARKET_LOT_SIZE", "0.00000000")], "0.001"),
        ([step("MARKET_LOT_SIZE", "5")], "5"),
    ],
)
def test_the_step_is_the_coarser_of_limit_and_market_orders(
    filters: list[dict[str, str]], expected: str
) -> None:
    assert rules_of(symbol(*filters)).of["AUSDT"] == Instrument("AUSDT", step_size=Decimal(expected))


def test_a_size_of_zero_means_that_there_is_no_such_rule() -> None:
    price = {"filterType": "PRICE_FILTER", "tickSize": "0"}
    notional = {"filterType": "MIN_NOTIONAL", "notional": "0"}

    answer = rules_of(symbol(price, step("LOT_SIZE", "0"), notional))

    assert answer.of == {"AUSDT": Instrument("AUSDT")}


@pytest.mark.parametrize("size", ["-0.1", "NaN", "Infinity", "", None, "1e400000000"])
def test_a_size_that_is_no_size_makes_its_symbol_unreadable(size: str | None) -> None:
    answer = rules_of(symbol({"filterType": "PRICE_FILTER", "tickSize": size}))

    assert answer.of == {}
    assert "filters.0.tickSize" in answer.unreadable["AUSDT"]


def test_brackets_come_in_order_with_the_amounts_of_the_venue() -> None:
    second = {**TIER, "notionalFloor": 10, "notionalCap": 99, "maintMarginRatio": 0.02, "cum": 0.1}

    answer = brackets_of([{"symbol": "AUSDT", "notionalCoef": 1.5, "brackets": [second, TIER]}])

    assert answer.of["AUSDT"].brackets == (
        Bracket(0.0, 10.0, 0.01, 50.0, 0.0),
        Bracket(10.0, 99.0, 0.02, 50.0, 0.1),
    )


@pytest.mark.parametrize(
    ("brackets", "why"),
    [
        ([TIER, {**TIER, "notionalFloor": 11, "notionalCap": 99}], "bracket floor"),
        ([{**TIER, "maintMarginRatio": 2}], "maintenance rate"),
        ([{**TIER, "notionalCap": None}], "notionalCap"),
        (None, "brackets"),
    ],
)
def test_brackets_that_can_not_be_make_their_symbol_unreadable(brackets: Any, why: str) -> None:
    answer = brackets_of([{"symbol": "AUSDT", "brackets": brackets}, {"symbol": "BUSDT", "brackets": [TIER]}])

    assert set(answer.of) == {"BUSDT"}
    assert why in answer.unreadable["AUSDT"]


def test_the_commission_of_takers_is_in_basis_points() -> None:
    rate = {"symbol": "AUSDT", "makerCommissionRate": "0.000200", "takerCommissionRate": "0.000455"}

    assert commission_of(rate).of == {"AUSDT": Instrument("AUSDT", taker_fee_bps=4.55)}


@pytest.mark.parametrize("rate", ["-0.0001", "1", "much"])
def test_a_commission_that_can_not_be_is_not_taken(rate: str) -> None:
    assert commission_of({"symbol": "AUSDT", "takerCommissionRate": rate}).of == {}


def test_mark_prices_have_the_moment_of_the_venue() -> None:
    rows = [
        {"symbol": "AUSDT", "markPrice": "1.25", "time": 1767268800500},
        {"symbol": "BUSDT", "markPrice": "0", "time": 1767268800500},
        {"symbol": "CUSDT", "markPrice": "1", "time": 10**18},
    ]

    answer = mark_prices_of(rows)

    moment = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert answer.of == {"AUSDT": MarkPrice(Decimal("1.25"), moment)}
    assert set(answer.unreadable) == {"BUSDT", "CUSDT"}


@pytest.mark.parametrize("payload", [None, [], {}, {"serverTime": "soon"}])
def test_no_time_is_no_answer(payload: Any) -> None:
    with pytest.raises(VenueUnavailable, match="no time"):
        server_time_of(payload)
