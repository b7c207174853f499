"""The PnL window: the last 20 results and their mean."""

from decimal import Decimal

from exitbrain.domain.positions.performance import PnLWindow


def _window(*results: str) -> PnLWindow:
    window = PnLWindow()
    for result in results:
        window.add(Decimal(result))
    return window


def test_no_results_average_0() -> None:
    assert PnLWindow().average == 0.0
    assert PnLWindow().trades == 0


def test_the_mean_is_a_plain_sum_oldest_first() -> None:
    """An exact sum would give 0.3 for both."""
    assert _window("0.1", "0.2", "0.3", "0.6").average == 0.30000000000000004
    assert _window("0.6", "0.3", "0.2", "0.1").average == 0.3


def test_results_of_nothing_average_a_positive_zero() -> None:
    assert str(_window("-0", "-0").average) == "0.0"


def test_the_oldest_of_more_than_20_leaves() -> None:
    window = _window("1000", *["1"] * 20)

    assert window.trades == 20
    assert window.average == 1.0


def test_a_copy_is_independent() -> None:
    window = _window("1")
    twin = window.copy()

    twin.add(Decimal(3))

    assert (window.trades, window.average) == (1, 1.0)
    assert (twin.trades, twin.average) == (2, 2.0)
