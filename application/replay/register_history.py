"""The policy register at each of its versions, rebuilt from the log."""

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.events import Record
from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.policies.register import PolicyRegister, RegisterEvent
from exitbrain.domain.store import EpochRaised, StoreOpened


class RegisterHistory:
    """Collects the events of the register as the log brings them."""

    def __init__(self) -> None:
        self._versions: list[PolicyRegister] = [PolicyRegister()]

    def takes(self, entry: Record | LogEntry) -> bool:
        """Take an event of the register; return whether it is one, or one of the store itself."""
        event = entry.event
        if entry.stream_id == REGISTER_ID and isinstance(event, RegisterEvent):
            after = self.latest().copy()
            after.version += 1
            after.apply(event)
            self._versions.append(after)
            return True
        return isinstance(event, StoreOpened | EpochRaised)

    def latest(self) -> PolicyRegister:
        """Return the register after the last event taken."""
        return self._versions[-1]

    def at_version(self, version: int) -> PolicyRegister:
        """Return the register as it was at a version; the latest where the log has not come that far."""
        return self._versions[version] if 0 <= version < len(self._versions) else self.latest()

    def knows(self, version: int) -> bool:
        """Return whether the log has brought that version yet."""
        return 0 < version < len(self._versions)
