"""Wait for a new entry without receiving it, since it may be hundreds of megabytes."""

from collections.abc import Mapping

from redis.asyncio import Redis
from redis.exceptions import RedisError


async def wait_for_news(client: Redis, after: Mapping[str, str], block_ms: int) -> None:
    """Wait until one of the streams has an entry after an id, at most so long; raises what redis-py raises.

    The server knows no way to wait without an answer that holds the entry, so it is told to send none. Its word that
    it answers again then says that the waiting is over. As nobody would hear of an error either, the same is asked once before
    without waiting, for what comes after the newest entry, which is always nothing.
    """
    streams = ["STREAMS", *after]
    asked = [
        ["XREAD", "COUNT", 1, *streams, *("$" for _ in after)],
        ["CLIENT", "REPLY", "SKIP"],
        ["XREAD", "COUNT", 1, "BLOCK", block_ms, *streams, *after.values()],
        ["CLIENT", "REPLY", "ON"],
    ]
    connection = await client.connection_pool.get_connection()  # type: ignore[no-untyped-call]  # it takes none
    ended = False
    try:
        await connection.send_packed_command(connection.pack_commands(asked))
        for _ in ("XREAD", "CLIENT"):
            answer = await connection.read_response()
            if isinstance(answer, RedisError):
                raise answer
        ended = True
    finally:
        if not ended:  # answers may still come
            await connection.disconnect(nowait=True)
        await client.connection_pool.release(connection)
