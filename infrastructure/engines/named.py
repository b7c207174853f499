"""Choose the engine by a policy's formula: built in, or a foreign engine that the user has named."""

from collections.abc import Sequence

from exitbrain.application.ports.level_engine import BUILT_IN
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.formulas.registry import FORMULAS
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.engines.foreign import ForeignEngine


class NamedEngines:
    """Compute with the built-in formulas and the foreign engines given to the constructor.

    A decision records which engine it used. A foreign engine named only in a store is not loaded: stored data
    must not decide which code runs.
    """

    name = BUILT_IN

    def __init__(self, *foreign: str) -> None:
        """Load the foreign engines; raises the errors of `ForeignEngine`."""
        self._built_in = BuiltInFormulas()
        self._foreign = {name: ForeignEngine(name) for name in foreign}

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        if policy.formula in FORMULAS:
            return self._built_in.compute(policy, inputs, brackets)
        engine = self._foreign.get(policy.formula)
        if engine is None:
            raise UnknownPolicy(policy.formula, (*FORMULAS, *self._foreign))
        return engine.compute(policy, inputs, brackets)
