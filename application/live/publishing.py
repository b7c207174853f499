"""Publishing: from the log to the streams, each entry exactly once and in log order.

Each stream keeps the log position up to which it is published, with store and epoch, and moves it in the same
atomic step that adds the entries. So a publisher continues from that position, however often it crashes or
loses a reply. If the position is not in this log, nothing is published.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from exitbrain.application.live.position_check import PositionCheck
from exitbrain.application.live.publishing_place import placed
from exitbrain.application.live.stopwatch import Stopwatch
from exitbrain.application.live.supervisor import Journal
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.application.ports.live_recording import LogPage, LogTail
from exitbrain.application.ports.publisher import (
    Outgoing,
    PublishedLanguage,
    PublishedPosition,
    Publisher,
    PublisherUnavailable,
    Stated,
)
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.store import StoreIdentity

PAGE = 500
PACE = 32
"""How many entries are translated at a time, while the other loops wait, including the one that commits."""

LOOK_EVERY_S = 1.0
"""How often the positions are read: a quiet stream shows the loss of its newest entries in no other way."""

MOVE_EVERY_S = 0.5
"""How often a stream's position moves without new entries: others use it to see that all is published."""

TAKE_OVER_TRIES = 100
"""How often another worker may be faster before taking over a stream from it fails."""


@dataclass(slots=True)
class _Progress:
    """The progress of a stream: its stored position, and how far the log has been read for it."""

    stored: PublishedPosition
    seen: int
    moved: Stopwatch = field(default_factory=Stopwatch)


class Publishing:
    """Publish the log entries that the streams lack.

    `begun` is set once the position of every stream is known; anything committed before could be taken as
    published. `unpublished` measures how long entries have waited. Every method raises PublishedElsewhere
    when a stream is published from another store, or up to a position that this one does not have.
    """

    def __init__(
        self,
        store: StoreIdentity,
        tail: LogTail,
        language: PublishedLanguage,
        publisher: Publisher,
        journal: Journal,
    ) -> None:
        self._store = store
        self._tail = tail
        self._language = language
        self._publisher = publisher
        self._journal = journal
        self._positions = PositionCheck(store, tail, publisher, journal)
        self._progress: dict[str, _Progress] = {}
        self._looked: Stopwatch | None = None
        self.begun = asyncio.Event()
        self.unpublished = Unpublished()

    async def step(self) -> bool:
        """Publish the next page of the log; return whether there was one."""
        if self._is_due_to_look():
            await self._look(publishes=True)
        for stream in self._language.streams:
            if stream not in self._progress:
                self._progress[stream] = await self._begin(stream)
        self.begun.set()
        after = min(progress.seen for progress in self._progress.values())
        page = await self._tail.page(after, PAGE)
        outgoing = await self._translated(page)
        caused_by = {
            entry.position: receipt.entry_id for entry, receipt in page.entries if receipt is not None
        }
        for stream in self._language.streams:
            entries = [one for one in outgoing if one.stream == stream]
            await self._advance(stream, entries, page.upto, caused_by)
        if len(self._progress) == len(self._language.streams):
            self.unpublished.published_upto(min(progress.seen for progress in self._progress.values()))
        return page.upto > after

    async def begin_here(self) -> None:
        """Begin every stream anew at the end of the log, with the latest decision of each open plan.

        For a store whose epoch was raised for this. Streams already in this epoch were begun by an
        interrupted start. Streams without a position come first, so that one with a foreign position remains
        until all are done.
        """
        stated = {stream: await self._publisher.published(stream) for stream in self._language.streams}
        for stream, said in sorted(stated.items(), key=lambda one: one[1] is not None):
            if not (isinstance(said, PublishedPosition) and said.store == self._store):
                await self._take_over(stream, *await self._latest(stream))

    async def go_back(self, first: int) -> None:
        """Republish every stream from log position `first`, whatever its position. Raises InvalidValue."""
        head = await self._tail.head()
        if not 1 <= first <= head + 1:
            raise InvalidValue("--republish-from", first, f"1 to {head + 1}, as the log ends at {head}")
        self._positions.republishes = True
        for stream in self._language.streams:
            await self._take_over(stream, [], PublishedPosition(self._store, first - 1))

    async def stand_by(self) -> None:
        """Read the positions of the streams while another worker publishes."""
        if self._is_due_to_look():
            stated = await self._look(publishes=False)
            self.unpublished.published_upto(min((0 if one is None else one.position) for one in stated))

    def _is_due_to_look(self) -> bool:
        return self._looked is None or self._looked.seconds >= LOOK_EVERY_S

    async def _look(self, *, publishes: bool) -> Collection[PublishedPosition | None]:
        """Read and adopt the positions of all streams: others may have flushed, failed over or moved them.

        A standby does not check the moves: the publishing worker moves positions all the time.
        """
        stated = {stream: await self._publisher.published(stream) for stream in self._language.streams}
        head = await self._tail.head()
        found = {
            stream: None if said is None else placed(stream, said, self._store, head)
            for stream, said in stated.items()
        }
        for stream, position in found.items():
            progress = self._progress.get(stream)
            if progress is None or progress.stored == position:
                continue
            if position is None:
                self._lose(stream)
                continue
            if publishes:
                await self._compare(stream, progress, position)
            self._progress[stream] = _Progress(position, position.position)
        self.unpublished.log_ends_at(head, asyncio.get_running_loop().time())
        self._looked = Stopwatch()
        return found.values()

    async def _begin(self, stream: str) -> _Progress:
        """Find the position of a stream; one without gets only the latest decision of each open plan."""
        stated = await self._positions.stated(stream)
        while stated is None:
            latest, upto = await self._latest(stream)
            watch = Stopwatch()
            stated = await self._publisher.publish(stream, latest, after=None, upto=upto)
            if stated == upto:
                self._note(stream, upto, latest, {}, watch)
        return await self._from(stream, stated)

    async def _latest(self, stream: str) -> tuple[list[Outgoing], PublishedPosition]:
        """Return the latest decision of each open plan, with which a stream begins at the end of the log."""
        page = await self._tail.open_decisions()
        latest = [one for one in await self._translated(page) if one.stream == stream]
        return latest, PublishedPosition(self._store, page.upto)

    async def _take_over(self, stream: str, entries: list[Outgoing], upto: PublishedPosition) -> None:
        """Replace the position of a stream and add entries, in one step."""
        stated = await self._publisher.published(stream)
        for _ in range(TAKE_OVER_TRIES):
            now = await self._publisher.publish(stream, entries, after=stated, upto=upto)
            if now == upto:
                self._journal.event("publishing_from", stream=stream, position=upto.position + 1, was=stated)
                return
            stated = now
        raise PublisherUnavailable(f"{stream} is being published by another worker at the same time")

    async def _advance(
        self, stream: str, entries: list[Outgoing], upto: int, caused_by: dict[int, str]
    ) -> None:
        progress = self._progress[stream]
        seen = max(progress.seen, upto)
        new = [one for one in entries if one.log_position > progress.seen]
        if not new and (seen == progress.stored.position or progress.moved.seconds < MOVE_EVERY_S):
            progress.seen = seen
            return
        watch, wanted = Stopwatch(), PublishedPosition(self._store, seen)
        stated = await self._publisher.publish(stream, new, after=progress.stored, upto=wanted)
        if stated == wanted:
            self._progress[stream] = _Progress(wanted, seen)
            self._note(stream, wanted, new, caused_by, watch)
        elif stated is None:
            self._lose(stream)  # the stream was flushed: begin again
        else:
            self._progress[stream] = await self._from(stream, stated)
            await self._compare(stream, progress, self._progress[stream].stored)

    async def _from(self, stream: str, stated: Stated) -> _Progress:
        """Return the progress of a stream from its stated position."""
        position = placed(stream, stated, self._store, await self._tail.head())
        return _Progress(position, position.position)

    def _lose(self, stream: str) -> None:
        """Drop the progress of a stream that has lost its position."""
        self._positions.note_lost(stream, self._progress.pop(stream).stored)

    async def _compare(self, stream: str, before: _Progress, now: PublishedPosition) -> None:
        """Check that the newest page passed by another worker was published."""
        passed: list[Outgoing] = []
        after = max(before.seen, now.position - PAGE)
        if after < now.position:
            outgoing = await self._translated(await self._tail.page(after, PAGE))
            passed = [one for one in outgoing if one.stream == stream and one.log_position <= now.position]
        await self._positions.compare(stream, before.stored, now, passed)

    def _note(
        self,
        stream: str,
        reached: PublishedPosition,
        added: list[Outgoing],
        caused_by: dict[int, str],
        watch: Stopwatch,
    ) -> None:
        """Log the new position of a stream, and the messages that its added entries came from."""
        ids = [caused_by[one.log_position] for one in added if one.log_position in caused_by]
        facts = {"entries": len(added), "entry_ids": ids, "seconds": watch.seconds}
        self._journal.event("published", stream=stream, position=reached.position, **facts)

    async def _translated(self, page: LogPage) -> list[Outgoing]:
        outgoing: list[Outgoing] = []
        for number, (entry, receipt) in enumerate(page.entries, start=1):
            outgoing += self._language.entries(entry, receipt)
            if number % PACE == 0:
                await asyncio.sleep(0)
        return outgoing
