"""Policies and instrument snapshots that recorded decisions refer to."""

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.domain.errors import ExitBrainError, UnknownPolicy
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.policies.policy import Policy, PolicyRef


class MissingSnapshot(ExitBrainError):
    """A decision refers to an instrument snapshot that the store does not hold."""


class Policies:
    """The policies of the register at creation, found by the references in decisions."""

    def __init__(self, ledger: ExitLedger) -> None:
        self._registered = ledger.register().policies

    def find(self, name: str, parameters_hash: str) -> Policy | None:
        """Return the policy with this name and these parameters, or None."""
        registered = self._registered.get(name)
        if registered is None or registered.ref.parameters_hash != parameters_hash:
            return None
        return registered.policy

    def of(self, ref: PolicyRef) -> Policy:
        """Return the policy of a decision; raises UnknownPolicy."""
        policy = self.find(ref.name, ref.parameters_hash)
        if policy is None:
            asked = f"{ref.name} with parameters {ref.parameters_hash[:12]}"
            raise UnknownPolicy(asked, tuple(self._registered))
        return policy


class Snapshots:
    """The instrument snapshots of a ledger, each read once."""

    def __init__(self, ledger: ExitLedger) -> None:
        self._ledger = ledger
        self._found: dict[str, Instrument | None] = {}

    def find(self, content_hash: str) -> Instrument | None:
        """Return the instrument of a snapshot, or None if the ledger does not have it."""
        if content_hash not in self._found:
            self._found[content_hash] = self._ledger.instrument(content_hash)
        return self._found[content_hash]

    def of(self, content_hash: str | None) -> Instrument | None:
        """Return the instrument of a decision, None if it names no snapshot; raises MissingSnapshot."""
        if content_hash is None:
            return None
        found = self.find(content_hash)
        if found is None:
            raise MissingSnapshot(content_hash)
        return found
