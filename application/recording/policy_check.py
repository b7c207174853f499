"""Checks that a registered policy is unchanged since its registration."""

from exitbrain.domain.errors import DomainError
from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.formulas.registry import FORMULAS
from exitbrain.domain.policies.register import PolicyRegistered

_SHOWN = 12
"""Digits of a hash shown to a reader."""


class AlteredPolicy(DomainError):
    """A registered policy does not match its own hash: it was edited in place."""


class ChangedFormula(DomainError):
    """A registered policy computes different levels than when it was registered."""


def check_registered(event: PolicyRegistered, place: str, *, must_compute: bool = False) -> None:
    """Reject a policy that was altered or computes something else now; `place` says where it was registered.

    Raises AlteredPolicy and ChangedFormula; UnknownPolicy if `must_compute` and this version lacks the
    formula.
    """
    policy = event.policy
    if policy.parameters_hash != event.parameters_hash:
        raise AlteredPolicy(
            f"policy {event.name} was registered with parameters hash {event.parameters_hash[:_SHOWN]} ({place}) and"
            f" its content now gives {policy.parameters_hash[:_SHOWN]}: it was edited in place"
        )
    if event.formula not in FORMULAS and not must_compute:
        return
    now = fingerprint(policy)
    if now != event.fingerprint:
        raise ChangedFormula(
            f"policy {event.name} was registered with fingerprint {event.fingerprint[:_SHOWN]} ({place}) and now gives"
            f" {now[:_SHOWN]}; a changed formula needs a new policy"
        )
