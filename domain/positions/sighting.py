"""When a message came, by its stream id and by the clock of its writer."""

from datetime import datetime

from msgspec import Struct

from exitbrain.domain.values import EntryId


class Sighting(Struct, frozen=True):
    """When a message came, by stream id and by time.

    `entry_id` is its place in a stream; only ids from the same `server` can be compared. `clock` is the clock
    of `at`, None if the message gave no time of its own; only times from the same clock can be compared.
    """

    at: datetime
    entry_id: EntryId | None
    server: str | None
    clock: str | None

    def came_before(self, other: "Sighting") -> bool | None:
        """Return whether its stream id is earlier, by milliseconds; None unless both are from one server."""
        if self.entry_id is None or other.entry_id is None or self.server is None:
            return None
        return self.entry_id.ms < other.entry_id.ms if self.server == other.server else None

    def seconds_from(self, other: "Sighting") -> float:
        """Return the seconds between two messages, by stream ids of the same server, else by times."""
        if self.entry_id is not None and other.entry_id is not None and self.server == other.server:
            return abs(self.entry_id.ms - other.entry_id.ms) / 1000
        return abs((self.at - other.at).total_seconds())
