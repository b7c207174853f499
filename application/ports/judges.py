"""Judges of policies: whether paired days prove a difference."""

from collections.abc import Sequence
from typing import Protocol

from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.verdict import Evidence, FamilyEvidence


class Judges(Protocol):
    """Judge policies by resampling days; the same seed gives the same bits."""

    def policy(self, comparisons: Sequence[Comparison], *, seed: int) -> Evidence:
        """Judge a single policy against the baseline."""

    def family(self, comparisons: Sequence[Comparison], *, seed: int) -> FamilyEvidence:
        """Judge every policy as one of a family."""
