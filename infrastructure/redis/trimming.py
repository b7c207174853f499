"""Find how far the incoming streams can be trimmed without losing entries still needed."""

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, answering, connect
from exitbrain.infrastructure.wire.stream_entry import id_in_numbers
from exitbrain.infrastructure.wire.stream_names import Names

NOTHING = "0-0"


async def trim_advice(url: str, names: Names) -> dict[str, str]:
    """Return for each stream an entry id below which every group has read and acknowledged everything.

    `XTRIM stream MINID id` then cuts nothing that is needed; trimming by length can. The id is 0-0 while our own
    group has not begun. Raises SourceUnavailable and StreamsUnusable.
    """
    keys = names.incoming
    async with answering(SourceUnavailable, COMMAND_TIMEOUT_S, *keys), connect(url) as client:
        return {
            stream: await _needed_from(client, stream, names.group_of(stream)) for stream in names.incoming
        }


async def _needed_from(client: Redis, stream: str, ours: str) -> str:
    try:
        groups = await client.xinfo_groups(stream)
    except ResponseError as error:
        if "no such key" in str(error):
            return NOTHING
        raise
    if ours.encode() not in {group["name"] for group in groups}:
        return NOTHING
    # Pending entries are asked for after the last delivered one: what is delivered in between lies above both.
    needed = [group["last-delivered-id"] for group in groups]
    for group in groups:
        pending = await client.xpending(stream, group["name"])
        if pending["pending"]:
            needed.append(pending["min"])
    return min((str(entry_id, "ascii") for entry_id in needed), key=id_in_numbers)
