"""Policies: register new ones and put them in force."""

from exitbrain.application.recording.handling import Handling, Ignored, Refused
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.messages.message import ActivatePolicy
from exitbrain.domain.messages.receipt import Reason, Refusal
from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.policies.register import RegisteredPolicy
from exitbrain.domain.policies.usable import check_usable


class PolicyHandling(Handling):
    """Handling of a message that puts a policy in force."""

    __slots__ = ()

    def _activate(self, asked: ActivatePolicy) -> None:
        """Register the policy if its name is new, and put it in force for its scope."""
        policy, stamp = asked.policy, self.stamp
        try:
            check_usable(policy)
        except InvalidValue as error:
            raise _refused(error.field, error.value, error.allowed) from error
        register = self.given.register.copy()
        known = register.policies.get(policy.name)
        if known is None:
            register.register(policy, by=asked.by, at=stamp.recorded_at, receipt_id=stamp.cause_id)
        else:
            _check_same(policy, known)
        if register.active.get(asked.scope) == policy.name:
            raise Ignored(Reason.ALREADY_IN_FORCE, is_silent=True)
        register.activate(
            policy.name, scope=asked.scope, by=asked.by, at=stamp.recorded_at, receipt_id=stamp.cause_id
        )
        self.effects.extend(register.collect())
        self.register = register
        self.touched.append(REGISTER_ID)


def _check_same(policy: Policy, known: RegisteredPolicy) -> None:
    """Refuse a name that is registered for something else: recorded decisions refer to it."""
    if policy.parameters_hash != known.ref.parameters_hash:
        raise _refused("name", policy.name, "another name: this one is registered with other content")
    if fingerprint(policy) != known.ref.fingerprint:
        raise _refused("name", policy.name, "another name: this one was registered for another behaviour")


def _refused(field: str, value: object, allowed: str) -> Refused:
    return Refused(Refusal(Reason.BAD_VALUE, field, "absent" if value is None else str(value), allowed))
