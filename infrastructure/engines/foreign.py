"""A foreign engine: a class with the old signature behind the engine port.

It is imported by its name, `foreign:package.module:Class`. It gets the inputs of the old signature, and of the
others (`MORE_INPUTS`) those that its method names as parameters. It returns four distances, a harvest scheme and
an LSF, and may return the other fields of `RawLevels`. One that it leaves out has a fixed value: the PnL factor
follows the feedback rule but is not applied, as in lsf-3.5; the floor is 0, the cap is the whole entry price, and
nothing binds. Units, rounding, slices and guards stay in the domain, which checks its levels like those of any
engine.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib import import_module
from inspect import Parameter, signature
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
MORE_INPUTS: dict[str, Callable[[LevelInputs, Sequence[Bracket]], object]] = {
    "side": lambda x, _: x.side.value,
    "confidence": lambda x, _: x.confidence,
    "average_pnl": lambda x, _: x.average_pnl,
    "fee_bps": lambda x, _: x.fee_bps,
    "slippage_bps": lambda x, _: x.slippage_bps,
    "entry_price": lambda x, _: _double_or_none(x.entry_price),
    "quantity": lambda x, _: _double_or_none(x.quantity),
    "leverage_assumed": lambda x, _: x.leverage_assumed,
    "brackets": lambda _, brackets: tuple(brackets),
}
"""The inputs beyond the old signature, by the name of the parameter that asks for them."""

_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_FACTOR = Lsf35Parameters()
_BASES = {policy.unit: policy.parameters for policy in (V3_5, V3_5_FRACTION)}


def foreign_policy(name: str, unit: Unit = Unit.FRACTION, *, ignores: tuple[str, ...] = ()) -> Policy:
    """Return the policy of a foreign engine, with the bases of v3.5-fraction, or those of v3.5 for percent.

    Raises InvalidValue unless the name has the form `foreign:package.module:Class`.
    """
    if not _NAME.fullmatch(name):
        raise InvalidValue("policy", name, NAME_FORM)
    bases = {base: _BASES[unit][base] for base in ("base_tp", "base_sl")}
    return Policy(name=name, formula=name, unit=unit, parameters=bases, ignores=ignores)


class ForeignEngine:
    """Compute with a class of the old signature, one kept instance for each pair of bases."""

    def __init__(self, name: str) -> None:
        """Load the class; raises InvalidValue for an invalid name, EngineUnavailable if loading fails."""
        self.name = name
        self._class = _loaded(name)
        self._more = _more_inputs_of(self._class)
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
                **{name: read(inputs, brackets) for name, read in self._more.items()},
            )
        except SystemExit as error:  # an engine must not end the command
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
    except (Exception, SystemExit) as error:  # importing a module can raise anything
        raise EngineUnavailable(f"engine {name} cannot be loaded: {said_by(error)}") from error
    loaded = getattr(module, class_name, None)
    if not callable(loaded):
        raise EngineUnavailable(
            f"engine {name} cannot be loaded: module {module_name} has no class {class_name}"
        )
    if not callable(getattr(loaded, "compute_levels", None)):
        raise EngineUnavailable(f"engine {name} has no method compute_levels")
    return loaded


def _more_inputs_of(engine: Any) -> dict[str, Callable[[LevelInputs, Sequence[Bracket]], object]]:
    """Return the further inputs that the method names as parameters; `**kwargs` asks for none."""
    try:
        parameters = signature(engine.compute_levels).parameters
    except (TypeError, ValueError):  # compiled code may not tell its signature
        return {}
    return {
        name: read
        for name, read in MORE_INPUTS.items()
        if name in parameters and parameters[name].kind in _NAMED
    }


def _double_or_none(number: Decimal | None) -> float | None:
    return None if number is None else float(number)


def _raw_levels(unit: Unit, x: LevelInputs, levels: object) -> RawLevels:
    """Return its answer with the missing fields filled in; `checked_levels` checks it later."""
    lsf = _given(levels, "lsf")
    factor = pnl_factor(FloatAlgebra(), x.average_pnl, x.confidence, _FACTOR)
    return RawLevels(
        lsf=lsf,
        pnl_factor=_given_or(levels, "pnl_factor", factor),
        lsf_adjusted=_given_or(levels, "lsf_adjusted", lsf),
        tp1=_given(levels, "tp1_pct"),
        tp2=_given(levels, "tp2_pct"),
        tp3=_given(levels, "tp3_pct"),
        sl=_given(levels, "sl_pct"),
        harvest=_given(levels, "harvest_scheme"),
        floor=_given_or(levels, "floor", 0.0),
        cap=_given_or(levels, "cap", 100.0 if unit is Unit.PERCENT else 1.0),
        refusal=_given_or(levels, "refusal", None),
        bounds=_given_or(levels, "bounds", ()),
    )


def _given(levels: object, field: str) -> Any:
    if not hasattr(levels, field):
        raise EngineFailed(f"what it gave is {levels!r}; allowed: an object with {field}")
    return getattr(levels, field)


def _given_or(levels: object, field: str, otherwise: Any) -> Any:
    given = getattr(levels, field, None)
    return otherwise if given is None else given
