"""A foreign engine: a class of the old signature, named `foreign:package.module:Class`, behind the engine port.

It is loaded by its name from wherever Python finds modules, and asked for four distances, a harvest scheme and an
LSF. What it does not tell is filled in openly: the PnL factor is that of the feedback rule and not applied, as in
lsf-3.5; there is no floor (0) and no cap (the whole entry price); nothing binds. Units, rounding, slices and guards
stay in the domain, which checks and judges its levels like those of any engine.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from exitbrain.application.engine_answer import said_by
from exitbrain.application.ports.level_engine import EngineFailed, EngineUnavailable
from exitbrain.domain.algebra import FloatAlgebra
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.lsf_3_5 import Lsf35Parameters
from exitbrain.domain.policies.formulas.pnl_feedback import pnl_factor
from exitbrain.domain.policies.formulas.registry import V3_5, V3_5_FRACTION
from exitbrain.domain.policies.policy import FOREIGN, Policy
from exitbrain.domain.values import Unit

NAME_FORM = f"{FOREIGN}package.module:Class"
_NAME = re.compile(rf"{FOREIGN}((?:[^\W\d]\w*\.)*[^\W\d]\w*):([^\W\d]\w*)")
_FACTOR = Lsf35Parameters()
_BASES = {policy.unit: policy.parameters for policy in (V3_5, V3_5_FRACTION)}


def foreign_policy(name: str, unit: Unit = Unit.FRACTION, *, ignores: tuple[str, ...] = ()) -> Policy:
    """Return the policy that a foreign engine is; its bases are those of v3.5-fraction, in percent those of v3.5.

    Raises InvalidValue for a name that is not of the form `foreign:package.module:Class`.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValue("policy", name, NAME_FORM)
    bases = {base: _BASES[unit][base] for base in ("base_tp", "base_sl")}
    return Policy(name=name, formula=name, unit=unit, parameters=bases, ignores=ignores)


class ForeignEngine:
    """Compute with a class of the old signature; one instance for each pair of bases, kept as its users keep it."""

    def __init__(self, name: str) -> None:
        """Load the class; raises InvalidValue for an invalid name, EngineUnavailable where it cannot be loaded."""
        self.name = name
        self._class = _loaded(name)
        self._built: dict[tuple[float, float], Any] = {}

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        engine = self._engine(policy.parameters["base_tp"], policy.parameters["base_sl"])
        try:
            levels = engine.compute_levels(
                inputs.base_tp,
                inputs.base_sl,
                inputs.leverage,
                volatility_factor=inputs.volatility,
                funding_delta=None if "funding" in policy.ignores else inputs.funding,
                exchange_divergence=None if "divergence" in policy.ignores else inputs.divergence,
            )
        except SystemExit as error:  # it was named to compute, not to end the command
            raise EngineFailed(said_by(error)) from error
        return _raw_levels(policy.unit, inputs, levels)

    def _engine(self, base_tp: float, base_sl: float) -> Any:
        bases = (base_tp, base_sl)
        if bases not in self._built:
            try:
                self._built[bases] = self._class(base_tp=base_tp, base_sl=base_sl)
            except (Exception, SystemExit) as error:
                raise EngineUnavailable(f"engine {self.name} cannot be built: {said_by(error)}") from error
        return self._built[bases]


def _loaded(name: str) -> Any:
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidValue("engine", name, NAME_FORM)
    module_name, class_name = match.groups()
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:  # a module may do anything while it is imported
        raise EngineUnavailable(f"engine {name} cannot be loaded: {said_by(error)}") from error
    loaded = getattr(module, class_name, None)
    if not callable(loaded):
        raise EngineUnavailable(
            f"engine {name} cannot be loaded: module {module_name} has no class {class_name}"
        )
    if not callable(getattr(loaded, "compute_levels", None)):
        raise EngineUnavailable(f"engine {name} has no method compute_levels")
    return loaded


def _raw_levels(unit: Unit, x: LevelInputs, levels: object) -> RawLevels:
    """Return what it gave with what it does not tell; whether these are levels is for `checked_levels` to say."""
    lsf = _given(levels, "lsf")
    return RawLevels(
        lsf=lsf,
        pnl_factor=pnl_factor(FloatAlgebra(), x.average_pnl, x.confidence, _FACTOR),
        lsf_adjusted=lsf,
        tp1=_given(levels, "tp1_pct"),
        tp2=_given(levels, "tp2_pct"),
        tp3=_given(levels, "tp3_pct"),
        sl=_given(levels, "sl_pct"),
        harvest=_given(levels, "harvest_scheme"),
        floor=0.0,
        cap=100.0 if unit is Unit.PERCENT else 1.0,
        refusal=None,
        bounds=(),
    )


def _given(levels: object, field: str) -> Any:
    if not hasattr(levels, field):
        raise EngineFailed(f"what it gave is {levels!r}; allowed: an object with {field}")
    return getattr(levels, field)
