"""The policy register: the aggregate that records which policies exist and which are in force."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.errors import UnknownPolicy, WrongState
from exitbrain.domain.events import About, Aggregate, Event
from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.policy import Policy, PolicyRef
from exitbrain.domain.values import Unit

EVERY_SYMBOL = "*"
SHIPPED_BY = "shipped"
"""The author of the policies that a new store starts with."""


class PolicyRegistered(Event, frozen=True):
    """A policy was registered, with the fingerprint it had then.

    `receipt_id` is the receipt of the message that asked for it, None for policies a new store starts with.
    """

    TOPIC = "exitbrain.PolicyRegistered"
    LABEL = "policy registered"
    ABOUT = About.REGISTER

    name: str
    formula: str
    unit: Unit
    parameters: dict[str, float]
    ignores: tuple[str, ...]
    parameters_hash: str
    fingerprint: str
    by: str
    recorded_at: datetime
    receipt_id: UUID | None

    def __post_init__(self) -> None:
        _ = self.policy  # an invalid policy is never written, so it must not be read either

    @property
    def policy(self) -> Policy:
        """Return the policy as it was registered."""
        return Policy(self.name, self.formula, self.unit, self.parameters, self.ignores)


class PolicyActivated(Event, frozen=True):
    """A policy was put in force for a scope: a symbol, or "*" for every symbol without one of its own.

    `receipt_id` is the receipt of the message that asked for it, None for policies a new store starts with.
    """

    TOPIC = "exitbrain.PolicyActivated"
    LABEL = "policy activated"
    ABOUT = About.REGISTER
    PUBLISHED_AS = ("policy_activated",)

    name: str
    scope: str
    by: str
    recorded_at: datetime
    receipt_id: UUID | None


RegisterEvent = PolicyRegistered | PolicyActivated


class RegisteredPolicy(Struct, frozen=True):
    """A registered policy with the reference that decisions record."""

    policy: Policy
    ref: PolicyRef


class PolicyRegister(Aggregate):
    """All policies of a store. The register version in a decision, never a time, says which was in force."""

    __slots__ = ("active", "policies")

    def __init__(self) -> None:
        super().__init__(REGISTER_ID)
        self.policies: dict[str, RegisteredPolicy] = {}
        self.active: dict[str, str] = {}

    def register(self, policy: Policy, *, by: str, at: datetime, receipt_id: UUID | None = None) -> None:
        """Register a policy under its name; raises WrongState if the name is taken."""
        if policy.name in self.policies:
            raise WrongState(f"policy {policy.name} is already registered")
        self._emit(
            PolicyRegistered(
                name=policy.name,
                formula=policy.formula,
                unit=policy.unit,
                parameters=policy.parameters,
                ignores=policy.ignores,
                parameters_hash=policy.parameters_hash,
                fingerprint=fingerprint(policy),
                by=by,
                recorded_at=at,
                receipt_id=receipt_id,
            )
        )

    def activate(
        self, name: str, *, scope: str = EVERY_SYMBOL, by: str, at: datetime, receipt_id: UUID | None = None
    ) -> None:
        """Put a registered policy in force for a scope; raises UnknownPolicy."""
        self.named(name)
        self._emit(PolicyActivated(name, scope, by, at, receipt_id))

    def named(self, name: str) -> RegisteredPolicy:
        """Return the policy with this name; raises UnknownPolicy."""
        try:
            return self.policies[name]
        except KeyError:
            raise UnknownPolicy(name, tuple(self.policies)) from None

    def in_force(self, symbol: str) -> RegisteredPolicy:
        """Return the policy in force for a symbol, its own before the global one; raises WrongState."""
        name = self.active.get(symbol) or self.active.get(EVERY_SYMBOL)
        if name is None or name not in self.policies:
            raise WrongState(f"the register has no policy in force for {symbol or 'every symbol'}")
        return self.policies[name]

    def decides(self, scope: str, symbol: str) -> bool:
        """Return whether the policy of a scope is the one that applies to a symbol."""
        return symbol == scope or (scope == EVERY_SYMBOL and symbol not in self.active)

    def apply(self, event: RegisterEvent) -> None:
        match event:
            case PolicyRegistered():
                ref = PolicyRef(event.name, event.parameters_hash, event.fingerprint)
                self.policies = {**self.policies, event.name: RegisteredPolicy(event.policy, ref)}
            case PolicyActivated():
                self.active = {**self.active, event.scope: event.name}

    def copy(self) -> "PolicyRegister":
        """Return an independent copy, so that a decision can be tried on it."""
        twin = PolicyRegister()
        twin.version = self.version
        twin.pending = self.pending.copy()
        twin.active, twin.policies = self.active, self.policies  # never changed in place
        return twin
