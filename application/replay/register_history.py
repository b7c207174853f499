"""The policy register at each of its versions, rebuilt from the log."""

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.events import Record
from exitbrain.domain.identity import REGISTER_ID
from exitbrain.domain.policies.register import PolicyRegister, RegisterEvent
from exitbrain.domain.store import EpochRaised, StoreOpened


class RegisterHistory:
    """Collects register events in log order."""

    def __init__(self) -> None:
        self._versions: list[PolicyRegister] = [PolicyRegister()]

    def takes(self, entry: Record | LogEntry) -> bool:
        """Add an event of the register; return whether it is one, or an event of the store itself."""
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
        """Return the register at a version, or the latest if that version is not reached yet."""
        return self._versions[version] if 0 <= version < len(self._versions) else self.latest()

    def knows(self, version: int) -> bool:
        """Return whether that version has been reached."""
        return 0 < version < len(self._versions)
