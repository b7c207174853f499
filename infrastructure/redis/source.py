"""RedisSource: entries of the incoming streams, each delivered until it is acknowledged.

Each stream has a group of its own, so one blocking read can not serve them all: a plain read waits for news and
takes nothing, then one transaction takes from every group. Streams are merged in the order of entry ids, and what
could overtake an entry that still waits on the server is held back, so a close never comes before its open.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from exitbrain.application.ports.message_source import Backlog, Delivery, SourceUnavailable
from exitbrain.infrastructure.redis.connection import (
    BLOCK_MAX_S,
    COMMAND_TIMEOUT_S,
    answering,
    code_of,
    connect,
    connect_for_blocking,
)
from exitbrain.infrastructure.redis.lanes import BEGINNING, NEW, Held, Lane, merged
from exitbrain.infrastructure.redis.streams import INCOMING, group_of
from exitbrain.infrastructure.wire.stream_entry import digest_of, from_entry

Fields = Mapping[bytes, bytes]

# Not XAUTOCLAIM: it says which entries were trimmed in a different manner in each version, and the newer ones forget
# them by saying so. Here a trimmed entry stays pending, whoever holds it, until it is acknowledged.
_RECLAIM = """
local taken = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])) do
  local id, times = pending[1], pending[4] + 1
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id) end
  taken[#taken + 1] = {id, entry and entry[2] or {}, times}
end
return taken
"""

# A server that lost its newest entries may give their ids again. What was read is acknowledged, and not what bears its
# id now: that may be in somebody's hands, and nobody would see it again.
ACKNOWLEDGE = """
local done = {}
for i = 2, #ARGV, 2 do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if not entry or redis.sha1hex(table.concat(entry[2], '\\0')) == ARGV[i + 1] then done[#done + 1] = ARGV[i] end
end
return #done > 0 and redis.call('XACK', KEYS[1], ARGV[1], unpack(done)) or 0
"""

# One step: between a look and a removal a consumer could be given entries, which would be removed with it.
_REAP = """
local removed, kept = {}, {}
for _, facts in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #facts, 2 do consumer[facts[i]] = facts[i + 1] end
  if consumer.name ~= ARGV[2] and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    removed[#removed + 1] = consumer.name
  else
    kept[#kept + 1] = consumer.name
  end
end
return {removed, kept}
"""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """How entries are taken.

    `group_start` is the entry id after which a group begins that `open` makes; one that the server lost begins at the
    beginning. An entry pending for `reclaim_idle_s` is taken from
    its consumer: longer than the slowest batch, or two workers handle it. A consumer that holds nothing and has not
    asked for `reap_idle_s` is removed.
    """

    max_message_bytes: int = 65_536
    group_start: str = "0"
    reclaim_idle_s: float = 60.0
    reap_idle_s: float = 3600.0
    timeout_s: float = COMMAND_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the server gave for a lane after an id, and what it says `about` these entries or, after NEW, the group."""

    lane: Lane
    after: str
    entries: list[tuple[bytes, Fields]]
    about: list[dict[str, Any]]


class RedisSource:
    """Read streams as a consumer of their groups; `consumer` is a name that stays the same over restarts.

    `groups_recreated` counts how often the server had lost the groups.
    """

    def __init__(
        self,
        url: str,
        consumer: str,
        settings: SourceSettings = SourceSettings(),
        streams: Sequence[str] = INCOMING,
    ) -> None:
        self._commands = connect(url)
        self._waiting = connect_for_blocking(url)
        self._reclaim = self._commands.register_script(_RECLAIM)
        self._reap = self._commands.register_script(_REAP)
        self._acknowledge = self._commands.register_script(ACKNOWLEDGE)
        self._consumer = consumer
        self._settings = settings
        self._lanes = [Lane(number, stream, group_of(stream)) for number, stream in enumerate(streams)]
        self.groups_recreated = 0

    async def open(self) -> None:
        async with answering(SourceUnavailable, self._settings.timeout_s):
            await self._create_groups(self._settings.group_start)
        self._begin_again()

    async def read(self, limit: int, wait_s: float) -> list[Delivery]:
        """Read as the port says; waits for at most `BLOCK_MAX_S`, however much longer it may."""
        await self._fill(limit)
        if not any(lane.held for lane in self._lanes):
            await self._wait(min(wait_s, BLOCK_MAX_S))
            await self._fill(limit)
        return merged(self._lanes, limit)

    async def reclaim(self, limit: int) -> list[Delivery]:
        """Take what is pending for too long, also with ourselves; a trimmed entry comes until it is acknowledged."""
        idle_ms = int(self._settings.reclaim_idle_s * 1000)
        taken: list[Held] = []
        for lane in self._lanes:
            if len(taken) < limit:
                found = await self._run(self._reclaim, lane, idle_ms, limit - len(taken))
                taken += [
                    self._held(lane, entry_id, dict(zip(pairs[::2], pairs[1::2], strict=True)), attempt)
                    for entry_id, pairs, attempt in found
                ]
        return [delivery for _, delivery in sorted(taken, key=itemgetter(0))]

    async def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        for lane in self._lanes:
            ours = [delivery for delivery in deliveries if delivery.stream == lane.stream]
            read = [part for delivery in ours for part in (delivery.entry_id, delivery.digest)]
            if read:
                asked = partial(self._acknowledge, keys=[lane.stream], args=[lane.group, *read])
                await self._ask(asked)

    async def backlog(self) -> list[Backlog]:
        found = []
        for lane in self._lanes:
            groups = await self._ask(partial(self._commands.xinfo_groups, lane.stream))
            facts = _of_group(lane.group, groups)
            found.append(Backlog(lane.stream, facts.get("lag"), facts["pending"]))
        return found

    async def reap(self) -> list[str]:
        """Remove consumers from each group; a name is told when it has gone from all."""
        idle_ms = int(self._settings.reap_idle_s * 1000)
        removed: set[bytes] = set()
        kept: set[bytes] = set()
        for lane in self._lanes:
            gone, here = await self._run(self._reap, lane, idle_ms)
            removed.update(gone)
            kept.update(here)
        return sorted(name.decode("utf-8", "backslashreplace") for name in removed - kept)

    async def close(self) -> None:
        async with answering(SourceUnavailable, self._settings.timeout_s):
            await asyncio.gather(self._commands.aclose(), self._waiting.aclose())

    async def _fill(self, limit: int) -> None:
        """Ask for every lane that is empty, until it is filled or the server has nothing for it either."""
        for lane in self._lanes:
            lane.exhausted = False
        while empty := [lane for lane in self._lanes if not lane.held and not lane.exhausted]:
            for answer in await self._ask(partial(self._take, empty, limit)):
                self._receive(answer, limit)

    async def _take(self, lanes: Sequence[Lane], limit: int) -> list[_Answer]:
        """Take from several lanes at one moment."""
        asked = [(lane, lane.after) for lane in lanes]
        async with self._commands.pipeline(transaction=True) as pipeline:
            queue: Any = pipeline  # its methods queue a command, although their types ask to be awaited
            for lane, after in asked:
                queue.xreadgroup(lane.group, self._consumer, {lane.stream: after}, count=limit)
                if after == NEW:
                    queue.xinfo_groups(lane.stream)
                else:
                    queue.xpending_range(lane.stream, lane.group, f"({after}", "+", limit, self._consumer)
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return [
            _Answer(lane, after, taken[0][1] if taken else [], about)
            for (lane, after), taken, about in zip(asked, replies[::2], replies[1::2], strict=True)
        ]

    def _receive(self, answer: _Answer, limit: int) -> None:
        lane, entries = answer.lane, answer.entries
        attempts: dict[bytes, int] = {}
        if answer.after == NEW:
            lane.exhausted = len(entries) < limit
            lane.delivered = _of_group(lane.group, answer.about)["last-delivered-id"].decode()
        else:
            attempts = {facts["message_id"]: facts["times_delivered"] for facts in answer.about}
            if lane.after == answer.after:  # else it begins again
                lane.after = entries[-1][0].decode() if len(entries) == limit else NEW
        for entry_id, fields in entries:
            lane.held.append(self._held(lane, entry_id, fields, attempts.get(entry_id, 1)))

    async def _wait(self, wait_s: float) -> None:
        """Wait until there is news; whatever the answer, it is only a hint."""
        block_ms = int(wait_s * 1000)
        if block_ms > 0:  # on the server 0 means for ever
            after: dict[Any, Any] = {lane.stream: lane.delivered for lane in self._lanes}
            news = partial(self._waiting.xread, after, count=1, block=block_ms)
            await self._ask(news, self._settings.timeout_s + wait_s)

    def _held(self, lane: Lane, entry_id: bytes, fields: Fields, attempt: int) -> Held:
        text = entry_id.decode()
        message = from_entry(lane.stream, text, fields, max_bytes=self._settings.max_message_bytes)
        return lane.order(text), Delivery(message, lane.stream, text, attempt, digest_of(fields))

    async def _run(self, script: AsyncScript, lane: Lane, *arguments: int) -> list[Any]:
        asked = partial(script, keys=[lane.stream], args=[lane.group, self._consumer, *arguments])
        answer: list[Any] = await self._ask(asked)
        return answer

    async def _ask(self, question: Callable[[], Awaitable[Any]], timeout_s: float | None = None) -> Any:
        """Ask the server; groups that it has lost are made again, and the question is asked once more."""
        try:
            async with answering(SourceUnavailable, timeout_s or self._settings.timeout_s):
                try:
                    return await question()
                except ResponseError as error:
                    if not _group_is_lost(error):
                        raise
                self.groups_recreated += 1
                await self._create_groups(BEGINNING)
                self._begin_again()
                return await question()
        except BaseException:  # what was asked may have been done, also when we are cancelled
            self._begin_again()
            raise

    def _begin_again(self) -> None:
        """Ask next for what is pending with us: the server may have given us what we never saw."""
        for lane in self._lanes:
            lane.after = BEGINNING

    async def _create_groups(self, start: str) -> None:
        for lane in self._lanes:
            try:
                await self._commands.xgroup_create(lane.stream, lane.group, start, mkstream=True)
            except ResponseError as error:
                if code_of(error) != "BUSYGROUP":
                    raise


def _group_is_lost(error: ResponseError) -> bool:
    return code_of(error) in {"NOGROUP", "UNBLOCKED"} or "no such key" in str(error)


def _of_group(name: str, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the server says about a group."""
    for group in groups:
        if group["name"] == name.encode():
            return group
    raise ResponseError(f"NOGROUP {name} is not there")
