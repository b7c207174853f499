"""Judges of policies: do paired days prove anything?"""

from collections.abc import Sequence
from typing import Protocol

from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.verdict import Evidence, FamilyEvidence


class Judges(Protocol):
    """Judge policies on days that are drawn again and again; the same seed gives the same bits."""

    def policy(self, comparisons: Sequence[Comparison], *, seed: int) -> Evidence:
        """Judge the one policy that was compared with the baseline."""

    def family(self, comparisons: Sequence[Comparison], *, seed: int) -> FamilyEvidence:
        """Judge every policy with all of them in view."""
