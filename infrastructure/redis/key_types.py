"""Find keys of ours with the wrong type, and say how to fix them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from exitbrain.application.ports.streams import StreamsUnusable

STREAM, STRING = "stream", "string"


async def wrong_types(client: Redis, expected: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of another type than expected, with the type that they have."""
    found = {key: str(await client.type(key), "ascii") for key in expected}  # type: ignore[arg-type]
    return {key: kind for key, kind in found.items() if kind not in {"none", expected[key]}}


def sentence(wrong: Mapping[str, str], expected: Mapping[str, str]) -> str:
    """Return which keys are of another type and what to do about them."""
    named = [
        f"the key {key} is of another type: WRONGTYPE it is a {kind}, and a {expected[key]} belongs there"
        for key, kind in wrong.items()
    ]
    return f"Redis cannot be used: {'; '.join(named)}; rename it or remove it (RENAME, DEL)"


@asynccontextmanager
async def naming_types(client: Redis, expected: Mapping[str, str]) -> AsyncIterator[None]:
    """Name the key and its type where a question fails because of a type; the server's own words name neither."""
    try:
        yield
    except StreamsUnusable as error:
        if "WRONGTYPE" not in str(error):
            raise
        wrong = await wrong_types(client, expected)
        if not wrong:  # it has been put right meanwhile
            raise
        raise StreamsUnusable(sentence(wrong, expected)) from error
