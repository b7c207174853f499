"""Whether the position of a stream fits the entries of that stream: it lies in a key of its own, which others can change.

Entries and position are added in one step, so the newest entry is never beyond the position. A position that is gone
is found again from that entry. One that was set back means that entries come out again, one that was set ahead that
some never do: both are told, since only an operator can say which of the two is right.
"""

from collections.abc import Sequence

from exitbrain.application.live.publishing_place import placed
from exitbrain.application.live.supervisor import Journal
from exitbrain.application.ports.live_recording import LogTail
from exitbrain.application.ports.publisher import Outgoing, PublishedPosition, Publisher, Stated
from exitbrain.domain.store import StoreIdentity


class PositionCheck:
    """Compare positions with what the streams hold, for one store."""

    def __init__(self, store: StoreIdentity, tail: LogTail, publisher: Publisher, journal: Journal) -> None:
        self._store = store
        self._tail = tail
        self._publisher = publisher
        self._journal = journal
        self._lost: dict[str, PublishedPosition] = {}
        self.republishes = False
        """Whether positions were set back because an operator said so."""

    def note_lost(self, stream: str, was: PublishedPosition) -> None:
        """Remember where a stream stood whose position is gone."""
        self._lost[stream] = was

    async def stated(self, stream: str) -> Stated | None:
        """Return what a stream says, as far as it fits what it holds; None where it begins anew.

        Raises PublishedElsewhere where it holds what this store has not decided.
        """
        newest = await self._newest(stream)
        said = await self._publisher.published(stream)  # after the entry, so never before it
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
        """Tell of a position that is not where we left it; `passed` is what the log has for the stream in between."""
        facts = {"stream": stream, "was": was.position, "now": now.position}
        if now.position < was.position:
            self._journal.trouble("position_set_back", **facts)
            return
        newest = await self._newest(stream) if passed else None
        if newest is None:  # nothing to publish in between, or trimmed by whoever reads it
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
            if stated is not None:  # somebody else was faster
                return stated
        if was is not None:
            self._journal.trouble(
                "position_lost", **facts, goes_on_with="the latest decision of each open plan"
            )
        return None

    async def _newest(self, stream: str) -> PublishedPosition | None:
        """Return the place in our log of the newest entry of a stream, None where it is not from our log."""
        newest = await self._publisher.newest(stream)
        return newest if newest is not None and newest.store == self._store else None
