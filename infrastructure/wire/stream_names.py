"""The names of streams, consumer groups and keys that other systems rely on."""

from dataclasses import dataclass

from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT
from exitbrain.infrastructure.wire.incoming import DEFAULT_PREFIX, logical_source

DEFAULT_GROUP = "exitbrain"


@dataclass(frozen=True, slots=True)
class Names:
    """All names under one prefix, for one group of workers.

    Groups read the same streams, each into its own store. So each publishes to its own streams: the decisions
    of two stores must never be mixed.
    """

    prefix: str = DEFAULT_PREFIX
    group: str = DEFAULT_GROUP

    @property
    def intents(self) -> str:
        """The stream of trade intents."""
        return self._stream(TRADE_INTENT)

    @property
    def closes(self) -> str:
        """The stream of reported closes."""
        return self._stream(TRADE_CLOSED)

    @property
    def incoming(self) -> tuple[str, ...]:
        """The streams that are read; within a millisecond, the first stream comes first."""
        return self.intents, self.closes

    @property
    def adaptive_levels(self) -> str:
        """The stream of computed levels."""
        return self._stream(f"{self.group}.adaptive_levels")

    @property
    def events(self) -> str:
        """The stream of events."""
        return self._stream(f"{self.group}.events")

    @property
    def published(self) -> tuple[str, ...]:
        """The streams that are written."""
        letters = map(self.dead_letters_of, (TRADE_INTENT, TRADE_CLOSED))
        return self.adaptive_levels, self.events, *letters

    @property
    def lease(self) -> str:
        """The key that names the consumer that holds the lease."""
        return f"{self.prefix}:turn:{self.group}"

    @property
    def store_of_lease(self) -> str:
        """The key that names the store whose workers take the lease."""
        return f"{self.lease}:store"

    @property
    def types(self) -> dict[str, str]:
        """Return every key that a worker uses, with its type if it exists."""
        notes = [self.store_of_lease, *map(self.store_of_group, self.incoming)]
        strings = [self.lease, *notes, *map(published_key, self.published)]
        return dict.fromkeys(strings, "string") | dict.fromkeys([*self.incoming, *self.published], "stream")

    def source_of(self, stream: str) -> str:
        """Return the logical stream: the name without the prefix."""
        return logical_source(stream, self.prefix)

    def group_of(self, stream: str) -> str:
        """Return the consumer group that reads a stream."""
        return f"{self.prefix}:group:{self.group}:{self.source_of(stream)}"

    def store_of_group(self, stream: str) -> str:
        """Return the key naming the store that group reads for; in a cluster it shares the stream's slot."""
        return f"{{{stream}}}:{self.group}:store"

    def dead_letters_of(self, source: str) -> str:
        """Return the dead letter stream of a logical stream."""
        ours = source if self.group == DEFAULT_GROUP else f"{self.group}:{source}"
        return f"{self.prefix}:dlq:{ours}"

    def _stream(self, name: str) -> str:
        return f"{self.prefix}:stream:{name}"


def published_key(stream: str) -> str:
    """Return the key of a stream's published position; in a cluster it shares the stream's slot."""
    return f"{{{stream}}}:published"
