"""The drop-in for the old integration layer: what it gave, and no failure behind default levels."""

from collections.abc import Callable
from typing import Any

import pytest

from exitbrain import ExitBrainV35Integration, InvalidValue, WrongState


def test_levels_are_those_that_the_old_layer_published() -> None:
    levels = ExitBrainV35Integration().compute_adaptive_levels("ETHUSDT", 20, 1.5)

    assert levels == {
        "tp1": 0.847247979309735,
        "tp2": 1.3236239896548674,
        "tp3": 1.8618119948274339,
        "sl": 0.02,
        "LSF": 0.24724797930973505,
        "harvest_scheme": [0.4, 0.4, 0.2],
        "avg_pnl_last_20": 0.0,
    }


@pytest.mark.parametrize(
    ("leverage", "volatility", "tp1", "tp3", "lsf", "harvest"),
    [
        (10, 1.0, 0.894, 1.874, 0.294, [0.3, 0.3, 0.4]),
        (20, 1.5, 0.847, 1.862, 0.247, [0.4, 0.4, 0.2]),
        (5, 0.7, 0.958, 1.890, 0.358, [0.3, 0.3, 0.4]),
        (30, 1.2, 0.826, 1.856, 0.226, [0.4, 0.4, 0.2]),
    ],
)
def test_levels_are_those_of_the_status_report(
    leverage: float, volatility: float, tp1: float, tp3: float, lsf: float, harvest: list[float]
) -> None:
    levels: dict[str, Any] = ExitBrainV35Integration().compute_adaptive_levels(
        "BTCUSDT", leverage, volatility
    )

    assert [round(levels[name], 3) for name in ("tp1", "tp3", "sl", "LSF")] == [tp1, tp3, 0.02, lsf]
    assert levels["harvest_scheme"] == harvest


def test_volatility_defaults_to_one() -> None:
    layer = ExitBrainV35Integration()

    # Bases so small that the clamp leaves the stop alone: only then does volatility show.
    default = layer.compute_adaptive_levels("BTCUSDT", 10, base_sl=0.005)
    assert default == layer.compute_adaptive_levels("BTCUSDT", 10, 1.0, base_sl=0.005)
    assert default != layer.compute_adaptive_levels("BTCUSDT", 10, 0.0, base_sl=0.005)


def test_bases_are_percents_and_hold_for_one_call() -> None:
    layer = ExitBrainV35Integration()
    plain = layer.compute_adaptive_levels("BTCUSDT", 10)

    doubled: dict[str, Any] = layer.compute_adaptive_levels("BTCUSDT", 10, base_tp=2.0, base_sl=0.001)

    assert doubled["tp1"] == pytest.approx(2 * 0.8942998296638024)
    assert doubled["sl"] == pytest.approx(0.0018774721)
    assert layer.compute_adaptive_levels("BTCUSDT", 10) == plain


def test_results_are_averaged_and_published_along() -> None:
    layer = ExitBrainV35Integration()
    layer.record_trade_result("BTCUSDT", 1.0, 10.0)
    layer.record_trade_result("ETHUSDT", -0.5, 20.0)

    assert layer.compute_adaptive_levels("BTCUSDT", 10)["avg_pnl_last_20"] == 0.25
    assert layer.get_pnl_stats() == {
        "avg_pnl": 0.25,
        "win_rate": 0.5,
        "total_trades": 2,
        "best_trade": 1.0,
        "worst_trade": -0.5,
    }


def test_results_and_confidence_do_not_move_the_levels_of_v3_5() -> None:
    layer = ExitBrainV35Integration()
    before = layer.compute_adaptive_levels("BTCUSDT", 10)
    layer.record_trade_result("BTCUSDT", -5.0, 10.0)

    after = layer.compute_adaptive_levels("BTCUSDT", 10, confidence=0.1)

    assert {**after, "avg_pnl_last_20": 0.0} == before


@pytest.mark.parametrize(
    "use",
    [
        lambda layer: layer.compute_adaptive_levels("BTCUSDT", 10),
        lambda layer: layer.record_trade_result("BTCUSDT", 1.0, 10.0),
        lambda layer: layer.get_pnl_stats(),
    ],
    ids=["levels", "result", "statistics"],
)
def test_a_disabled_layer_raises_instead_of_default_levels(
    use: Callable[[ExitBrainV35Integration], Any],
) -> None:
    with pytest.raises(
        WrongState, match=r"disabled .*; it gives no default levels: build it with enabled=True"
    ):
        use(ExitBrainV35Integration(enabled=False))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("leverage", {"leverage": float("nan")}),
        ("volatility_factor", {"volatility_factor": float("inf")}),
        ("base_tp", {"base_tp": "1.0"}),
        ("base_sl", {"base_sl": float("nan")}),
        ("confidence", {"confidence": None}),
    ],
)
def test_a_failure_names_symbol_and_field_and_gives_no_levels(field: str, change: dict[str, Any]) -> None:
    compute: Any = ExitBrainV35Integration().compute_adaptive_levels

    with pytest.raises(InvalidValue, match=rf"^BTCUSDT {field} is "):
        compute(**{"symbol": "BTCUSDT", "leverage": 10, **change})


def test_a_result_that_can_not_be_kept_raises() -> None:
    with pytest.raises(InvalidValue, match=r"^BTCUSDT pnl is nan"):
        ExitBrainV35Integration().record_trade_result("BTCUSDT", float("nan"), 10.0)
