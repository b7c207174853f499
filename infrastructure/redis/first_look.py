"""Check a Redis server before anything relies on it."""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.infrastructure.redis.address import address_of
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, answering, connect
from exitbrain.infrastructure.redis.key_types import sentence, wrong_types
from exitbrain.infrastructure.wire.stream_names import Names

PROBE_TIMEOUT_S = 1.0


async def look_at(url: str, names: Names) -> None:
    """Check the types of our keys. Raises SourceUnavailable (temporary) or StreamsUnusable (lasting).

    A lease of another type is no error: the next worker that takes it overwrites it.
    """
    expected = {key: kind for key, kind in names.types.items() if key != names.lease}
    wrong: dict[str, str] = {}
    try:
        async with connect(url) as client:
            for key, kind in expected.items():
                async with answering(SourceUnavailable, COMMAND_TIMEOUT_S, key):
                    wrong |= await wrong_types(client, {key: kind})
    except SourceUnavailable as error:
        await check_tls(url, error)
        raise
    if wrong:
        raise StreamsUnusable(sentence(wrong, expected))


async def check_tls(url: str, error: Exception) -> None:
    """Raise StreamsUnusable when the server could not be reached because one side alone speaks TLS.

    It does not say so: with TLS it hangs up on one who speaks without, without TLS it waits for the end of a greeting.
    """
    if mismatch := await _mismatch(address_of(url)):
        reason = str(error).partition(": ")[2]
        raise StreamsUnusable(f"Redis cannot be used: {mismatch}: {reason}") from error


async def _mismatch(address: dict[str, Any]) -> str:
    """Return which side speaks TLS where the other does not, empty where neither is seen."""
    if "path" in address:
        return ""
    host, port = address.get("host", "localhost"), address.get("port", 6379)
    with suppress(OSError, asyncio.IncompleteReadError):
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            if address.get("connection_class") is None:
                return await _greets_with_tls(host, port)
            return await _answers_without_tls(host, port)
    return ""


async def _greets_with_tls(host: str, port: int) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(host, port, ssl=context)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return "it wants TLS, so the URL must begin with rediss://"


async def _answers_without_tls(host: str, port: int) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"PING\r\n")
        first = await reader.readexactly(1)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return "it speaks without TLS, so the URL must begin with redis://" if first in b"+-" else ""
