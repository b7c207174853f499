"""A stream server in memory: streams with consumer groups, their pending entries, published positions, the lease.

It keeps what Redis promises and no more: ids grow, a group delivers each entry once to someone and remembers it
until it is acknowledged, a pending entry can outlive its content. It can also lose what a real one can lose.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from exitbrain.application.ports.publisher import PublishedPosition, Stated

EntryKey = tuple[int, int]
"""The id of an entry: milliseconds and sequence."""

Fields = dict[str, str]
START: EntryKey = (0, 0)

ENDLESS_MS = 30_000
"""No worker takes the lease for longer."""


@dataclass(slots=True)
class Pending:
    """An entry that was delivered and not acknowledged."""

    consumer: str
    delivered_ms: int
    deliveries: int


@dataclass(slots=True)
class Group:
    """A consumer group: how far it has delivered, and what is not acknowledged, in the order of ids."""

    delivered: EntryKey = START
    pending: dict[EntryKey, Pending] = field(default_factory=dict)


@dataclass(slots=True)
class Stream:
    """A stream of entries, oldest first."""

    entries: dict[EntryKey, Fields] = field(default_factory=dict)
    newest: EntryKey = START
    groups: dict[str, Group] = field(default_factory=dict)


@dataclass(slots=True)
class Published:
    """What is kept beside a published stream; `begun` is where the one that found no position began.

    `position` is None where somebody took it away and left the stream.
    """

    position: Stated | None
    begun: int


State = tuple[dict[str, Stream], dict[str, Published], tuple[str, int] | None]
"""Streams, published positions, and who holds the lease until when."""


@dataclass(frozen=True, slots=True)
class Handed:
    """An entry as handed to a consumer; no fields where its content is gone."""

    stream: str
    key: EntryKey
    fields: Fields | None
    deliveries: int


class StreamServer:
    """The server all workers talk to. Every method is one atomic command."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.streams: dict[str, Stream] = {}
        self.published: dict[str, Published] = {}
        self._lease: tuple[str, int] | None = None
        self._fail_overs = 0
        self.of_another_type: set[str] = set()
        self.needs_operator = False
        """Whether anything was ever such that workers end, and rightly."""
        self.acknowledged: list[tuple[str, EntryKey, Fields | None]] = []
        """What was ever acknowledged, with its content at that moment; known to the checker alone."""

    @property
    def run_id(self) -> str:
        """Return the id of the server that answers now."""
        return f"server-{self._fail_overs}"

    def time(self) -> datetime:
        """Return the time of the clock that gives entry ids."""
        return datetime.fromtimestamp(self._now_ms() / 1000, UTC)

    def add(self, stream: str, fields: Fields, key: EntryKey | None = None) -> EntryKey:
        """Append an entry under the id that is asked for or the clock gives, or the next after the newest."""
        to = self.streams.setdefault(stream, Stream())
        key = max(key or (self._now_ms(), 0), (to.newest[0], to.newest[1] + 1))
        to.entries[key] = fields
        to.newest = key
        return key

    def ensure_group(self, stream: str, group: str) -> None:
        """Create a group that reads from the beginning, and the stream, where they do not exist."""
        self.streams.setdefault(stream, Stream()).groups.setdefault(group, Group())

    def set_back(self, stream: str, group: str, before: EntryKey, to: EntryKey) -> bool:
        """Let a group that is still where it was hand out again whatever comes after an entry."""
        if not self.has_group(stream, group) or self.streams[stream].groups[group].delivered != before:
            return False
        state = self.streams[stream].groups[group]
        state.delivered = to
        for key in [key for key in state.pending if key > to and key in self.streams[stream].entries]:
            del state.pending[key]
        return True

    def has_group(self, stream: str, group: str) -> bool:
        return stream in self.streams and group in self.streams[stream].groups

    @property
    def holder(self) -> str | None:
        """Return the consumer who holds the lease."""
        return self._lease[0] if self._lease is not None and self._now_ms() < self._lease[1] else None

    def give_lease(self, consumer: str, for_ms: int) -> None:
        """Give a consumer the lease, or prolong it."""
        self._lease = consumer, self._now_ms() + for_ms

    def give_end(self, for_ms: int) -> bool:
        """Let a lease end after so long that has longer to go; return whether it had."""
        endless = self._lease is not None and self._lease[1] > self._now_ms() + ENDLESS_MS
        if endless and self._lease is not None:
            self._lease = self._lease[0], self._now_ms() + for_ms
        return endless

    def end_lease(self) -> None:
        """End whatever lease there is."""
        self._lease = None

    def held_by_others(self, stream: str, group: str, consumer: str) -> list[EntryKey]:
        """Return what is pending with others and still has its content."""
        source = self.streams[stream]
        pending = source.groups[group].pending
        return [key for key, one in pending.items() if one.consumer != consumer and key in source.entries]

    def hand_over(self, stream: str, group: str, consumer: str, keys: Iterable[EntryKey]) -> None:
        """Let pending entries be another consumer's, without delivering them."""
        for key in keys:
            one = self.streams[stream].groups[group].pending[key]
            one.consumer, one.delivered_ms = consumer, self._now_ms()

    def read_new(self, stream: str, group: str, consumer: str, limit: int) -> list[Handed]:
        """Hand out entries that nobody got before."""
        source = self.streams[stream]
        state = source.groups[group]
        keys = [key for key in source.entries if key > state.delivered][:limit]
        for key in keys:
            state.delivered = key
            state.pending[key] = Pending(consumer, self._now_ms(), 1)
        return [Handed(stream, key, source.entries[key], 1) for key in keys]

    def read_pending(
        self, stream: str, group: str, consumer: str, after: EntryKey, limit: int
    ) -> list[Handed]:
        """Hand out again what this consumer got and did not acknowledge."""
        pending = self.streams[stream].groups[group].pending
        keys = [key for key, one in sorted(pending.items()) if one.consumer == consumer and key > after]
        return [self._handed_again(stream, group, consumer, key) for key in keys[:limit]]

    def claim(self, stream: str, group: str, consumer: str, keys: Iterable[EntryKey]) -> list[Handed]:
        """Give pending entries to another consumer."""
        return [self._handed_again(stream, group, consumer, key) for key in keys]

    def idle(self, stream: str, group: str, min_idle_ms: int) -> list[EntryKey]:
        """Return the pending entries that were handed out at least so long ago, in the order of ids."""
        now = self._now_ms()
        pending = self.streams[stream].groups[group].pending
        return sorted(key for key, one in pending.items() if now - one.delivered_ms >= min_idle_ms)

    def fields(self, stream: str, key: EntryKey) -> Fields | None:
        """Return what an entry holds, None where there is none."""
        return self.streams[stream].entries.get(key) if stream in self.streams else None

    def acknowledge(self, stream: str, group: str, keys: Iterable[EntryKey]) -> None:
        """Forget pending entries; those that are not pending change nothing."""
        if self.has_group(stream, group):
            pending = self.streams[stream].groups[group].pending
            for key in keys:
                if pending.pop(key, None) is not None:
                    self.acknowledged.append((stream, key, self.streams[stream].entries.get(key)))

    def publish(
        self, stream: str, entries: list[Fields], after: Stated | None, upto: PublishedPosition
    ) -> Stated | None:
        """Append entries and move the published position, if it is still at `after`; return where it is then."""
        found = self.published.get(stream)
        if (None if found is None else found.position) != after:
            return None if found is None else found.position
        for fields in entries:
            self.add(stream, fields)
        self.published[stream] = Published(upto, upto.position if found is None else found.begun)
        return upto

    def drained(self, group_of: dict[str, str]) -> bool:
        """Return whether every entry of these streams was delivered and acknowledged."""
        return all(
            self.has_group(stream, group)
            and not self.streams[stream].groups[group].pending
            and self.streams[stream].groups[group].delivered
            >= max(self.streams[stream].entries, default=START)
            for stream, group in group_of.items()
        )

    def copy(self) -> State:
        """Return the whole state as it is now, as a replica that stops here would have it."""
        streams = {
            name: Stream(
                dict(stream.entries),
                stream.newest,
                {
                    group: Group(
                        state.delivered,
                        {
                            k: Pending(p.consumer, p.delivered_ms, p.deliveries)
                            for k, p in state.pending.items()
                        },
                    )
                    for group, state in stream.groups.items()
                },
            )
            for name, stream in self.streams.items()
        }
        published = {name: Published(p.position, p.begun) for name, p in self.published.items()}
        return streams, published, self._lease

    def fail_over(self, replica: State) -> None:
        """Go on with the state of a replica; what came after it is lost."""
        self.streams, self.published, self._lease = replica
        self._fail_overs += 1

    def flush(self) -> None:
        """Lose everything."""
        self.streams, self.published, self._lease = {}, {}, None

    def drop_group(self, stream: str, group: str) -> None:
        """Lose a group and what it knew."""
        if self.has_group(stream, group):
            del self.streams[stream].groups[group]

    def trim(self, stream: str, keep: int) -> None:
        """Keep only the newest entries, as a producer with a length limit does; pending ones stay pending."""
        if stream in self.streams:
            entries = self.streams[stream].entries
            for key in list(entries)[: max(0, len(entries) - keep)]:
                del entries[key]

    def _handed_again(self, stream: str, group: str, consumer: str, key: EntryKey) -> Handed:
        one = self.streams[stream].groups[group].pending[key]
        one.consumer, one.delivered_ms, one.deliveries = consumer, self._now_ms(), one.deliveries + 1
        return Handed(stream, key, self.streams[stream].entries.get(key), one.deliveries)
