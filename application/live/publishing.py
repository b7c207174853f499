"""Publishing: from the log to the streams, each entry exactly once and in the order of the log.

Each stream remembers the log position up to which it is published, and moves it in the same atomic step that adds
the entries. So whoever publishes, however often it crashes or loses a reply, continues where the stream says.
"""

import asyncio
from dataclasses import dataclass

from exitbrain.application.live.stopwatch import Stopwatch
from exitbrain.application.live.supervisor import Journal
from exitbrain.application.ports.live_recording import LogPage, LogTail
from exitbrain.application.ports.publisher import Outgoing, PublishedLanguage, Publisher

PAGE = 500
PACE = 32
"""How many entries are translated in one go: the other loops wait meanwhile, the one that commits among them."""

LOOK_EVERY_S = 1.0
"""How often the streams are asked where they stand: one that lost its end shows it in no other way while it is quiet."""

BEHIND_MAX = 5_000
"""How far a stream's own position may lag behind when there was nothing for it; bounds the search after a restart."""


@dataclass(slots=True)
class _Progress:
    """Where a stream stands: the position it says itself, and up to where the log has been looked through for it."""

    stored: int | None
    seen: int


class Publishing:
    """Publish what the log has and the streams do not.

    `begun` is set once every stream has said where it stands. What is committed before that could pass for published.
    """

    def __init__(
        self, tail: LogTail, language: PublishedLanguage, publisher: Publisher, journal: Journal
    ) -> None:
        self._tail = tail
        self._language = language
        self._publisher = publisher
        self._journal = journal
        self._progress: dict[str, _Progress] = {}
        self.begun = asyncio.Event()
        self._looked: Stopwatch | None = None

    async def step(self) -> bool:
        """Publish the next stretch; return whether there was one."""
        if self._looked is None or self._looked.seconds >= LOOK_EVERY_S:
            await self._look()
        for stream in self._language.streams:
            if stream not in self._progress:
                self._progress[stream] = await self._begin(stream)
        self.begun.set()
        after = min(progress.seen for progress in self._progress.values())
        page = await self._tail.page(after, PAGE)
        if page.upto == after:
            return False
        outgoing = await self._translated(page)
        caused_by = {
            entry.position: receipt.entry_id for entry, receipt in page.entries if receipt is not None
        }
        for stream in self._language.streams:
            entries = [one for one in outgoing if one.stream == stream]
            await self._advance(stream, entries, page.upto, caused_by)
        return True

    async def _look(self) -> None:
        """Go on from where every stream stands now: it may have been flushed, failed over, or moved by others."""
        for stream, progress in list(self._progress.items()):
            stored = await self._publisher.published(stream)
            if stored is None:
                del self._progress[stream]
            elif stored != progress.stored:
                self._progress[stream] = _Progress(stored, stored)
        self._looked = Stopwatch()

    async def _begin(self, stream: str) -> _Progress:
        """Find where a stream stands; one that does not say gets the latest decision of each open plan, no more."""
        stored = await self._publisher.published(stream)
        if stored is not None:
            return _Progress(stored, stored)
        page = await self._tail.open_decisions()
        latest = [one for one in await self._translated(page) if one.stream == stream]
        watch = Stopwatch()
        now = await self._publisher.publish(stream, latest, after=None, upto=page.upto)
        if now is None:
            return await self._begin(stream)
        self._note(stream, now, page.upto, latest, {}, watch)
        return _Progress(now, now)

    async def _advance(
        self, stream: str, entries: list[Outgoing], upto: int, caused_by: dict[int, str]
    ) -> None:
        progress = self._progress[stream]
        new = [one for one in entries if one.log_position > progress.seen]
        if upto <= progress.seen:
            return
        if not new and upto - (progress.stored or 0) < BEHIND_MAX:
            progress.seen = upto
            return
        watch = Stopwatch()
        now = await self._publisher.publish(stream, new, after=progress.stored, upto=upto)
        if now is None:
            del self._progress[stream]  # the stream was flushed: begin again
        else:
            progress.stored = progress.seen = now
            self._note(stream, now, upto, new, caused_by, watch)

    def _note(
        self,
        stream: str,
        position: int,
        wanted: int,
        entries: list[Outgoing],
        caused_by: dict[int, str],
        watch: Stopwatch,
    ) -> None:
        """Note where a stream stands, and which messages the entries added to it came from; none if others did."""
        added = entries if position == wanted else []
        ids = [caused_by[one.log_position] for one in added if one.log_position in caused_by]
        facts = {"entries": len(added), "entry_ids": ids, "seconds": watch.seconds}
        self._journal.event("published", stream=stream, position=position, **facts)

    async def _translated(self, page: LogPage) -> list[Outgoing]:
        outgoing: list[Outgoing] = []
        for number, (entry, receipt) in enumerate(page.entries, start=1):
            outgoing += self._language.entries(entry, receipt)
            if number % PACE == 0:
                await asyncio.sleep(0)
        return outgoing
