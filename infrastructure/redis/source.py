"""RedisSource: deliver entries of the incoming streams until they are acknowledged.

Each stream has a group of its own, so one blocking read cannot serve them all: a plain read waits for news and
takes nothing, then one script takes from every group. Streams are merged in the order of entry ids, and what
could overtake an entry that still waits on the server is held back, so a close never comes before its open.

Consumers share one lease, so that several of them keep that order: one reads, the others stand by. Who takes the lease first
claims everything that others hold, and reads it from its beginning. A lease can be lost unseen (a slow commit, a full
buffer, a frozen process, a server that forgot) while its holder still works on what it was given. That is harmless:
both go through the entries that are not acknowledged in the same order, so whichever is ahead commits an entry only
after all before it, and the receipt makes it count once. The one behind meets nothing but duplicates.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

from exitbrain.application.ports.message_source import (
    Backlog,
    Delivery,
    Lease,
    Repair,
    SourceUnavailable,
)
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.infrastructure.redis.connection import (
    BLOCK_MAX_S,
    COMMAND_TIMEOUT_S,
    answering,
)
from exitbrain.infrastructure.redis.lua import ANSWER_BYTES
from exitbrain.infrastructure.redis.news import wait_for_news
from exitbrain.infrastructure.redis.place_scripts import GO_BACK
from exitbrain.infrastructure.redis.scripts import (
    ACKNOWLEDGE,
    BACKLOG,
    LOOK_AT_LEASE,
    READ,
    REAP,
    RECLAIM,
    RELEASE,
    TAKE_OVER,
)
from exitbrain.infrastructure.redis.source_connection import SourceConnection
from exitbrain.infrastructure.redis.stream_cursors import BEGINNING, NEW, Held, StreamCursor, merged
from exitbrain.infrastructure.wire.stream_entry import Content, from_content, id_in_numbers
from exitbrain.infrastructure.wire.stream_names import Names

Arguments = list[str | int]

CHUNK = 500
"""Pending entries examined in one step of taking over."""

LEASE_MAX_S = 30.0
"""No worker takes the lease for longer: one that has longer to go was set by somebody else."""

RELEASE_WITHIN_S = 0.3
"""Time to release the lease; after that it expires by itself. A stop has two seconds in all."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How entries are read.

    `group_start` is the entry id after which a group begins that `open` makes; one that the server lost begins at the
    beginning. A lease that is not used for `lease_s` passes to another. An entry pending for `reclaim_idle_s` is
    delivered again, whoever holds it: longer than the slowest batch, or it is handled twice. A consumer that holds
    nothing and has not asked for `reap_idle_s` is removed. With `take_over` what another store reads is ours from now on.
    """

    names: Names = Names()
    take_over: bool = False
    max_message_bytes: int = 65_536
    group_start: str = "0"
    lease_s: float = 3.0
    reclaim_idle_s: float = 60.0
    reap_idle_s: float = 3600.0
    timeout_s: float = COMMAND_TIMEOUT_S


class RedisSource:
    """Read streams as a consumer of their groups; `consumer` must stay the same across restarts.

    `store` is the id of the store for which they are read.
    A lease of another type is set anew, and a group that others have set ahead is set back.
    """

    def __init__(
        self,
        url: str,
        consumer: str,
        store: str,
        settings: SourceSettings = SourceSettings(),
    ) -> None:
        names = settings.names
        self._connection = SourceConnection(url, names, store, settings.timeout_s)
        self._cursors = self._connection.cursors
        script = self._connection.commands.register_script
        self._read = script(READ)
        self._take_lease = script(TAKE_OVER)
        self._look_at_lease = script(LOOK_AT_LEASE)
        self._go_back = script(GO_BACK)
        self._release = script(RELEASE)
        self._reclaim = script(RECLAIM)
        self._reap = script(REAP)
        self._acknowledge = script(ACKNOWLEDGE)
        self._backlog = script(BACKLOG)
        self._settings = settings
        self._names = names
        self._store = store
        self._lease_ms = max(1, int(settings.lease_s * 1000))
        self._lease_free_in_s = 0.0
        self.consumer = consumer
        self.holds_lease = False

    @property
    def groups_recreated(self) -> int:
        """Return how often the server lost the groups."""
        return self._connection.groups_recreated

    async def open(self) -> None:
        await self._connection.open(self._settings.group_start, take_over=self._settings.take_over)

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        """Read as the port says; waits for at most `BLOCK_MAX_S`, however much longer it may."""
        await self._fill(limit)
        if not any(cursor.held for cursor in self._cursors):
            await self._wait(min(wait_s, BLOCK_MAX_S))
            if (
                self.holds_lease
            ):  # else the caller looks first whether the lease is free, and what others left
                await self._fill(limit)
        self._connection.patience.content()
        return merged(self._cursors, limit)

    async def lease(self) -> Lease | None:
        endless_ms = int(max(LEASE_MAX_S, self._settings.lease_s) * 1000)
        keys = [self._names.lease, *(cursor.stream for cursor in self._cursors)]
        groups = [cursor.group for cursor in self._cursors]
        arguments: Arguments = [self.consumer, self._lease_ms, endless_ms, *groups]
        found = await self._connection.ask(partial(self._look_at_lease, keys, arguments))
        if found is None:
            return None
        holder, endless, known, waiting, places = found
        at = tuple(place.decode() for place in places)
        return Lease(holder.decode("utf-8", "backslashreplace"), bool(known), bool(endless), waiting, at)

    def repairs(self) -> list[Repair]:
        told = self._connection.repairs.copy()
        self._connection.repairs.clear()
        return told

    async def reclaim(self, limit: int) -> list[Delivery]:
        """Take entries pending too long, our own included; a trimmed one returns until acknowledged."""
        idle_ms = int(self._settings.reclaim_idle_s * 1000)
        taken: list[Held] = []
        for cursor in self._cursors:
            if len(taken) < limit:
                room = limit - len(taken)
                keys = [self._names.lease, cursor.stream, self._names.store_of_lease]
                arguments: Arguments = [
                    cursor.group, self.consumer, idle_ms, room, self._store, self._settings.max_message_bytes
                ]  # fmt: skip
                server, found = await self._connection.ask(partial(self._reclaim, keys, arguments))
                given = [self._delivery(cursor, server, *one) for one in found]
                taken += [(cursor.order(delivery.entry_id), delivery) for delivery in given]
        return [delivery for _, delivery in sorted(taken, key=itemgetter(0))]

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        for cursor in self._cursors:
            ours = [delivery for delivery in deliveries if delivery.stream == cursor.stream]
            for some in _within_bounds(ours):
                read = [part for delivery in some for part in (delivery.entry_id, delivery.digest)]
                arguments: Arguments = [cursor.group, self._settings.max_message_bytes, *read]
                await self._connection.ask(partial(self._acknowledge, [cursor.stream], arguments))

    async def backlog(self) -> list[Backlog]:
        found = []
        for cursor in self._cursors:
            pending, lag = await self._connection.ask(partial(self._backlog, [cursor.stream], [cursor.group]))
            found.append(Backlog(cursor.stream, lag, pending))
        return found

    async def server_time(self) -> datetime:
        async with answering(SourceUnavailable, self._settings.timeout_s):
            seconds, microseconds = await self._connection.commands.time()
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)

    async def reap(self) -> list[str]:
        """Remove idle consumers from each group; return the names gone from all groups."""
        idle_ms = int(self._settings.reap_idle_s * 1000)
        removed: set[bytes] = set()
        kept: set[bytes] = set()
        for cursor in self._cursors:
            asked = partial(self._reap, [cursor.stream], [cursor.group, self.consumer, idle_ms])
            gone, here = await self._connection.ask(asked)
            removed.update(gone)
            kept.update(here)
        return sorted(name.decode("utf-8", "backslashreplace") for name in removed - kept)

    async def close(self) -> None:
        """Release the lease, so that another consumer can continue at once, and close the connections."""
        if self.holds_lease:
            with suppress(SourceUnavailable, StreamsUnusable):
                async with answering(SourceUnavailable, RELEASE_WITHIN_S):
                    await self._release([self._names.lease], [self.consumer])
        await self._connection.close()

    async def _fill(self, limit: int) -> None:
        """Ask for every stream of which nothing is held, until it is filled or the server has nothing for it either.

        The server is asked at least once, also for no stream: whether the lease is still ours.
        """
        for cursor in self._cursors:
            cursor.exhausted = False
        answers: Any = None
        while (
            empty := [one for one in self._cursors if not one.held and not one.exhausted]
        ) or answers is None:
            if not self._connection.taken_over and not await self._take_over():
                return
            asked, answers = await self._connection.ask(partial(self._take, empty, limit))
            if answers is None:
                self._connection.taken_over = False  # the lease has passed, or expired: see who has it now
                for cursor in self._cursors:
                    cursor.sure = False
                continue
            server, now_s, found = answers
            for (cursor, after), (entries, about, ended, was) in zip(asked, found, strict=True):
                if after == NEW and await self._put_back(cursor, about, was):
                    continue
                ids, contents = entries[::2], entries[1::2]
                attempts = cursor.go_on(after, ids, about, is_end=bool(ended))
                for entry_id, content in zip(ids, contents, strict=True):
                    delivery = self._delivery(cursor, server, entry_id, content, attempts.get(entry_id, 1))
                    cursor.hold(delivery, 1000 * int(now_s) + 999)

    async def _take_over(self) -> bool:
        """Take the lease and everything that others hold; return whether the lease is ours."""
        taken = 0
        names = self._names
        for cursor in self._cursors:
            keys = [names.lease, cursor.stream, names.store_of_lease, names.store_of_group(cursor.stream)]
            after = BEGINNING
            while after:
                arguments: Arguments = [
                    self.consumer,
                    self._lease_ms,
                    cursor.group,
                    after,
                    CHUNK,
                    self._store,
                ]
                answer = await self._connection.ask(partial(self._take_lease, keys, arguments))
                if isinstance(answer, int):
                    self._stand_by(answer)
                    return False
                if isinstance(answer[0], bytes):
                    raise self._connection.read_elsewhere(*answer)
                taken += answer[0]
                if was := answer[2].decode():
                    self._connection.repairs.append(
                        Repair("turn_of_another_type", {"key": names.lease, "was": was})
                    )
                after = answer[1].decode()
        if taken or not self.holds_lease:
            self._connection.begin_again()  # what was claimed comes first
        self.holds_lease = self._connection.taken_over = True
        return True

    def _stand_by(self, free_in_ms: int) -> None:
        """Leave everything to the holder of the lease."""
        self.holds_lease = False
        self._lease_free_in_s = (free_in_ms + 1) / 1000
        for cursor in self._cursors:
            cursor.held.clear()

    async def _take(
        self, cursors: Sequence[StreamCursor], limit: int
    ) -> tuple[list[tuple[StreamCursor, str]], Any]:
        """Take from several streams at one moment; return what was asked, and None instead of answers without the lease."""
        asked = [(cursor, cursor.after) for cursor in cursors]
        keys = [self._names.lease, self._names.store_of_lease, *(cursor.stream for cursor in cursors)]
        places = [part for cursor, after in asked for part in (cursor.group, after)]
        cap = self._settings.max_message_bytes
        return asked, await self._read(
            keys, [self.consumer, self._lease_ms, limit, self._store, cap, *places]
        )

    async def _put_back(self, cursor: StreamCursor, now: bytes, was: bytes) -> bool:
        """Set a group back that somebody has set ahead, or read from, since we last did; what came now comes again.

        Return whether it was. One that was set back gives again what was received, which changes nothing.
        """
        if not cursor.sure or was.decode() == cursor.delivered:
            return False
        facts = {"stream": cursor.stream, "expected": cursor.delivered, "found": was.decode()}
        self._connection.repairs.append(Repair("group_moved", facts))
        cursor.sure = False
        if id_in_numbers(was.decode()) < id_in_numbers(cursor.delivered):
            return False
        arguments: Arguments = [cursor.group, now.decode(), cursor.delivered]
        return bool(await self._connection.ask(partial(self._go_back, [cursor.stream], arguments)))

    async def _wait(self, wait_s: float) -> None:
        """Wait until there is news, or the lease of another may end; whatever the answer, it is only a hint."""
        if not self.holds_lease:
            await asyncio.sleep(min(wait_s, self._lease_free_in_s) if self._lease_free_in_s > 0 else wait_s)
            return
        block_ms = int(wait_s * 1000)
        if block_ms > 0:  # on the server 0 means forever
            after = {cursor.stream: cursor.delivered for cursor in self._cursors}
            news = partial(wait_for_news, self._connection.waiting, after, block_ms)
            await self._connection.ask(news, beyond_s=wait_s)

    def _delivery(
        self, cursor: StreamCursor, server: bytes, entry_id: bytes, content: Content | None, attempt: int
    ) -> Delivery:
        text = entry_id.decode()
        message, digest = from_content(
            cursor.stream,
            text,
            content or [],
            max_bytes=self._settings.max_message_bytes,
            source=cursor.source,
            server=server.decode() or None,
        )
        return Delivery(message, cursor.stream, text, attempt, digest)


def _within_bounds(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Yield deliveries in portions for whose entries the server can look in one step."""
    portion: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        portion.append(delivery)
        size += delivery.message.fields.length or 0
        if size >= ANSWER_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
