"""The names that others rely on: streams, consumer groups, keys."""

from dataclasses import dataclass

from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT
from exitbrain.infrastructure.wire.incoming import DEFAULT_PREFIX, logical_source

DEFAULT_GROUP = "exitbrain"


@dataclass(frozen=True, slots=True)
class Names:
    """All names under one prefix, for one group of workers.

    Groups read the same streams, each to a store of its own. So they publish to streams of their own too: what two
    stores decided must never be mixed.
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
        """The streams that are read; within a millisecond the first comes first."""
        return self.intents, self.closes

    @property
    def adaptive_levels(self) -> str:
        """The stream of computed levels."""
        return self._stream(f"{self.group}.adaptive_levels")

    @property
    def events(self) -> str:
        """The stream of what happened."""
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
        """The key that names the store whose workers take that lease."""
        return f"{self.lease}:store"

    @property
    def types(self) -> dict[str, str]:
        """Return every key that a worker uses, with the type that it has where it is there."""
        notes = [self.store_of_lease, *map(self.store_of_group, self.incoming)]
        strings = [self.lease, *notes, *map(published_key, self.published)]
        return dict.fromkeys(strings, "string") | dict.fromkeys([*self.incoming, *self.published], "stream")

    def source_of(self, stream: str) -> str:
        """Return the logical stream: the name without the prefix."""
        return logical_source(stream, self.prefix)

    def group_of(self, stream: str) -> str:
        """Return the consumer group under which we read a stream."""
        return f"{self.prefix}:group:{self.group}:{self.source_of(stream)}"

    def store_of_group(self, stream: str) -> str:
        """Return the key that names the store for which that group reads; in a cluster it shares the stream's slot."""
        return f"{{{stream}}}:{self.group}:store"

    def dead_letters_of(self, source: str) -> str:
        """Return the stream for what was refused of a logical stream."""
        ours = source if self.group == DEFAULT_GROUP else f"{self.group}:{source}"
        return f"{self.prefix}:dlq:{ours}"

    def _stream(self, name: str) -> str:
        return f"{self.prefix}:stream:{name}"


def published_key(stream: str) -> str:
    """Return the key that says up to where a stream is published; in a cluster it shares its slot."""
    return f"{{{stream}}}:published"
