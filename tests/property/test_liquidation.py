"""The liquidation price against an independent solver, over every recorded bracket ladder."""

from decimal import Decimal, localcontext
from itertools import chain
from math import nextafter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exitbrain.domain.algebra import FloatAlgebra
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.liquidation import liquidation, liquidation_in_floats
from exitbrain.domain.policies.formulas.registry import V3_6
from tests.property.level_inputs import random_inputs, threshold_inputs
from tests.property.recorded_brackets import recorded_brackets


def price_by_search(
    direction: int, entry: float, quantity: float, leverage: float, brackets: tuple[Bracket, ...]
) -> Decimal:
    """Return the price at which equity meets the maintenance margin, by bisection and without any `cum`."""
    e, q = Decimal(entry), Decimal(quantity)
    wallet = e * q / Decimal(leverage)

    def margin(notional: Decimal) -> Decimal:
        total = Decimal(0)
        for bracket in brackets:
            last = bracket is brackets[-1]
            top = notional if last else min(notional, Decimal(bracket.cap))
            total += Decimal(bracket.maintenance_rate) * max(top - Decimal(bracket.floor), Decimal(0))
        return total

    def safe(price: Decimal) -> bool:
        return wallet + direction * q * (price - e) > margin(q * price)

    low, high = (Decimal(0), e * 2)  # a long is safe above the price, a short below it
    for _ in range(120):
        middle = (low + high) / 2
        if safe(middle) == (direction > 0):
            high = middle
        else:
            low = middle
    return high


def price_of(
    direction: int, entry: float, quantity: float, leverage: float, brackets: tuple[Bracket, ...]
) -> float:
    where = liquidation(FloatAlgebra(), float(direction), entry, quantity, leverage, brackets)
    return float(entry * (1.0 - direction * where.distance))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    symbol=st.integers(0, 317),
    direction=st.sampled_from((1, -1)),
    entry=st.floats(1e-5, 1e5),
    notional=st.floats(1.0, 1e9),
    leverage=st.floats(1.0, 125.0),
)
def test_price_is_where_equity_meets_the_maintenance_margin(
    shared_data: Path, symbol: int, direction: int, entry: float, notional: float, leverage: float
) -> None:
    brackets = [*recorded_brackets(shared_data).values()][symbol]
    quantity = notional / entry

    with localcontext(prec=50):
        searched = price_by_search(direction, entry, quantity, leverage, brackets)

    price = price_of(direction, entry, quantity, leverage, brackets)
    assert price == pytest.approx(float(searched), rel=1e-9, abs=entry * 1e-12)


def test_the_short_way_with_floats_gives_the_same_bits(shared_data: Path) -> None:
    ladder = recorded_brackets(shared_data)["BTC/USDT:USDT"]
    for brackets in (ladder, ladder[:5], ladder[:1], ()):
        for x in chain(random_inputs(V3_6, seed=17, count=3000), threshold_inputs(V3_6, brackets)):
            known = x.entry_price is not None and x.quantity is not None
            entry = float(x.entry_price or 1)
            quantity = float(x.quantity or 1) if known else None
            direction = float(x.side.direction)

            short = liquidation_in_floats(direction, entry, quantity, x.leverage, brackets)

            assert repr(short) == repr(
                liquidation(FloatAlgebra(), direction, entry, quantity, x.leverage, brackets)
            )


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("leverage", [2.0, 3.0, 20.0])
def test_price_stays_continuous_where_the_bracket_changes(
    shared_data: Path, direction: int, leverage: float
) -> None:
    """Walk double by double over the size at which the notional at liquidation leaves its bracket."""
    for brackets in [*recorded_brackets(shared_data).values()][:40]:
        for bracket in brackets[:-1]:
            quantity = bracket.cap / price_of(direction, 1.0, bracket.cap, leverage, brackets)
            for _ in range(20):
                quantity = bracket.cap / price_of(direction, 1.0, quantity, leverage, brackets)
            for _ in range(6):
                quantity = nextafter(quantity, 0.0)
            expected = price_of(direction, 1.0, quantity, leverage, brackets)
            for _ in range(12):
                quantity = nextafter(quantity, 1e18)
                assert price_of(direction, 1.0, quantity, leverage, brackets) == pytest.approx(
                    expected, rel=1e-9
                )


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    symbol=st.integers(0, 317),
    direction=st.sampled_from((1, -1)),
    notional=st.floats(1.0, 1e8),
    leverage=st.floats(1.0, 125.0),
)
def test_an_unknown_size_is_liquidated_no_later_than_any_allowed_size(
    shared_data: Path, symbol: int, direction: int, notional: float, leverage: float
) -> None:
    brackets = [*recorded_brackets(shared_data).values()][symbol]
    unknown = liquidation(FloatAlgebra(), float(direction), 1.0, None, leverage, brackets)
    known = liquidation(FloatAlgebra(), float(direction), 1.0, notional, leverage, brackets)

    if known.allowed:
        assert unknown.allowed
        # A short grows into higher brackets on its way to liquidation; the entry bracket is what is known.
        at_liquidation = notional * (1.0 - direction * known.distance)
        fits = all(b.max_leverage >= leverage for b in brackets if b.floor < at_liquidation)
        if fits:
            assert unknown.distance <= known.distance + 1e-12
