"""RedisDeadLetters: read and resend dead letters, for commands that people run."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from exitbrain.application.ports.dead_letters import DeadLetter, DeadLettersUnavailable, UnreadableLetter
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.domain.messages.receipt import RawFields
from exitbrain.infrastructure.redis.connection import COMMAND_TIMEOUT_S, connect_synchronously
from exitbrain.infrastructure.redis.errors import trouble_of
from exitbrain.infrastructure.redis.lua import IN_CHUNKS, LUA_LAST_ID, PACKED
from exitbrain.infrastructure.wire.dead_letter import letter_of
from exitbrain.infrastructure.wire.stream_entry import Content, taken_apart
from exitbrain.infrastructure.wire.stream_names import Names

PAGE = 500
BEGINNING = "0-0"

LETTER_BYTES = 1024 * 1024
"""More than a dead letter of ours ever holds: a message of the highest size cap, all of it escaped."""

# Dead letters from an id on, in turn their ids and what they hold, and the id to go on after, empty at the end.
LETTERS = (
    LUA_LAST_ID
    + PACKED
    + IN_CHUNKS
    + """
local flat = {}
local function take(id, fields)
  local content, size = packed(fields, LETTER_BYTES)
  flat[#flat + 1] = id
  flat[#flat + 1] = content
  return size
end
local function ask(count, after)
  return after ~= LAST_ID and redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', count) or {}
end
local last, ended = in_chunks(tonumber(ARGV[2]), ARGV[1], ask, take)
return {flat, ended and '' or last}
""".replace("LETTER_BYTES", str(LETTER_BYTES))
)


class RedisDeadLetters:
    """Read dead letter streams and send messages again. Raises BadRedisUrl."""

    def __init__(self, url: str, names: Names = Names()) -> None:
        self._names = names
        # Any: its types speak of text and bytes at once.
        self._client: Any = connect_synchronously(url)
        self._letters = self._client.register_script(LETTERS)

    def letters(self, source: str) -> Iterator[DeadLetter | UnreadableLetter]:
        stream, after = self._names.dead_letters_of(source), BEGINNING
        while after:
            with _answering(stream):
                found, last = self._letters(keys=[stream], args=[after, PAGE])
            for entry_id, content in zip(found[::2], found[1::2], strict=True):
                yield _letter(entry_id.decode(), content)
            after = last.decode()

    def resend(self, stream: str, fields: RawFields) -> str:
        with _answering(stream, "; whether the message was sent is not known"):
            return str(self._client.xadd(stream, _raw(fields)), "ascii")

    def close(self) -> None:
        self._client.close()


@contextmanager
def _answering(key: str, consequence: str = "") -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        trouble = trouble_of(error, timeout_s=COMMAND_TIMEOUT_S, keys=[key])
        if trouble.passes is False:
            raise StreamsUnusable(trouble.why) from error
        raise DeadLettersUnavailable(f"{trouble.why}{consequence}") from error


def _letter(entry_id: str, content: Content) -> DeadLetter | UnreadableLetter:
    size, parts = taken_apart(content)
    if size is not None:
        return UnreadableLetter(entry_id, f"it has {size} bytes; one of ours has at most {LETTER_BYTES}")
    texts = [part.decode("utf-8", "replace") for part in parts]
    return letter_of(entry_id, dict(zip(texts[::2], texts[1::2], strict=True)))


def _raw(fields: RawFields) -> dict[Any, Any]:
    """Return fields as they were on the stream: bytes that are no text are bytes again."""
    return {
        name: base64.b64decode(text) if fields.encoded.get(name) == "base64" else text
        for name, text in fields.values.items()
    }
