"""Check whether the streams belong to the configured store, as `serve` does on start."""

import asyncio

from redis import RedisError

from exitbrain.application.live.publishing_place import PublishedElsewhere, placed
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.message_source import ReadElsewhere, SourceUnavailable
from exitbrain.application.ports.publisher import PublisherUnavailable, Stated
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.application.recording.opening import identity_of
from exitbrain.infrastructure.presentation.installation import Check
from exitbrain.infrastructure.presentation.wording import PUBLISHED_ELSEWHERE
from exitbrain.infrastructure.redis.owners import check_owner
from exitbrain.infrastructure.redis.publisher import RedisPublisher
from exitbrain.infrastructure.wire.stream_names import Names

NAME = "published"


def publication(redis_url: str, names: Names, ledger: ExitLedger) -> Check:
    """Compare the streams with the log; the result is unknown if Redis does not answer."""
    try:
        stated = asyncio.run(_stated(redis_url, names))
    except StreamsUnusable as error:
        return Check(NAME, None, f"not known: {error}")
    except (PublisherUnavailable, RedisError, ValueError):
        return Check(NAME, None, "not known: Redis does not answer")
    store, head = identity_of(ledger), ledger.head()
    try:
        positions = [placed(stream, said, store, head) for stream, said in stated.items() if said is not None]
        asyncio.run(check_owner(redis_url, names, str(store.store_id)))
    except (SourceUnavailable, StreamsUnusable, RedisError):
        return Check(NAME, None, "not known: Redis does not answer")
    except ReadElsewhere as another:
        return Check(NAME, False, f"serve does not start: {another}")
    except PublishedElsewhere as elsewhere:
        return Check(NAME, False, f"serve does not start: {elsewhere}; {PUBLISHED_ELSEWHERE}")
    if not positions:
        return Check(NAME, None, "the streams are not published from any store yet")
    upto = min(one.position for one in positions)
    return Check(NAME, True, f"up to log position {upto} of {head}")


async def _stated(redis_url: str, names: Names) -> dict[str, Stated | None]:
    publisher = RedisPublisher(redis_url)
    try:
        return {stream: await publisher.published(stream) for stream in names.published}
    finally:
        await publisher.close()
