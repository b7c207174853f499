"""The engine that computes raw levels; units, rounding, binding and guards stay in the domain."""

from collections.abc import Sequence
from typing import Protocol

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.instrument import Bracket
from exitbrain.domain.levels import LevelInputs, RawLevels
from exitbrain.domain.policy import Policy


class EngineUnavailable(ExitBrainError):
    """An engine can not be loaded; the message names it and says why."""


class EngineFailed(ExitBrainError):
    """An engine gave nothing that can be judged; the message names it and says what it did instead."""


class LevelEngine(Protocol):
    """Compute raw levels: synchronous, pure, no I/O."""

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        """Return the raw levels in the policy's unit.

        Raises UnknownPolicy where it has no such formula, EngineFailed where code that is not ours gave no levels.
        """
