"""The old engine, tracker and integration layer under their old names, on the one formula text.

All of it is pure, works in memory and records nothing; to record, use `exitbrain.ExitBrain`.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exitbrain.domain.algebra import FloatAlgebra
from exitbrain.domain.errors import InvalidValue, WrongState
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.lsf_3_5 import Lsf35Parameters
from exitbrain.domain.policies.formulas.pnl_feedback import pnl_factor
from exitbrain.domain.policies.formulas.registry import V3_5, V3_5_FRACTION, compute
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.positions.performance import WINDOW, PnLWindow
from exitbrain.domain.values import Side
from exitbrain.infrastructure.library.arguments import check
from exitbrain.infrastructure.library.given import double

_CONSTANTS = Lsf35Parameters()


@dataclass(frozen=True, slots=True)
class AdaptiveLevels:
    """The levels of one computation: distances from the entry in the unit of the bases, harvest fractions, LSF.

    `harvest_scheme` is a list of three fractions that sum to 1.
    """

    tp1_pct: float
    tp2_pct: float
    tp3_pct: float
    sl_pct: float
    harvest_scheme: list[float]
    lsf: float

    if not TYPE_CHECKING:  # type checkers must keep refusing these names

        def __getattr__(self, name: str) -> object:
            right = {"tp1": "tp1_pct", "tp2": "tp2_pct", "tp3": "tp3_pct", "sl": "sl_pct", "LSF": "lsf"}.get(
                name
            )
            hint = f"; its name is {right}" if right else ""
            raise AttributeError(f"AdaptiveLevels has no {name}{hint}", name=name, obj=self)


class AdaptiveLeverageEngine:
    """Compute the levels of formula lsf-3.5 with all its inputs; pure and in memory, it records nothing.

    Distances are in the unit of the bases. The constants are fractions (0.003 = 0.3 %), so the bases are meant to
    be fractions too: with percents the stop is cut to `SL_CLAMP_MAX`, 0.02, read as two basis points.
    `base_tp` and `base_sl` of the constructor are kept for callers that read them; each computation is given its own.

    A leverage below 1 counts as 1, a negative base as 0. One above 125 is computed: only the recording way refuses it.
    Raises InvalidValue for what is no number from -1e15 to 1e15.
    """

    SL_CLAMP_MIN = _CONSTANTS.clamp_min
    SL_CLAMP_MAX = _CONSTANTS.clamp_max
    TP_MIN = _CONSTANTS.tp_min
    SL_MIN = _CONSTANTS.sl_min

    def __init__(self, base_tp: float = 0.01, base_sl: float = 0.005) -> None:
        self.base_tp = double("base_tp", base_tp)
        self.base_sl = double("base_sl", base_sl)

    def compute_levels(
        self,
        base_tp_pct: float,
        base_sl_pct: float,
        leverage: float,
        volatility_factor: float | None = None,
        funding_delta: float | None = None,
        exchange_divergence: float | None = None,
    ) -> AdaptiveLevels:
        """Return the levels for these bases; a modifier that is None counts as 0."""
        raw = _raw_levels(
            V3_5_FRACTION,
            leverage=double("leverage", leverage),
            base_tp=double("base_tp_pct", base_tp_pct),
            base_sl=double("base_sl_pct", base_sl_pct),
            volatility=_modifier("volatility_factor", volatility_factor),
            funding=_modifier("funding_delta", funding_delta),
            divergence=_modifier("exchange_divergence", exchange_divergence),
        )
        return AdaptiveLevels(raw.tp1, raw.tp2, raw.tp3, raw.sl, list(raw.harvest), raw.lsf)

    def compute_lsf(self, leverage: float) -> float:
        """Return the leverage sensitivity factor, 1/(1+ln(L+1)), between 0 and 0.6."""
        return _raw_levels(V3_5_FRACTION, leverage=double("leverage", leverage)).lsf

    def harvest_scheme_for(self, leverage: float) -> list[float]:
        """Return the fractions of the position closed at TP1, TP2 and TP3; they sum to 1."""
        return list(_raw_levels(V3_5_FRACTION, leverage=double("leverage", leverage)).harvest)

    def optimize_based_on_pnl(self, avg_pnl: float, confidence: float) -> float:
        """Return the PnL factor, 0.8 to 1.2, for an average result in percent (0.3 = 0.3 %) and a confidence 0..1.

        lsf-3.5 does not apply it; policy v3.6 multiplies the LSF of its targets by it.
        """
        average, trust = double("avg_pnl", avg_pnl), double("confidence", confidence)
        factor: float = pnl_factor(FloatAlgebra(), average, trust, Lsf35Parameters())
        return factor

    if not TYPE_CHECKING:  # type checkers must keep refusing this name

        def __getattr__(self, name: str) -> object:
            hint = "; its name is harvest_scheme_for" if name == "get_harvest_scheme" else ""
            raise AttributeError(f"AdaptiveLeverageEngine has no {name}{hint}", name=name, obj=self)


class PnLTracker:
    """Keep the last `max_history` results; pure and in memory, it records nothing.

    Results are numbers in whatever unit they are added; every mean is in the same.
    """

    def __init__(self, max_history: int = 20) -> None:
        check("max_history", max_history, int, "a whole number from 1")
        if max_history < 1:
            raise InvalidValue("max_history", max_history, "a whole number from 1")
        self.max_history = max_history
        self._trades: deque[_Trade] = deque(maxlen=max_history)

    def add_trade(self, pnl: float, symbol: str, leverage: float) -> None:
        """Keep one result; beyond `max_history` the oldest is dropped."""
        self._trades.append(_Trade(double(f"{symbol} pnl", pnl), double(f"{symbol} leverage", leverage)))

    def avg_last_20(self) -> float:
        """Return the mean of the last results, 20 at most; 0.0 when there are none."""
        return PnLWindow(tuple(trade.pnl for trade in self._trades)).average  # which keeps 20 at most

    def get_avg_pnl(self) -> float:
        """Return `avg_last_20()`, under its other old name."""
        return self.avg_last_20()

    def win_rate(self) -> float:
        """Return the share of results above 0, from 0 to 1; 0.0 when there are none."""
        if not self._trades:
            return 0.0
        return len([trade for trade in self._trades if trade.pnl > 0]) / len(self._trades)

    def avg_by_leverage(self, leverage_range: tuple[float, float]) -> float:
        """Return the mean of the results with a leverage from low to high, both included; 0.0 if there are none."""
        check(
            "leverage_range",
            leverage_range,
            (tuple, list),
            "the least and the greatest leverage, (low, high)",
        )
        low, high = leverage_range
        return _mean(trade.pnl for trade in self._trades if low <= trade.leverage <= high)

    def get_stats(self) -> dict[str, float]:
        """Return `avg_pnl`, `win_rate`, `total_trades`, `best_trade`, `worst_trade` of all results kept, else zeros."""
        results = [trade.pnl for trade in self._trades]
        return {
            "avg_pnl": _mean(results),
            "win_rate": self.win_rate(),
            "total_trades": len(results),
            "best_trade": max(results, default=0.0),
            "worst_trade": min(results, default=0.0),
        }


class ExitBrainV35Integration:
    """Compute levels as policy `v3.5` deployed them, in percent; pure and in memory, it records nothing.

    The policy's stop comes out as 0.02 %, inside the costs of one round trip: that is what ran. No failure is
    hidden behind default levels: every method raises, WrongState when it is disabled and InvalidValue for what is
    no number from -1e15 to 1e15. Funding and divergence were never passed and are not here.
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._tracker = PnLTracker(WINDOW)

    def compute_adaptive_levels(
        self,
        symbol: str,
        leverage: float,
        volatility_factor: float = 1.0,
        base_tp: float | None = None,
        base_sl: float | None = None,
        confidence: float = 0.8,
    ) -> dict[str, float | list[float]]:
        """Return `tp1 tp2 tp3 sl` in percent, `LSF`, `harvest_scheme` and `avg_pnl_last_20`.

        The bases are percents, 1.0 and 0.5 where None, and hold for this call alone. Confidence is checked and,
        as in v3.5, not applied.
        """
        self._check_enabled(f"levels for {symbol}")
        double(f"{symbol} confidence", confidence)
        parameters = V3_5.parameters
        raw = _raw_levels(
            V3_5,
            leverage=double(f"{symbol} leverage", leverage),
            base_tp=parameters["base_tp"] if base_tp is None else double(f"{symbol} base_tp", base_tp),
            base_sl=parameters["base_sl"] if base_sl is None else double(f"{symbol} base_sl", base_sl),
            volatility=double(f"{symbol} volatility_factor", volatility_factor),
        )
        return {
            "tp1": raw.tp1,
            "tp2": raw.tp2,
            "tp3": raw.tp3,
            "sl": raw.sl,
            "LSF": raw.lsf,
            "harvest_scheme": list(raw.harvest),
            "avg_pnl_last_20": self._tracker.avg_last_20(),
        }

    def record_trade_result(self, symbol: str, pnl_pct: float, leverage: float) -> None:
        """Add a price return in percent to the last 20; it is kept in memory, not in a record."""
        self._check_enabled(f"a result of {symbol}")
        self._tracker.add_trade(pnl_pct, symbol, leverage)

    def get_pnl_stats(self) -> dict[str, float]:
        """Return the statistics of the last 20 results; see `PnLTracker.get_stats`."""
        self._check_enabled("the statistics")
        return self._tracker.get_stats()

    def _check_enabled(self, asked: str) -> None:
        if not self.enabled:
            raise WrongState(
                f"ExitBrainV35Integration is disabled and was asked for {asked}; it gives no default levels: "
                "build it with enabled=True, or do not call it"
            )


class _Trade(NamedTuple):
    pnl: float
    leverage: float


def _raw_levels(
    policy: Policy,
    *,
    leverage: float,
    base_tp: float = 0.0,
    base_sl: float = 0.0,
    volatility: float = 0.0,
    funding: float = 0.0,
    divergence: float = 0.0,
) -> RawLevels:
    inputs = LevelInputs(
        side=Side.LONG,  # lsf-3.5 does not read it
        leverage=leverage,
        leverage_assumed=False,
        volatility=volatility,
        funding=funding,
        divergence=divergence,
        confidence=0.8,
        average_pnl=0.0,
        base_tp=max(base_tp, 0.0),
        base_sl=max(base_sl, 0.0),
        fee_bps=0.0,
        slippage_bps=0.0,
        entry_price=None,
        quantity=None,
    )
    return compute(policy, inputs)


def _modifier(field: str, value: float | None) -> float:
    return 0.0 if value is None else double(field, value)


def _mean(results: Iterable[float]) -> float:
    """Return the mean by a plain loop: the builtin sum rounds differently from version to version."""
    total, count = 0.0, 0
    for result in results:
        total = total + result
        count += 1
    return total / count if count else 0.0
