"""Judges of policies: do paired days prove anything?"""

from collections.abc import Sequence
from typing import Protocol

from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.verdict import FamilyJudgement, Judgement


class Judges(Protocol):
    """Judge policies on days that are drawn again and again; the same seed gives the same bits."""

    def policy(self, comparisons: Sequence[Comparison], *, seed: int) -> Judgement:
        """Judge the one policy that was compared with the baseline."""

    def family(self, comparisons: Sequence[Comparison], *, seed: int) -> FamilyJudgement:
        """Judge every policy with all of them in view."""
