"""Whether slices are placeable is said without slicing only where slicing says the same."""

from decimal import Context, Decimal
from random import Random

from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.values import DECIMAL
from exitbrain.infrastructure.lab.slice_states import (
    SliceStates,
    are_usual,
    passes_for_usual_shares,
    passes_sliced,
)

THREE = ((0.3, 0.3, 0.4), (0.4, 0.4, 0.2), (0.5, 0.3, 0.2), (0.98, 0.01, 0.01), (1 / 3, 1 / 3, 1 / 3))
FEWER = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0), (0.3, 0.0, 0.7), (0.0, 0.5, 0.5))
SHARES = THREE + FEWER


def test_what_a_position_decides_is_what_its_slices_show() -> None:
    chance = Random(19)
    decided: list[bool | None] = []
    for _ in range(4_000):
        step = Decimal(chance.choice(("1", "0.001", "0.5", "1e-8", "10")))
        whole = step * Decimal(repr(chance.choice((0.1, 0.9, 1, 1.5, 2, 3, 7, 1e4, 1e9)) * chance.random()))
        long = Context(prec=chance.choice((28, 33))).divide(Decimal(200), step * 3)
        quantity = chance.choice((whole, step * chance.randint(1, 9), long, whole))
        price = Decimal(repr(chance.uniform(0.001, 5e4)))
        minimum = chance.choice((None, Decimal(5), DECIMAL.multiply(quantity, price)))
        instrument = Instrument("X", step_size=step, min_notional=minimum)
        shares = chance.choice(SHARES)

        said = passes_for_usual_shares(quantity, price, instrument)

        decided.append(said)
        sliced = passes_sliced(quantity, price, instrument, shares)
        assert said is None or said == sliced, (quantity, price, instrument, shares)
        assert SliceStates(lambda _, p=(quantity, price, instrument): p).passes(1, shares) == sliced  # type: ignore[misc]
    assert {True, False, None} == set(decided)
    assert decided.count(None) < len(decided) / 2


def test_more_digits_than_the_domain_keeps_are_left_to_slicing() -> None:
    instrument = Instrument("X", step_size=Decimal("0.001"))

    assert passes_for_usual_shares(Decimal("1." + "3" * 29), Decimal(1), instrument) is None


def test_shares_that_leave_nothing_for_the_last_are_not_usual() -> None:
    assert all(map(are_usual, SHARES))
    assert not are_usual((1.0, 1e-12, 0.0))
    assert not are_usual((0.7, 0.7, 0.2))
