"""Engines of the old signature as other teams might have written them: honest, broken, odd."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from exitbrain import AdaptiveLevels, AdaptiveLeverageEngine

PLAIN: dict[str, Any] = {
    "tp1_pct": 0.01,
    "tp2_pct": 0.02,
    "tp3_pct": 0.03,
    "sl_pct": 0.01,
    "harvest_scheme": [0.3, 0.3, 0.4],
    "lsf": 0.25,
}


class Giving:
    """Give what a subclass says, whatever it is asked."""

    gives: Any = SimpleNamespace(**PLAIN)

    def __init__(self, base_tp: float, base_sl: float) -> None:
        self.bases = (base_tp, base_sl)

    def compute_levels(self, *given: float, **modifiers: float | None) -> Any:
        return self.gives


def _closing(*shares: float) -> Any:
    return SimpleNamespace(**{**PLAIN, "harvest_scheme": list(shares)})


class FirstTarget(Giving):
    """Close everything at TP1."""

    gives = _closing(1.0, 0.0, 0.0)


class SecondTarget(Giving):
    """Close everything at TP2."""

    gives = _closing(0.0, 1.0, 0.0)


class LastTarget(Giving):
    """Close everything at TP3."""

    gives = _closing(0.0, 0.0, 1.0)


class HalvesTarget(Giving):
    """Close halves at TP1 and TP2."""

    gives = _closing(0.5, 0.5, 0.0)


class LateHalvesTarget(Giving):
    """Close halves at TP2 and TP3."""

    gives = _closing(0.0, 0.5, 0.5)


class Failing(Giving):
    """Fail for every leverage above 15."""

    def compute_levels(self, *given: Any, **modifiers: Any) -> Any:
        if given[2] > 15.0:
            raise ValueError(f"no levels\nfor {given[2]}")
        return AdaptiveLeverageEngine().compute_levels(*given, **modifiers)


class Leaving(Giving):
    """End the process."""

    def compute_levels(self, *given: float, **modifiers: float | None) -> Any:
        raise SystemExit(0)


class Unspeakable(Exception):
    """An error that cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Speechless(Giving):
    """Fail with an error that cannot be printed."""

    def compute_levels(self, *given: float, **modifiers: float | None) -> Any:
        raise Unspeakable


class Unbuildable(Giving):
    """Refuse to be built."""

    def __init__(self, base_tp: float, base_sl: float) -> None:
        raise KeyError("no configuration")


class Mute:
    """Has no method of the old name."""

    def __init__(self, base_tp: float, base_sl: float) -> None:
        self.bases = (base_tp, base_sl)


class WiderStops(AdaptiveLeverageEngine):
    """The old engine with a stop five times as wide above 15x."""

    def compute_levels(
        self,
        base_tp_pct: float,
        base_sl_pct: float,
        leverage: float,
        volatility_factor: float | None = None,
        funding_delta: float | None = None,
        exchange_divergence: float | None = None,
    ) -> AdaptiveLevels:
        levels = super().compute_levels(
            base_tp_pct, base_sl_pct, leverage, volatility_factor, funding_delta, exchange_divergence
        )
        return replace(levels, sl_pct=levels.sl_pct * 5.0) if leverage > 15.0 else levels
