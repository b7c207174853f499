"""Check which store the incoming streams are read for, from the keys beside the lease and the groups."""

from typing import Any

from exitbrain.application.ports.message_source import ReadElsewhere, SourceUnavailable
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, answering, connect
from exitbrain.infrastructure.wire.stream_names import Names


async def check_owner(url: str, names: Names, store: str) -> None:
    """Raise ReadElsewhere when the streams are read for another store than this; raises SourceUnavailable."""
    keys = [names.store_of_lease, *map(names.store_of_group, names.incoming)]
    async with answering(SourceUnavailable, COMMAND_TIMEOUT_S), connect(url) as client:
        found: dict[str, Any] = {key: await client.get(key) for key in keys}
    for key, said in found.items():
        if said is not None and (theirs := store_in(said)) != store:
            raise ReadElsewhere(f"key {key}", theirs, store)


def store_in(said: bytes) -> str:
    """Return the store named by a key; a group's key also holds the entry after which it began."""
    return said.decode("utf-8", "backslashreplace").partition(":")[0]
