"""The engine that computes raw levels; units, rounding, binding and guards stay in the domain."""

from collections.abc import Sequence
from typing import Protocol

from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.levels.instrument import Bracket
from exitbrain.domain.levels.levels import LevelInputs, RawLevels
from exitbrain.domain.policies.policy import Policy

BUILT_IN = "exitbrain"
"""The recorded engine name of the formulas shipped with this version."""


class EngineUnavailable(ExitBrainError):
    """An engine cannot be loaded; the message names it and says why."""


class EngineFailed(ExitBrainError):
    """An engine gave no usable answer; the message names it and says what it did instead."""


class LevelEngine(Protocol):
    """Compute raw levels: synchronous, pure, no I/O.

    Every decision names the engine that computed it: by its text attribute `name` if it has one, else by its
    class as `module:Class`.
    """

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        """Return the raw levels in the policy's unit.

        The answer is checked: real numbers become doubles, the four distances are above 0, the harvest shares
        sum to 1, or `refusal` is a known code. Raises UnknownPolicy if it does not have the formula,
        EngineFailed if it has no levels to give. While recording, any error or an answer that fails the
        checks refuses the message with reason ENGINE_FAILED.
        """
