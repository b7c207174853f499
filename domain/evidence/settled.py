"""A verdict that must hold under every reading of the recorded closes."""

from collections.abc import Sequence

from exitbrain.domain.evidence.verdict import (
    Evidence,
    FamilyEvidence,
    Recommendation,
    RecommendationReason,
)
from exitbrain.domain.values import changed


def settled(asked: Evidence, others: Sequence[Evidence]) -> Evidence:
    """Return the evidence asked for, inconclusive if another reading of the closes gives another verdict."""
    if all(other.verdict is asked.verdict for other in others):
        return asked
    return changed(asked, verdict=Recommendation.INCONCLUSIVE, reason=RecommendationReason.DEPENDS_ON_CLOSES)


def family_settled(asked: FamilyEvidence, others: Sequence[FamilyEvidence]) -> FamilyEvidence:
    """Return the family's evidence with each verdict settled, and only those superior that always are."""
    return changed(
        asked,
        policies=tuple(
            [
                settled(policy, [other.policies[place] for other in others])
                for place, policy in enumerate(asked.policies)
            ]
        ),
        superior=tuple(
            [place for place in asked.superior if all(place in other.superior for other in others)]
        ),
        chosen=settled(asked.chosen, [other.chosen for other in others]),
    )
