"""The engine that computes raw levels; units, rounding, binding and guards stay in the domain."""

from collections.abc import Sequence
from typing import Protocol

from exitbrain.domain.instrument import Bracket
from exitbrain.domain.levels import LevelInputs, RawLevels
from exitbrain.domain.policy import Policy


class LevelEngine(Protocol):
    """Compute raw levels: synchronous, pure, no I/O."""

    def compute(self, policy: Policy, inputs: LevelInputs, brackets: Sequence[Bracket]) -> RawLevels:
        """Return the raw levels in the policy's unit; raises UnknownPolicy where it has no such formula."""
