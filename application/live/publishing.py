"""Publishing: from the log to the streams, each entry exactly once and in the order of the log.

Each stream remembers the log position up to which it is published, of which store in which epoch, and moves it in the
same atomic step that adds the entries. So whoever publishes, however often it crashes or loses a reply, continues
where the stream says; and where a stream says what is not in this log, nothing is published at all.
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
"""How many entries are translated in one go: the other loops wait meanwhile, the one that commits among them."""

LOOK_EVERY_S = 1.0
"""How often the streams are asked where they stand: one that lost its end shows it in no other way while it is quiet."""

MOVE_EVERY_S = 0.5
"""How often the position of a stream is moved for which there was nothing: others judge by it whether all is out."""

TAKE_OVER_TRIES = 100
"""How often another worker may be faster while a stream is taken over from it."""


@dataclass(slots=True)
class _Progress:
    """Where a stream stands: the position it says itself, and up to where the log has been looked through for it."""

    stored: PublishedPosition
    seen: int
    moved: Stopwatch = field(default_factory=Stopwatch)


class Publishing:
    """Publish what the log has and the streams do not.

    `begun` is set once every stream has said where it stands. What is committed before that could pass for published.
    `unpublished` tells for how long something has waited. Every method raises PublishedElsewhere when a stream is
    published from another store, or up to a position that this one has not.
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
        """Publish the next stretch; return whether there was one."""
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
        """Begin every stream at the end of the log, with the latest decision of each open plan, whatever it said.

        For a store whose epoch was raised for it. Streams that say this epoch have been begun, before a start was cut
        short. Those that say nothing come first: so one that says something else is left until all is done.
        """
        stated = {stream: await self._publisher.published(stream) for stream in self._language.streams}
        for stream, said in sorted(stated.items(), key=lambda one: one[1] is not None):
            if not (isinstance(said, PublishedPosition) and said.store == self._store):
                await self._take_over(stream, *await self._latest(stream))

    async def go_back(self, first: int) -> None:
        """Let every stream be published again from a log position on, whatever it said. Raises InvalidValue."""
        head = await self._tail.head()
        if not 1 <= first <= head + 1:
            raise InvalidValue("--republish-from", first, f"1 to {head + 1}, as the log ends at {head}")
        self._positions.republishes = True
        for stream in self._language.streams:
            await self._take_over(stream, [], PublishedPosition(self._store, first - 1))

    async def stand_by(self) -> None:
        """Look where the streams stand while another worker publishes."""
        if self._is_due_to_look():
            stated = await self._look(publishes=False)
            self.unpublished.published_upto(min((0 if one is None else one.position) for one in stated))

    def _is_due_to_look(self) -> bool:
        return self._looked is None or self._looked.seconds >= LOOK_EVERY_S

    async def _look(self, *, publishes: bool) -> Collection[PublishedPosition | None]:
        """Go on from where every stream stands now: it may have been flushed, failed over, or moved by others.

        Who stands by does not ask whether a move was right: whoever publishes moves them all the time.
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
        """Find where a stream stands; one that does not say gets the latest decision of each open plan, no more."""
        stated = await self._positions.stated(stream)
        while stated is None:
            latest, upto = await self._latest(stream)
            watch = Stopwatch()
            stated = await self._publisher.publish(stream, latest, after=None, upto=upto)
            if stated == upto:
                self._note(stream, upto, latest, {}, watch)
        return await self._from(stream, stated)

    async def _latest(self, stream: str) -> tuple[list[Outgoing], PublishedPosition]:
        """Return what a stream begins with at the end of the log: the latest decision of each open plan."""
        page = await self._tail.open_decisions()
        latest = [one for one in await self._translated(page) if one.stream == stream]
        return latest, PublishedPosition(self._store, page.upto)

    async def _take_over(self, stream: str, entries: list[Outgoing], upto: PublishedPosition) -> None:
        """Let a stream say a position, whatever it said before, in one step with entries for it."""
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
            self._lose(stream)  # it was flushed: begin again
        else:
            self._progress[stream] = await self._from(stream, stated)
            await self._compare(stream, progress, self._progress[stream].stored)

    async def _from(self, stream: str, stated: Stated) -> _Progress:
        """Go on from where a stream says that it stands."""
        position = placed(stream, stated, self._store, await self._tail.head())
        return _Progress(position, position.position)

    def _lose(self, stream: str) -> None:
        """Forget where a stream stands that says nothing any more."""
        self._positions.note_lost(stream, self._progress.pop(stream).stored)

    async def _compare(self, stream: str, before: _Progress, now: PublishedPosition) -> None:
        """Look at the newest stretch that somebody else has passed: whether it is out."""
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
        """Note up to where a stream is published now, and which messages the entries added to it came from."""
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
