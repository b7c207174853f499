import numpy as np
import pytest

from exitbrain.domain.algebra import ln
from exitbrain.infrastructure.lab.logarithm import BEYOND, ln_core, ln_of
from tests.effort import share_of


def bits(values: np.ndarray) -> list[int]:
    found: list[int] = values.view(np.int64).tolist()
    return found


def of_the_domain(x: np.ndarray) -> np.ndarray:
    return np.array([ln.__wrapped__(value) for value in x.tolist()])


def sample(kind: str) -> np.ndarray:
    draw = np.random.default_rng(20261127)
    whole = np.arange(2.0, 127.0)
    match kind:
        case "uniform":
            return draw.uniform(1.0, BEYOND, share_of(40_000))
        case "even in the logarithm":
            return np.exp(draw.uniform(0.0, 4.85, share_of(30_000)))
        case "two decimals":
            return np.round(draw.uniform(1.0, 126.0, share_of(20_000)), 2)
        case "neighbours of whole numbers":
            steps = draw.integers(-40, 40, (share_of(100), len(whole)))
            return (whole.view(np.int64) + steps).view(np.float64).reshape(-1)
        case _:
            return whole


@pytest.mark.parametrize(
    "kind", ["uniform", "even in the logarithm", "two decimals", "neighbours of whole numbers", "whole"]
)
def test_every_logarithm_has_the_64_bits_of_the_domain(kind: str) -> None:
    x = sample(kind)
    assert bits(ln_of(x)) == bits(of_the_domain(x))


def test_the_fast_way_decides_nearly_always() -> None:
    x = sample("uniform")
    assert sum(ln_core(value)[1] for value in x.tolist()) >= len(x) - 2


def test_what_the_fast_way_can_not_decide_goes_to_the_domain() -> None:
    # So near to 1 the logarithm is so small that 2^-80 is more than half a unit of its last place.
    x = np.array([1.0 + n * 2.0**-52 for n in range(1, 50)])
    assert not any(ln_core(value)[1] for value in x.tolist())
    assert bits(ln_of(x)) == bits(of_the_domain(x))


def test_what_lies_outside_of_the_tables_goes_to_the_domain() -> None:
    x = np.array([5e-324, 0.001, 0.5, np.nextafter(1.0, 0.0), 128.0, 1e6, 1.7e308, np.inf])
    assert not any(ln_core(value)[1] for value in x.tolist())
    assert bits(ln_of(x)) == bits(of_the_domain(x))


def test_the_shape_is_kept() -> None:
    assert ln_of([[1.0, 2.0], [3.0, 4.5]]).shape == (2, 2)
    assert ln_of(7.25) == ln(7.25)
    assert ln_of(np.empty(0)).shape == (0,)
