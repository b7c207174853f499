"""A stop that is moved in doubles lies on the tick where decimals put it."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from exitbrain.domain.simulation.tick import Tick
from exitbrain.domain.values import DECIMAL

sizes = st.sampled_from(["0.1", "0.01", "0.05", "0.25", "0.0001", "0.00001", "1", "10", "0.3", "5"]).map(
    Decimal
)
prices = st.decimals("0.01", "200000", places=4)
offsets = st.decimals("-0.5", "0.5", places=4)


@given(sizes, prices, prices, offsets, st.sampled_from([1, -1]))
def test_doubles_round_as_decimals_do(
    size: Decimal, entry: Decimal, best: Decimal, offset: Decimal, direction: int
) -> None:
    exact = DECIMAL.multiply(best, 1 + offset)
    assume(exact != entry)
    ticks = DECIMAL.divide(exact, size).to_integral_value(ROUND_FLOOR if exact > entry else ROUND_CEILING)

    moved = float(best) * (1 + float(offset))

    assert Tick.of(size).toward(float(entry), moved, direction) == float(ticks * size)
