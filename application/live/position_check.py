"""Checks the published position of a stream against its entries, since others can change the position's key.

Entries and position are written in one step, so the newest entry is never beyond the position. A lost
position is restored from that entry. A position set back publishes entries again, one set ahead skips some:
both are reported, since only an operator knows which is right.
"""

from collections.abc import Sequence

from exitbrain.application.live.publishing_place import placed
from exitbrain.application.live.supervisor import Journal
from exitbrain.application.ports.live_recording import LogTail
from exitbrain.application.ports.publisher import Outgoing, PublishedPosition, Publisher, Stated
from exitbrain.domain.store import StoreIdentity


class PositionCheck:
    """Compare published positions with the entries of the streams, for one store."""

    def __init__(self, store: StoreIdentity, tail: LogTail, publisher: Publisher, journal: Journal) -> None:
        self._store = store
        self._tail = tail
        self._publisher = publisher
        self._journal = journal
        self._lost: dict[str, PublishedPosition] = {}
        self.republishes = False
        """Whether positions were set back at an operator's request."""

    def note_lost(self, stream: str, was: PublishedPosition) -> None:
        """Remember the last position of a stream whose position is gone."""
        self._lost[stream] = was

    async def stated(self, stream: str) -> Stated | None:
        """Return the position of a stream, restored from its entries if lost; None if the stream starts over.

        Raises PublishedElsewhere if it holds entries that this store has not decided.
        """
        newest = await self._newest(stream)
        said = await self._publisher.published(stream)  # read after the entry, so never behind it
        was = self._lost.pop(stream, None)
        if said is None:
            return await self._found_again(stream, was)
        position = said.position if isinstance(said, PublishedPosition) else 0
        ours = isinstance(said, PublishedPosition) and said.store == self._store
        if ours and newest is not None and position < newest.position and not self.republishes:
            self._journal.trouble("position_set_back", stream=stream, was=newest.position, now=position)
        return said

    async def compare(
        self, stream: str, was: PublishedPosition, now: PublishedPosition, passed: Sequence[Outgoing]
    ) -> None:
        """Report a position that has moved; `passed` holds the stream's log entries in between."""
        facts = {"stream": stream, "was": was.position, "now": now.position}
        if now.position < was.position:
            self._journal.trouble("position_set_back", **facts)
            return
        newest = await self._newest(stream) if passed else None
        if newest is None:  # nothing to publish in between, or trimmed by a reader
            return
        skipped = [one for one in passed if one.log_position > newest.position]
        if skipped:
            self._journal.trouble("entries_skipped", **facts, entries=len(skipped))

    async def _found_again(self, stream: str, was: PublishedPosition | None) -> Stated | None:
        facts = {"stream": stream, "was": None if was is None else was.position}
        while (newest := await self._newest(stream)) is not None:
            placed(stream, newest, self._store, await self._tail.head())
            if await self._publisher.restore(stream, newest):
                self._journal.trouble("position_lost", **facts, goes_on_after=newest.position)
                return newest
            stated = await self._publisher.published(stream)
            if stated is not None:  # another writer was faster
                return stated
        if was is not None:
            self._journal.trouble(
                "position_lost", **facts, goes_on_with="the latest decision of each open plan"
            )
        return None

    async def _newest(self, stream: str) -> PublishedPosition | None:
        """Return the log position of a stream's newest entry; None if it is not from our log."""
        newest = await self._publisher.newest(stream)
        return newest if newest is not None and newest.store == self._store else None
