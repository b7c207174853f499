"""The built-in level engine: the formulas of the domain, compiled."""

from collections.abc import Sequence

from exitbrain.application.ports.level_engine import BUILT_IN
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.levels.liquidation import UNKNOWN, Liquidation, liquidation_in_floats
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.engines.compiled import CompiledFormula, compiled, reads_liquidation


class BuiltInFormulas:
    """Compute levels with the shipped formulas, in the same 64 bits as their float interpreter."""

    def __init__(self) -> None:
        mine = type(self)  # a host may subclass this engine
        self.name = BUILT_IN if mine is BuiltInFormulas else f"{mine.__module__}:{mine.__qualname__}"
        self._last: tuple[Policy, CompiledFormula, bool] | None = None

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        last = self._last
        if last is None or policy is not last[0]:  # nearly always the same object as before
            last = self._last = (policy, compiled(policy), reads_liquidation(policy))
        _, formula, reads = last
        return formula(inputs, _liquidation_of(inputs, brackets) if reads and brackets else UNKNOWN)


def _liquidation_of(x: LevelInputs, brackets: Sequence[Bracket]) -> Liquidation:
    direction = float(x.side.direction)
    if x.entry_price is None or x.quantity is None:
        return liquidation_in_floats(direction, 1.0, None, x.leverage, brackets)
    return liquidation_in_floats(direction, float(x.entry_price), float(x.quantity), x.leverage, brackets)
