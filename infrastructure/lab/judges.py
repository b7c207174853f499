"""The laboratory's statistics behind the port of judges, loaded on first use."""
# ruff: noqa: PLC0415 - an extra

from collections.abc import Sequence

from exitbrain.domain.evidence.comparison import Comparison
from exitbrain.domain.evidence.verdict import Evidence, FamilyEvidence


class Statistics:
    """Judge policies by resampling days."""

    def policy(self, comparisons: Sequence[Comparison], *, seed: int) -> Evidence:
        from exitbrain.infrastructure.lab.statistics import judge_policy

        return judge_policy(comparisons, seed=seed)

    def family(self, comparisons: Sequence[Comparison], *, seed: int) -> FamilyEvidence:
        from exitbrain.infrastructure.lab.statistics import judge_family

        return judge_family(comparisons, seed=seed)
